"""Metrics of events that no stored slice holds, computed from the stored rank pairs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from engine.measuring.aligned_evaluations import align_evaluations, columns, same_events
from engine.measuring.measures import measure_columns
from engine.measuring.metrics import Measure
from engine.measuring.slices import Condition
from store.enums import Seen, Slice
from store.errors import BadInput
from store.evaluations import MetricRow
from store.rows import Evaluation


def slice_text(by: Slice, where: Sequence[Condition]) -> str:
    """How a slice under conditions is called: `history-length & target=cold & category=Books`."""
    return " & ".join([by, *map(str, where)])


def ad_hoc_metrics(
    db: sqlite3.Connection,
    of: Sequence[Evaluation],
    by: Slice,
    where: Sequence[Condition],
    measures: Sequence[Measure],
    seen: Sequence[Seen],
) -> list[MetricRow]:
    """Metrics of evaluations over any events, of those events that meet the conditions, divided by a slice.

    In the order of evaluations, then of the slice's values. Without conditions the numbers are, bit for bit, those
    that an evaluation stores. The visible length is each model's own. BadInput where a condition's value is found in
    none of the datasets; one that lacks it is left out.
    """
    own = Slice.VISIBLE_LENGTH in {by, *(each.slice for each in where)}
    found: dict[int, list[tuple[int, MetricRow]]] = {evaluation.id: [] for evaluation in of}
    refused: list[BadInput] = []
    groups = [[evaluation] for evaluation in of] if own else same_events(of)
    for group in groups:
        try:
            together = align_evaluations(db, group, by, where)
        except BadInput as error:
            refused.append(error)
            continue
        for _, batch in columns(db, together, measures, seen):
            for part, metrics in enumerate(measure_columns(batch, together.user_index, together.parts)):
                for place, metric in enumerate(metrics):
                    evaluation = together.evaluations[place % len(group)]
                    row = MetricRow(evaluation, replace(metric, slice=slice_text(by, where)))
                    found[evaluation.id].append((part, row))
    if refused and len(refused) == len(groups):
        raise refused[0]
    return [row for rows in found.values() for _, row in sorted(rows, key=itemgetter(0))]
