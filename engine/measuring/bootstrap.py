"""Means of a sample and of its bootstrap replicates, clustered by user, for many columns and slices at once.

Events of one user are not independent, so users are resampled, not events: every user gets a Poisson(1) weight per
replicate (the bootstrap for streams of Chamandy et al., 2012), and a mean is a ratio of weighted sums. Weights are
drawn from 16 random bits each, so a probability is off by at most 2⁻¹⁷ and a weight is at most 8: the width of an
interval changes by less than 0.01 %, where 1,000 replicates leave it uncertain by some 3 %.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from math import exp, factorial
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from engine.measuring.clusters import Clusters, UserIndex
from store.errors import BadInput

Key = TypeVar("Key")

REPLICATES = 1_000
WORKERS = 8  # each holds its own sums
USERS_AT_A_TIME = 512  # 4 MB of weights, which a core's cache holds; fixed, because weights are drawn per such block
CUMULATIVE = np.cumsum([exp(-1) / factorial(k) for k in range(8)])  # the chance of a weight of at most k
THRESHOLDS = np.rint(CUMULATIVE * 2**16).astype(np.uint16)  # a weight is how many of them a draw reaches


@dataclass(frozen=True)
class Resampled:
    """The means of one slice: float64 [1 + R, M], the sample's own in row 0, then those of R replicates.

    means: every event weighs the same; user_means: every user, with the mean of their events in the slice.
    """

    n: int
    users: int
    means: np.ndarray
    user_means: np.ndarray


def resample(
    values: np.ndarray,
    user_index: UserIndex,
    masks: Mapping[Key, np.ndarray],
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[Key, Resampled]:
    """Every slice's means and their replicates; slices without events are left out.

    values: float64 [E, M]; masks: slice -> bool [E], keys come back as they are.
    All slices and columns share the users' weights, which depend on `seed` and on the evaluation's users, on nothing
    else; a column's numbers do not depend on what other columns, slices and events are there, to the last bit, while
    all values lie in [−1, 1]. Replicates in which no user of the slice was drawn are left out.
    BadInput where lengths differ or a value is not finite.
    """
    clusters = Clusters(values, user_index)
    for key, mask in masks.items():
        if np.shape(mask) != (clusters.events,):
            raise BadInput(f"Slice {key}: a mask of shape {np.shape(mask)} for {clusters.events} events.")
    inside = {key: clusters.ordered(mask) for key, mask in masks.items()}
    inside = {key: mask for key, mask in inside.items() if mask.any()}
    shape = (2 * clusters.columns + 2, replicates + 1)
    blocks = list(clusters.blocks(USERS_AT_A_TIME))
    workers = max(1, min(os.cpu_count() or 1, WORKERS, len(blocks)))

    def stripe(number: int) -> dict[Key, np.ndarray]:
        sums = {key: np.zeros(shape) for key in inside}
        for first, rows in blocks[number::workers]:
            here = {key: mask[rows] for key, mask in inside.items() if mask[rows].any()}
            present = np.unique(clusters.user[rows])
            weights = _weights(seed, first, present - first, replicates)
            for key, mask in here.items():
                user, parts = clusters.sums(rows, mask)
                everyone = len(user) == len(present)
                sums[key] += parts @ (weights if everyone else weights[np.searchsorted(present, user)])
        return sums

    # The products are too small to be worth dividing, and waiting for one another on a busy machine costs twenty
    # times what they take; so each worker multiplies alone.
    with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
        stripes = list(pool.map(stripe, range(workers)))
    return {key: _resampled(np.add.reduce([sums[key] for sums in stripes]), clusters) for key in inside}


def one_blas_thread() -> AbstractContextManager[object]:
    """While it is open, numpy's products run on the thread that asks for them."""
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all libraries that are loaded: once is enough


def _weights(seed: int, first: int, users: np.ndarray, replicates: int) -> np.ndarray:
    """float64 [N, 1 + replicates] for N users of the block that starts with user number `first`.

    users: int [N], ascending, counted within the block. Column 0 is 1: the sample itself.
    """
    size = (int(users[-1]) + 1) * replicates
    draws = np.random.PCG64([seed, first]).random_raw(-(-size // 4)).astype("<u8", copy=False)
    bits = draws.view("<u2")[:size].reshape(-1, replicates)
    if len(users) < len(bits):
        bits = bits[users]
    counts, reached = np.zeros(bits.shape, np.uint8), np.empty(bits.shape, bool)
    for threshold in THRESHOLDS:
        np.add(counts, np.greater_equal(bits, threshold, out=reached).view(np.uint8), out=counts)
    weights = np.ones((len(users), replicates + 1))
    weights[:, 1:] = counts
    return weights


def _resampled(sums: np.ndarray, clusters: Clusters) -> Resampled:
    drawn = sums[:, sums[-1] > 0].T
    width = clusters.columns
    events, users = drawn[:, -2:-1] * clusters.scale, drawn[:, -1:] * clusters.scale
    return Resampled(int(sums[-2, 0]), int(sums[-1, 0]), drawn[:, :width] / events, drawn[:, width:-2] / users)
