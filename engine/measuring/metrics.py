"""Metrics of thesis 3.2 as functions of rank pairs: one value per event, averaged elsewhere.

With `better` candidates above the target and `tied` others beside it, the target's position under random
tie-breaking is uniform on better+1 … better+tied+1. A metric is its expectation over that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from store.errors import BadInput, unknown

CUTOFFS = (1, 5, 10, 20, 50)
EULER = 0.5772156649015329  # Euler–Mascheroni constant
DIRECT = 64  # harmonic numbers below are summed; from here on the series below is exact to 1e-17


class Ties(StrEnum):
    """How a tie counts: in expectation, or all of them against or for the target (bounds)."""

    EXPECTED = "expected"
    LOWER = "lower"
    UPPER = "upper"


class MetricKind(StrEnum):
    """What a metric measures, apart from its cut-off."""

    HIT_RATIO = "hr"
    NDCG = "ndcg"
    RECIPROCAL_RANK = "mrr"


@dataclass(frozen=True)
class Measure:
    """A metric with its cut-off: `hr@10`, `ndcg@50`, `mrr` (which has none)."""

    kind: MetricKind
    cutoff: int | None = None

    def __str__(self) -> str:
        return self.kind.value if self.cutoff is None else f"{self.kind.value}@{self.cutoff}"

    def __call__(
        self,
        better: np.ndarray,
        tied: np.ndarray,
        *,
        ties: Ties = Ties.EXPECTED,
        candidates: int | None = None,
    ) -> np.ndarray:
        """The metric of each event, float64 [E]; arguments as for `hit_ratio`."""
        if self.kind is MetricKind.RECIPROCAL_RANK:
            return reciprocal_rank(better, tied, ties=ties, candidates=candidates)
        function = hit_ratio if self.kind is MetricKind.HIT_RATIO else ndcg
        return function(better, tied, self.cutoff or 0, ties=ties, candidates=candidates)


MEASURES = (
    *(Measure(MetricKind.HIT_RATIO, k) for k in CUTOFFS),
    *(Measure(MetricKind.NDCG, k) for k in CUTOFFS),
    Measure(MetricKind.RECIPROCAL_RANK),
)
METRICS = tuple(str(measure) for measure in MEASURES)  # as they are stored and asked for


def measure(name: str) -> Measure:
    """The metric that a person named, in any case: `HR@10`, `ndcg@50`, `mrr`.

    BadInput offers the nearest names if it is none of METRICS.
    """
    wanted = name.strip().lower()
    if wanted not in METRICS:
        raise unknown("metric", name, METRICS)
    return MEASURES[METRICS.index(wanted)]


def hit_ratio(
    better: np.ndarray,
    tied: np.ndarray,
    k: int,
    *,
    ties: Ties = Ties.EXPECTED,
    candidates: int | None = None,
) -> np.ndarray:
    """The chance that the target is among the first k (thesis 3.2, eq. 3.3 before averaging), float64 [E].

    better, tied: integers ≥ 0, [E]. k ≥ 1. candidates: how many items were ranked; an event whose `better` reaches
    it has a target outside of them, which is a miss even where k is larger. BadInput for a negative count or k < 1.
    `hit_ratio([9], [1], 10)` is 0.5: the target is tenth or eleventh.
    """
    _cutoff(k)

    def among(above: np.ndarray, ranks: np.ndarray | int) -> np.ndarray:
        return np.clip(k - above, 0, ranks) / ranks

    return _expected(among, better, tied, ties, candidates)


def ndcg(
    better: np.ndarray,
    tied: np.ndarray,
    k: int,
    *,
    ties: Ties = Ties.EXPECTED,
    candidates: int | None = None,
) -> np.ndarray:
    """The expected 1/log2(1 + position), 0 beyond k (thesis 3.2, eq. 3.4–3.5 before averaging), float64 [E].

    One item is relevant, so the ideal gain is 1. Arguments and errors as for `hit_ratio`.
    `ndcg([1], [0], 10)` is 1/log2(1 + 2).
    """
    gains = np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(_cutoff(k)) + 2.0))))

    alone = np.append(np.diff(gains), 0.0)

    def gain(above: np.ndarray, ranks: np.ndarray | int) -> np.ndarray:
        if isinstance(ranks, int):
            return alone[np.minimum(above, k)]
        return (gains[np.minimum(above + ranks, k)] - gains[np.minimum(above, k)]) / ranks

    return _expected(gain, better, tied, ties, candidates)


def reciprocal_rank(
    better: np.ndarray,
    tied: np.ndarray,
    *,
    ties: Ties = Ties.EXPECTED,
    candidates: int | None = None,
) -> np.ndarray:
    """The expected 1/position over the whole ranking, whose mean is the MRR, float64 [E].

    (H(better + tied + 1) − H(better)) / (tied + 1) with harmonic numbers H. Arguments and errors as for `hit_ratio`.
    """

    def inverse(above: np.ndarray, ranks: np.ndarray | int) -> np.ndarray:
        return 1.0 / (above + 1) if isinstance(ranks, int) else _harmonic_span(above, above + ranks) / ranks

    return _expected(inverse, better, tied, ties, candidates)


def _expected(
    value: Callable[[np.ndarray, np.ndarray | int], np.ndarray],
    better: np.ndarray,
    tied: np.ndarray,
    ties: Ties,
    candidates: int | None,
) -> np.ndarray:
    """The metric of each event; `value(above, places)` is its mean over the places above+1 … above+places.

    Most targets have a place of their own, for which every metric is much cheaper than for a shared one.
    """
    above, others = np.asarray(better), np.asarray(tied)
    if above.shape != others.shape or (above < 0).any() or (others < 0).any():
        raise BadInput(
            f"Rank pairs of shapes {above.shape} and {others.shape}: both need one count ≥ 0 for every event."
        )
    place = above + others if ties is Ties.LOWER else above
    found = np.asarray(value(place, 1), np.float64)
    if ties is Ties.EXPECTED:
        shared = np.flatnonzero(others)
        found[shared] = value(above[shared].astype(np.int64), others[shared].astype(np.int64) + 1)
    if candidates is not None:
        found[above >= candidates] = 0.0
    return found


def _cutoff(k: int) -> int:
    if k < 1:
        raise BadInput(f"Cut-off {k}: it must be 1 or more, usually one of {', '.join(map(str, CUTOFFS))}.")
    return k


def _harmonic_span(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """H(high) − H(low) for integers 0 ≤ low < high, accurate however close or large they are."""
    table = np.concatenate(([0.0], np.cumsum(1.0 / np.arange(1, DIRECT + 1))))
    far = np.maximum(low, 1)
    both_large = np.log1p((high - far) / far) + _tail(high) - _tail(far)
    from_table = np.where(
        high <= DIRECT, table[np.minimum(high, DIRECT)], np.log(high) + EULER + _tail(high)
    ) - table[np.minimum(low, DIRECT)]  # fmt: skip
    return np.where(low >= DIRECT, both_large, from_table)


def _tail(n: np.ndarray) -> np.ndarray:
    """H(n) − ln n − γ, asymptotically."""
    inverse = 1.0 / n
    square = inverse * inverse
    return inverse / 2 - square / 12 + square * square / 120 - square**3 / 252
