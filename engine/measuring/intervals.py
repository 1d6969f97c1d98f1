"""Means with 95 % bootstrap intervals clustered by user, for many columns and slices at once, in bounded memory.

Events of one user are not independent, so users are resampled, not events: every user gets a Poisson(1) weight per
replicate (the bootstrap for streams of Chamandy et al., 2012), and a mean is a ratio of weighted sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from store.errors import BadInput

Key = TypeVar("Key")

REPLICATES = 1_000
LEVEL = 0.95
USERS_AT_A_TIME = 2_048  # 16 MB of weights; fixed, because the weights are drawn per such block


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
    All slices and columns share the users' weights. A slice of fewer than two users says nothing about other
    users: its interval is the whole `span` that the values may have. The user mean is over users with events in
    the slice, of their mean there. Replicates in which no user of the slice was drawn are left out.
    BadInput where lengths differ or a value is not finite. Intervals depend on `seed`, not on the order of events.
    """
    table = _Table(values, users)
    for key, mask in masks.items():
        if np.asarray(mask).shape != table.shape:
            raise BadInput(f"Slice {key}: a mask of shape {np.shape(mask)} for {table.shape[0]} events.")
    found = _accumulate(table, {key: np.asarray(mask, bool) for key, mask in masks.items()}, seed, replicates)
    return {key: sums.means(span) for key, sums in found.items() if sums.n}


def paired(
    a: np.ndarray,
    b: np.ndarray,
    users: np.ndarray,
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
    mask: np.ndarray | None = None,
) -> list[Difference]:
    """Column by column, the mean of a − b over the same events, its interval and two-sided p.

    a, b: float64 [E, M] in one order of events; users: [E]; mask: bool [E], default all. With fewer than two users
    the interval is [−1, 1] and p is 1. p = 2 · min(share of replicates ≤ 0, share ≥ 0), counting the sample itself,
    so never below 2 / (replicates + 1). BadInput where shapes differ or no event is left.
    """
    if a.shape != b.shape:
        raise BadInput(f"Values of shapes {a.shape} and {b.shape} are not of the same events and metrics.")
    table = _Table(np.asarray(a, np.float64) - np.asarray(b, np.float64), users)
    chosen = np.ones(table.shape, bool) if mask is None else np.asarray(mask, bool)
    sums = _accumulate(table, {"": chosen}, seed, replicates)[""]
    if not sums.n:
        raise BadInput("No event is left to compare the two models on. Choose another slice.")
    return sums.differences()


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p values that are read together, in their order.

    `holm([0.01, 0.04, 0.03])` is `[0.03, 0.06, 0.06]`.
    """
    order = np.argsort(p, kind="stable")
    factors = len(order) - np.arange(len(order))
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p, np.float64)[order] * factors))
    return [float(x) for x in corrected]


class _Table:
    """Values sorted by user, with the events of a block of users in one run of rows."""

    def __init__(self, values: np.ndarray, users: np.ndarray) -> None:
        values, users = np.asarray(values, np.float64), np.asarray(users)
        if values.ndim != 2 or users.shape != values.shape[:1]:
            raise BadInput(
                f"Values of shape {values.shape} and users of shape {users.shape}: "
                "one row of values and one user per event are needed."
            )
        if not np.isfinite(values).all():
            raise BadInput("A value is NaN or infinite, so a mean over it would say nothing.")
        self.shape = users.shape
        self.order = np.argsort(users, kind="stable")
        self.values = values[self.order]
        new = np.diff(users[self.order], prepend=users[self.order][:1]) != 0
        self.user = np.cumsum(new)  # int64 [E]: users counted from 0 in ascending order of their ids
        self.users = int(self.user[-1]) + 1 if len(users) else 0

    def blocks(self) -> Iterator[tuple[int, slice]]:
        """The first user of each block, and its rows."""
        for first in range(0, self.users, USERS_AT_A_TIME):
            rows = np.searchsorted(self.user, (first, first + USERS_AT_A_TIME))
            yield first, slice(int(rows[0]), int(rows[1]))


class _Sums:
    """Weighted sums of one slice: of values, events, per-user means and users, per replicate.

    Row 0 is the sample itself (all weights 1); the columns are M sums, M sums of user means, events, users.
    """

    def __init__(self, columns: int, replicates: int) -> None:
        self.columns = columns
        self.sums = np.zeros((replicates + 1, 2 * columns + 2))

    def add(self, values: np.ndarray, user: np.ndarray, weights: np.ndarray) -> None:
        """values float64 [N, M] of users int64 [N] (ascending, from 0 in the block); weights float64 [U, B]."""
        starts = np.flatnonzero(np.diff(user, prepend=-1))
        totals = np.add.reduceat(values, starts, axis=0)
        counts = np.diff(np.append(starts, len(user)))[:, None].astype(np.float64)
        features = np.hstack((totals, totals / counts, counts, np.ones_like(counts)))  # [users here, 2M + 2]
        self.sums[0] += features.sum(axis=0)
        self.sums[1:] += weights[user[starts]].T @ features  # [B, users here] · [users here, 2M + 2]

    @property
    def n(self) -> int:
        return int(self.sums[0, -2])

    @property
    def users(self) -> int:
        return int(self.sums[0, -1])

    def ratios(self, by_user: bool) -> np.ndarray:
        """Means per replicate, float64 [1 + B', M], the sample first, without replicates that drew nobody."""
        drawn = self.sums[self.sums[:, -1] > 0]
        part = slice(self.columns, 2 * self.columns) if by_user else slice(0, self.columns)
        return drawn[:, part] / drawn[:, -1 if by_user else -2, None]

    def means(self, span: tuple[float, float]) -> list[Mean]:
        parts = [(ratios[0], *_percentiles(ratios, self.users, span)) for ratios in map(self.ratios, (False, True))]
        rows = np.stack([column for part in parts for column in part], axis=1)
        return [Mean(self.n, self.users, *map(float, row)) for row in rows]

    def differences(self) -> list[Difference]:
        p_values = [_two_sided(self.ratios(by_user), self.users) for by_user in (False, True)]
        return [
            Difference(**vars(mean), p=float(p), user_p=float(user_p))
            for mean, p, user_p in zip(self.means((-1.0, 1.0)), *p_values, strict=True)
        ]


def _accumulate(table: _Table, masks: dict[Key, np.ndarray], seed: int, replicates: int) -> dict[Key, _Sums]:
    sums = {key: _Sums(table.values.shape[1], replicates) for key in masks}
    sorted_masks = {key: mask[table.order] for key, mask in masks.items()}
    for first, rows in table.blocks():
        size = min(USERS_AT_A_TIME, table.users - first)
        rng = np.random.default_rng([seed, first])
        weights = rng.poisson(1.0, (size, replicates)).astype(np.float64)
        for key, mask in sorted_masks.items():
            inside = mask[rows]
            if inside.any():
                sums[key].add(table.values[rows][inside], table.user[rows][inside] - first, weights)
    return sums


def _percentiles(ratios: np.ndarray, users: int, span: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    if users < 2 or len(ratios) < 2:
        return np.full(ratios.shape[1], span[0]), np.full(ratios.shape[1], span[1])
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(ratios[1:], (tail, 100 - tail), axis=0)
    return low, high


def _two_sided(ratios: np.ndarray, users: int) -> np.ndarray:
    if users < 2:
        return np.ones(ratios.shape[1])
    drawn = ratios[1:]
    below, above = (drawn <= 0).sum(axis=0) + 1, (drawn >= 0).sum(axis=0) + 1
    return np.minimum(1.0, 2 * np.minimum(below, above) / (len(drawn) + 1))
