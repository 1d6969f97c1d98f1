"""What a model loses where the items of its histories come in another order, and how much of its top 10 stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.measuring.aligned_evaluations import align_evaluations, columns
from engine.measuring.bootstrap import resample
from engine.measuring.intervals import Difference, Mean, differences, means
from engine.measuring.measures import BOOTSTRAP_SEED, values
from engine.measuring.metrics import Measure
from store import evaluations
from store.enums import Seen
from store.rows import Evaluation

TOP = 10


@dataclass(frozen=True)
class OrderUse:
    """own: the metric as it is; drop: own less the mean of the shuffled; kept: share of the top 10 that stays.

    means, user_means: the metric of each shuffled evaluation, every event or every user weighing the same.
    """

    own: Mean
    drop: Difference
    kept: Mean
    means: tuple[float, ...]
    user_means: tuple[float, ...]


def order_use(db: sqlite3.Connection, of: Sequence[Evaluation], metric: Measure, seen: Seen) -> OrderUse:
    """of: one model's evaluation of histories as they are, then those of the same events with shuffled histories.

    `BadInput` where they are not over the same events.
    """
    together = align_evaluations(db, of)
    ((_, batch),) = columns(db, together, [metric], [seen])
    measured = values(batch)  # [E, 1 + S]
    lists = [_top(db, each, seen)[together.rows] for each in of]
    kept = np.mean([overlap(lists[0], other) for other in lists[1:]], axis=0)
    table = np.column_stack((measured, drops(measured), kept, np.zeros(len(kept))))
    everything = {"": np.ones(len(kept), bool)}
    resampled = resample(table, together.user_index, everything, seed=BOOTSTRAP_SEED)[""]
    drop, share, nothing = len(of), len(of) + 1, len(of) + 2
    found = means(resampled)
    (lost,) = differences(resampled, [drop], [nothing])
    shuffled = found[1 : len(of)]
    return OrderUse(
        own=found[0],
        drop=lost,
        kept=found[share],
        means=tuple(mean.mean for mean in shuffled),
        user_means=tuple(mean.user_mean for mean in shuffled),
    )


def drops(measured: np.ndarray) -> np.ndarray:
    """Per event, the metric as it is (column 0) less that of each shuffled history, and the mean of these, [E].

    Exactly 0 where all are equal.
    """
    return (measured[:, :1] - measured[:, 1:]).mean(axis=1)


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Per event, the share of the items of a list that are in the other too, [E]; 1 for an empty list.

    one, other: item ids int32 [E, K], −1 where a list is shorter.

    >>> overlap(np.array([[1, 2, 3, 4]]), np.array([[4, 9, 1, 8]])).tolist()
    [0.5]
    """
    there = one >= 0
    shared = (one[:, :, None] == other[:, None, :]).any(axis=2) & there
    return np.where(there.any(axis=1), shared.sum(axis=1) / np.maximum(there.sum(axis=1), 1), 1.0)


def _top(db: sqlite3.Connection, evaluation: Evaluation, seen: Seen) -> np.ndarray:
    return evaluations.rank_column(db, evaluation, "top_items" if seen is Seen.KEEP else "top_items_masked")[:, :TOP]
