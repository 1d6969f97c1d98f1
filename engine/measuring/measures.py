"""Every metric of every slice from the rank pairs of evaluations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.measuring.bootstrap import resample
from engine.measuring.clusters import UserIndex
from engine.measuring.intervals import means
from engine.measuring.metrics import MEASURES, Measure, Ties
from engine.measuring.slices import Part
from store.enums import Seen
from store.rows import Metric, Ranks

BOOTSTRAP_SEED = 0  # the same events always get the same intervals


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


@dataclass(frozen=True)
class MetricColumn:
    """One metric of one evaluation under one seen rule, with its rank pairs int32 [E]."""

    measure: Measure
    seen: Seen
    better: np.ndarray
    tied: np.ndarray
    candidates: int

    def values(self, ties: Ties = Ties.EXPECTED, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The metric of every event or of some, float64 [E]."""
        return self.measure(self.better[rows], self.tied[rows], ties=ties, candidates=self.candidates)


def values(columns: Sequence[MetricColumn]) -> np.ndarray:
    """The metrics of all events, float64 [E, M]."""
    found = np.empty((len(columns), len(columns[0].better)))
    for row, column in zip(found, columns, strict=True):
        row[:] = column.values()
    return found.T


def measure_columns(
    columns: Sequence[MetricColumn], user_index: UserIndex, parts: Sequence[Part]
) -> list[list[Metric]]:
    """Part by part, mean, interval and tie bounds of every column.

    A metric depends on nothing but its own column and the users of the whole evaluation: it is the same, to the last
    bit, when it is asked for alone.
    """
    masks = {(part.slice, part.value): part.mask for part in parts}
    resampled = resample(values(columns), user_index, masks, seed=BOOTSTRAP_SEED)
    leeways = [_leeways(column, parts) for column in columns]
    return [
        [
            Metric(
                slice=part.slice.value,
                value=part.value,
                metric=str(column.measure),
                seen=column.seen.value,
                lower=mean.mean + leeways[place][row][0],
                upper=mean.mean + leeways[place][row][1],
                **vars(mean),
            )
            for place, (column, mean) in enumerate(zip(columns, means(resampled[part.slice, part.value]), strict=True))
        ]
        for row, part in enumerate(parts)
    ]


def measure_slices(pairs: RankPairs, users: np.ndarray, parts: list[Part], candidates: int) -> list[Metric]:
    """All metrics of one evaluation under both seen rules in every slice; users int32 [E] own the events."""
    columns = [MetricColumn(measure, seen, *pairs.pair(seen), candidates) for seen in Seen for measure in MEASURES]
    return [metric for metrics in measure_columns(columns, UserIndex.of(users), parts) for metric in metrics]


def _leeways(column: MetricColumn, parts: Sequence[Part]) -> list[tuple[float, float]]:
    """For every part, how far the mean would fall and rise if all ties went against and for the target."""
    tied = np.flatnonzero(column.tied)
    expected = column.values(rows=tied)
    fall, rise = (column.values(ties, tied) - expected for ties in (Ties.LOWER, Ties.UPPER))
    found = []
    for part in parts:
        inside, n = part.mask[tied], np.count_nonzero(part.mask)
        found.append((min(0.0, float(fall[inside].sum()) / n), max(0.0, float(rise[inside].sum()) / n)))
    return found
