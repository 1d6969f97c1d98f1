"""Paired permutation tests: were the two models the same, each user's differences could as well have the other sign.

The signs of all of a user's events flip together, as their events are not independent. Sums are of whole numbers, so
that a flip which changes nothing counts as exactly as extreme as what was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.measuring.bootstrap import one_blas_thread
from engine.measuring.clusters import Clusters, UserIndex
from store.errors import BadInput

ROUNDS = 10_000
USERS_AT_A_TIME = 128  # 10 MB of signs; fixed, because signs are drawn per such block


@dataclass(frozen=True)
class Flipped:
    """Two-sided p of a mean difference where every event weighs the same, and where every user does."""

    p: float
    user_p: float


def permutation(
    a: np.ndarray,
    b: np.ndarray,
    users: np.ndarray,
    *,
    seed: int = 0,
    rounds: int = ROUNDS,
    mask: np.ndarray | None = None,
) -> list[Flipped]:
    """Column by column, how often flipped differences are at least as far from 0 as those of a − b.

    a, b: float64 [E, M] in one order of events; users: [E]; mask: bool [E], default all. Where there are no more
    ways to flip than `rounds`, all are tried and p is exact; else p counts the sample itself, so it is never below
    1 / (rounds + 1). BadInput where shapes differ or no event is left.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise BadInput(f"Values of shapes {a.shape} and {b.shape} are not of the same events and metrics.")
    inside = np.ones(len(a), bool) if mask is None else np.asarray(mask, bool)
    if not inside.any():
        raise BadInput("No event is left to compare the two models on. Choose another slice.")
    columns = np.arange(a.shape[1])
    return flips(
        np.hstack((a, b)), UserIndex.of(users), inside, columns, columns + a.shape[1], seed=seed, rounds=rounds
    )


def flips(
    values: np.ndarray,
    user_index: UserIndex,
    mask: np.ndarray,
    left: Sequence[int] | np.ndarray,
    right: Sequence[int] | np.ndarray,
    *,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> list[Flipped]:
    """As `permutation`, for pairs of columns of `values`, float64 [E, M]: left − right."""
    clusters = Clusters(values, user_index)
    user, sums = clusters.sums(slice(0, clusters.events), clusters.ordered(mask))
    sums, means = sums[: clusters.columns], sums[clusters.columns : -2]
    gaps = np.concatenate((sums[left] - sums[right], means[left] - means[right]))  # whole numbers [2P, N]
    ways = 2 ** min(len(user), 62)
    if ways <= rounds:
        p = _extreme(gaps, gaps @ _all_signs(len(user))) / ways
    else:
        p = (_extreme(gaps, _flipped(gaps, user, seed, rounds)) + 1) / (rounds + 1)
    return [Flipped(float(one), float(other)) for one, other in zip(*np.split(p, 2), strict=True)]


def _extreme(gaps: np.ndarray, flipped: np.ndarray) -> np.ndarray:
    """How many flips are at least as far from 0 as what was found, [2P]; flipped: sums [2P, R]."""
    return (np.abs(flipped) >= np.abs(gaps.sum(axis=1, keepdims=True))).sum(axis=1)


def _flipped(gaps: np.ndarray, user: np.ndarray, seed: int, rounds: int) -> np.ndarray:
    """Sums after random flips, [2P, rounds]; gaps: whole numbers [2P, N] of the users with these numbers."""
    sums = np.zeros((len(gaps), rounds))
    counts = gaps.any(axis=0)  # a user without a difference needs no sign
    gaps, user = gaps[:, counts], user[counts]
    with one_blas_thread():
        for first in range(0, int(user.max(initial=-1)) + 1, USERS_AT_A_TIME):
            here = slice(*np.searchsorted(user, (first, first + USERS_AT_A_TIME)))
            if here.stop > here.start:
                sums += gaps[:, here] @ _signs(seed, first, rounds)[user[here] - first]
    return sums


def _all_signs(users: int) -> np.ndarray:
    """Every way to give each of so many users a sign, float64 [users, 2^users]."""
    return 1.0 - 2.0 * (np.arange(2**users) >> np.arange(users)[:, None] & 1)


def _signs(seed: int, first: int, rounds: int) -> np.ndarray:
    """Random signs for the users from number `first` on, float64 [128, rounds]."""
    draws = np.random.PCG64([seed, first]).random_raw(-(-USERS_AT_A_TIME * rounds // 64)).astype("<u8", copy=False)
    bits = np.unpackbits(draws.view(np.uint8), count=USERS_AT_A_TIME * rounds).reshape(USERS_AT_A_TIME, rounds)
    return 1.0 - 2.0 * bits
