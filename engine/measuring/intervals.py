"""Means and paired differences with 95 % intervals clustered by user, from bootstrap replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from engine.measuring.bootstrap import REPLICATES, Key, Resampled, resample
from engine.measuring.clusters import UserIndex
from engine.measuring.highlighting import CONFIDENCE
from store.errors import BadInput

FEW_USERS = 30  # fewer say too little about the tail of a normal distribution


@dataclass(frozen=True)
class Mean:
    """A mean over n events of some users, with 95 % intervals clustered by user.

    mean, low, high: every event weighs the same. user_mean, user_low, user_high: every user weighs the same.
    """

    n: int
    users: int
    mean: float
    low: float
    high: float
    user_mean: float
    user_low: float
    user_high: float


@dataclass(frozen=True)
class Difference(Mean):
    """A mean difference of two models on the same events; p values are two-sided, against no difference."""

    p: float
    user_p: float


def slice_means(
    values: np.ndarray,
    users: np.ndarray,
    masks: Mapping[Key, np.ndarray],
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    span: tuple[float, float] = (0.0, 1.0),
) -> dict[Key, list[Mean]]:
    """For every slice, the mean and interval of every column; slices without events are left out.

    values: float64 [E, M]; users: integer [E], any ids; masks: slice -> bool [E], keys come back as they are.
    A slice of fewer than two users says nothing about other users: its interval is the whole `span` that the values
    may have. The user mean is over users with events in the slice, of their mean there.
    BadInput as for `resample`. Intervals depend on `seed`, not on the order of events.
    """
    found = resample(values, UserIndex.of(users), masks, seed=seed, replicates=replicates)
    return {key: means(part, span) for key, part in found.items()}


def paired(
    a: np.ndarray,
    b: np.ndarray,
    users: np.ndarray,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    mask: np.ndarray | None = None,
) -> list[Difference]:
    """Column by column, the mean of a − b over the same events, its interval and two-sided p (see `differences`).

    a, b: float64 [E, M] in one order of events; users: [E]; mask: bool [E], default all.
    BadInput where shapes differ or no event is left.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise BadInput(f"Values of shapes {a.shape} and {b.shape} are not of the same events and metrics.")
    chosen = np.ones(len(a), bool) if mask is None else mask
    found = resample(np.hstack((a, b)), UserIndex.of(users), {"": chosen}, seed=seed, replicates=replicates)
    if not found:
        raise BadInput("No event is left to compare the two models on. Choose another slice.")
    columns = np.arange(a.shape[1])
    return differences(found[""], columns, columns + a.shape[1])


def means(of: Resampled, span: tuple[float, float] = (0.0, 1.0)) -> list[Mean]:
    """Every column's mean with its interval; `span` where there are fewer than two users."""
    parts = (*_interval(of.means, of.users, span), *_interval(of.user_means, of.users, span))
    return [Mean(of.n, of.users, *map(float, row)) for row in zip(*parts, strict=True)]


def differences(of: Resampled, left: Sequence[int] | np.ndarray, right: Sequence[int] | np.ndarray) -> list[Difference]:
    """Pair by pair of columns, the mean of left − right with its interval and two-sided p.

    With fewer than two users the interval is [−1, 1] and p is 1. p = 2 · min(share of replicates ≤ 0, share ≥ 0),
    counting the sample itself; where that is as small as it can be, 2 / (replicates + 1), and there are FEW_USERS or
    more, the tail of a normal distribution as wide as the replicates: a table holds hundreds of tests, and Holm's
    correction of more than 25 would hide the clearest difference behind the number of replicates.
    """
    left, right = np.asarray(left, int), np.asarray(right, int)
    pairs = Resampled(
        of.n, of.users, of.means[:, left] - of.means[:, right], of.user_means[:, left] - of.user_means[:, right]
    )
    p, user_p = (_two_sided(part, of.users) for part in (pairs.means, pairs.user_means))
    found = zip(means(pairs, (-1.0, 1.0)), p, user_p, strict=True)
    return [Difference(**vars(mean), p=float(one), user_p=float(other)) for mean, one, other in found]


def _interval(
    replicates: np.ndarray, users: int, span: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low and high of every column; row 0 of `replicates` is the sample."""
    if users < 2 or len(replicates) < 2:
        return replicates[0], np.full(replicates.shape[1], span[0]), np.full(replicates.shape[1], span[1])
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(replicates[1:], (tail, 100 - tail), axis=0)
    return replicates[0], low, high


def _two_sided(replicates: np.ndarray, users: int) -> np.ndarray:
    if users < 2:
        return np.ones(replicates.shape[1])
    drawn = replicates[1:]
    below, above = (drawn <= 0).sum(axis=0) + 1, (drawn >= 0).sum(axis=0) + 1
    p = np.minimum(1.0, 2 * np.minimum(below, above) / (len(drawn) + 1))
    error = drawn.std(axis=0) if len(drawn) else np.zeros(len(p))
    for column in np.flatnonzero((np.minimum(below, above) == 1) & (error > 0)) if users >= FEW_USERS else ():
        p[column] = min(p[column], erfc(abs(replicates[0, column]) / error[column] / sqrt(2)))
    return p
