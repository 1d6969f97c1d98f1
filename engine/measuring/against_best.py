"""The one test behind every ≈: each model of a table against the best on the same events, each pair once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.measuring.aligned_evaluations import align_evaluations, columns
from engine.measuring.bootstrap import Resampled, resample
from engine.measuring.highlighting import FEW_EVENTS
from engine.measuring.intervals import Difference, differences
from engine.measuring.measures import BOOTSTRAP_SEED, values
from engine.measuring.metrics import Measure
from engine.measuring.slices import Condition
from store.enums import Seen, Slice
from store.rows import Evaluation


@dataclass(frozen=True)
class AgainstBest:
    """An evaluation minus the best of one slice value, by the mean asked for; p is of that mean and not corrected.

    `marks.not_significant` corrects over everything that is shown together.
    """

    value: str
    evaluation_id: int
    best_id: int
    difference: Difference
    p: float
    metric: str
    seen: Seen


def compare_with_best(
    db: sqlite3.Connection,
    evaluations: Sequence[Evaluation],
    by: Slice,
    measures: Sequence[Measure],
    seen: Sequence[Seen],
    *,
    where: Sequence[Condition] = (),
    by_user: bool = False,
) -> list[AgainstBest]:
    """Paired tests of evaluations of one dataset over the same events against the best of each slice value.

    Every pair is tested once: the best has no test of its own. by_user: every user weighs the same. No tests for one
    evaluation, for equal means, for fewer than FEW_EVENTS events, and by the visible length, where the events of a
    value depend on the model. BadInput if the evaluations are over different events.
    """
    if len(evaluations) < 2 or Slice.VISIBLE_LENGTH in {by, *(each.slice for each in where)}:
        return []
    of = align_evaluations(db, evaluations, by, where)
    masks = {part.value: part.mask for part in of.parts}
    found: list[AgainstBest] = []
    for keys, batch in columns(db, of, measures, seen):
        for value, resampled in resample(values(batch), of.user_index, masks, seed=BOOTSTRAP_SEED).items():
            for number, key in enumerate(keys):
                own = number * len(evaluations) + np.arange(len(evaluations))
                best, others = against_best(resampled, own, by_user=by_user)
                found += [
                    AgainstBest(
                        value=value,
                        evaluation_id=evaluations[row].id,
                        best_id=evaluations[best].id,
                        difference=difference,
                        p=difference.user_p if by_user else difference.p,
                        metric=str(key.measure),
                        seen=key.seen,
                    )
                    for row, difference in others.items()
                ]
    return found


def against_best(
    of: Resampled, columns: np.ndarray, *, by_user: bool = False, lower_is_better: bool = False
) -> tuple[int, dict[int, Difference]]:
    """The place of the best of some columns (the first of equals), and the difference of every other one from it.

    columns: int [N]; places count through them. No differences for equal means or fewer than FEW_EVENTS events.
    """
    means = (of.user_means if by_user else of.means)[0, columns]
    best = int(np.argmin(means) if lower_is_better else np.argmax(means))
    if of.n < FEW_EVENTS or means.min() == means.max():
        return best, {}
    others = [place for place in range(len(columns)) if place != best]
    found = differences(of, columns[others], np.full(len(others), columns[best]))
    return best, dict(zip(others, found, strict=True))
