"""Every metric of every slice from the rank pairs of one evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.measuring.intervals import slice_means
from engine.measuring.metrics import MEASURES, Ties
from engine.measuring.slices import Part
from store.records import Metric, Ranks
from store.words import Seen

BOOTSTRAP_SEED = 0  # intervals of a stored evaluation never change


@dataclass(frozen=True)
class RankPairs:
    """The rank pairs of E events (int32 [E]) and how much of each history the model read."""

    visible: np.ndarray
    better: np.ndarray
    tied: np.ndarray
    better_masked: np.ndarray
    tied_masked: np.ndarray

    @classmethod
    def of(cls, blocks: Iterable[Ranks | RankPairs]) -> RankPairs:
        """Those of all blocks end to end, without what else `Ranks` hold."""
        blocks = list(blocks)
        names = ("visible", "better", "tied", "better_masked", "tied_masked")
        return cls(*(np.concatenate([getattr(block, name) for block in blocks]) for name in names))

    def pair(self, seen: Seen) -> tuple[np.ndarray, np.ndarray]:
        """better and tied under a seen rule."""
        return (self.better, self.tied) if seen is Seen.KEEP else (self.better_masked, self.tied_masked)


def event_values(pairs: RankPairs, candidates: int, ties: Ties = Ties.EXPECTED) -> np.ndarray:
    """All metrics of all events, float64 [E, 2 · M]: the M of `MEASURES` with seen items kept, then masked."""
    columns = [measure(*pairs.pair(seen), ties=ties, candidates=candidates) for seen in Seen for measure in MEASURES]
    return np.stack(columns, axis=1)


def measure_slices(pairs: RankPairs, users: np.ndarray, parts: list[Part], candidates: int) -> list[Metric]:
    """Mean, interval and tie bounds of every metric in every slice; users int32 [E] own the events."""
    names = [(str(measure), seen) for seen in Seen for measure in MEASURES]
    means = slice_means(
        event_values(pairs, candidates),
        users,
        {(part.slice, part.value): part.mask for part in parts},
        seed=BOOTSTRAP_SEED,
    )
    lower, upper = (event_values(pairs, candidates, ties) for ties in (Ties.LOWER, Ties.UPPER))
    found: list[Metric] = []
    for part in parts:
        bounds = lower[part.mask].mean(axis=0), upper[part.mask].mean(axis=0)
        for column, (name, seen) in enumerate(names):
            mean = means[part.slice, part.value][column]
            found.append(
                Metric(
                    slice=part.slice.value,
                    value=part.value,
                    metric=name,
                    seen=seen.value,
                    lower=float(bounds[0][column]),
                    upper=float(bounds[1][column]),
                    **vars(mean),
                )
            )
    return found
