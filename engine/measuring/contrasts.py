"""Which models differ from the best: every model against the best of a slice's value, the best against the second."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.measuring.bootstrap import resample
from engine.measuring.intervals import Difference, differences, holm
from engine.measuring.measures import BOOTSTRAP_SEED, values
from engine.measuring.metrics import Measure, measure
from engine.measuring.panel import columns, panel
from engine.measuring.slices import Condition
from store.records import Evaluation
from store.words import Seen, Slice


@dataclass(frozen=True)
class Contrast:
    """One evaluation minus another in one value of a slice.

    The other is the best there by the mean asked for; for the best itself, the second (the first of equals is best).
    p: of that mean, by bootstrap; p_holm: corrected over all that came together, where the best and the second, who
    are each other's other, count once.
    """

    value: str
    evaluation_id: int
    against_id: int
    difference: Difference
    p: float
    p_holm: float
    metric: str
    seen: Seen
    best: bool


def contrasts(
    db: sqlite3.Connection,
    evaluations: Sequence[Evaluation],
    *,
    slice: Slice,
    metric: str,
    seen: Seen,
    by_user: bool = False,
) -> list[Contrast]:
    """Contrasts of one metric, for evaluations of one dataset over the same events; none where there is only one.

    by_user: every user weighs the same. Under the visible length, the slice goes by the model that read most.
    BadInput where the evaluations are over different events, or there is no such metric.
    """
    return contrasts_of(db, evaluations, slice, (), [measure(metric)], [seen], by_user=by_user)


def contrasts_of(
    db: sqlite3.Connection,
    evaluations: Sequence[Evaluation],
    slice: Slice,
    where: Sequence[Condition],
    measures: Sequence[Measure],
    seen: Sequence[Seen],
    *,
    by_user: bool = False,
) -> list[Contrast]:
    """Contrasts of several metrics and seen rules, of the events that meet the conditions."""
    if len(evaluations) < 2:
        return []
    of = panel(db, evaluations, slice, where)
    masks = {part.value: part.mask for part in of.parts}
    found: list[Contrast] = []
    for keys, batch in columns(db, of, measures, seen):
        for value, resampled in resample(values(batch), of.owners, masks, seed=BOOTSTRAP_SEED).items():
            for place, key in enumerate(keys):
                start = place * len(evaluations)
                own = np.arange(start, start + len(evaluations))
                means = (resampled.user_means if by_user else resampled.means)[0, own]
                best, second = np.argsort(-means, kind="stable")[:2]
                other = np.where(own == own[best], own[second], own[best])
                for row, difference in enumerate(differences(resampled, own, other)):
                    found.append(
                        Contrast(
                            value=value,
                            evaluation_id=evaluations[row].id,
                            against_id=evaluations[int(other[row]) - start].id,
                            difference=difference,
                            p=difference.user_p if by_user else difference.p,
                            p_holm=1.0,
                            metric=str(key.measure),
                            seen=key.seen,
                            best=bool(row == best),
                        )
                    )
    return _corrected(found)


def _corrected(found: list[Contrast]) -> list[Contrast]:
    distinct = [each for each in found if not each.best]
    p = holm([each.p for each in distinct])
    by_place = {(*_place(each), each.evaluation_id): one for each, one in zip(distinct, p, strict=True)}
    return [
        replace(each, p_holm=by_place[(*_place(each), each.against_id if each.best else each.evaluation_id)])
        for each in found
    ]


def _place(of: Contrast) -> tuple[str, str, str]:
    return of.value, of.metric, of.seen
