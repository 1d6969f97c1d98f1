"""Evaluations of one dataset over the same events, brought together so that one bootstrap serves them all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.measuring.clusters import UserIndex
from engine.measuring.measures import MetricColumn
from engine.measuring.metrics import Measure
from engine.measuring.slices import Condition, Part, divide, meeting
from store import datasets, evaluations
from store.enums import Seen, Slice
from store.errors import BadInput
from store.rows import Dataset, Evaluation

COMPARE_ONE = "Compare those of one dataset."
CELLS_AT_A_TIME = 2**25  # values of all events and columns that are in memory together: 256 MB

EventSet = tuple[object, ...]


@dataclass(frozen=True)
class MetricKey:
    """What a table has a column for: a metric under a seen rule."""

    measure: Measure
    seen: Seen


@dataclass(frozen=True)
class AlignedEvaluations:
    """N evaluations over the same events, and those E of their events that a slice is about.

    rows: int [E], their rows in the evaluations, sorted by user; user_index and the parts' masks [E] are in that order.
    """

    dataset: Dataset
    evaluations: tuple[Evaluation, ...]
    rows: np.ndarray
    user_index: UserIndex
    parts: tuple[Part, ...]


def event_set(evaluation: Evaluation) -> EventSet:
    """What two evaluations agree in that ranked the same events."""
    sample = (evaluation.protocol.get(name) for name in ("sample", "sample_seed"))
    return evaluation.dataset, evaluation.split, *sample, evaluation.n


def same_events(of: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Evaluations in groups that ranked the same events, in the order of their first."""
    groups: dict[EventSet, list[Evaluation]] = {}
    for evaluation in of:
        groups.setdefault(event_set(evaluation), []).append(evaluation)
    return list(groups.values())


def align_evaluations(
    db: sqlite3.Connection, of: Sequence[Evaluation], by: Slice = Slice.ALL, where: Sequence[Condition] = ()
) -> AlignedEvaluations:
    """Align evaluations over the same events, divided by a slice, of the events that meet the conditions.

    The visible length is that of the model that read most. BadInput where the events differ or a condition names a
    value that no event has.
    """
    if len(same_events(of)) != 1:
        shown = ", ".join(f"#{e.id} {e.model} on {e.dataset} ({e.protocol_text})" for e in of[:4]) or "none"
        apart = policies_apart(db, dict.fromkeys(e.dataset for e in of), dict.fromkeys(e.model for e in of))
        raise BadInput(f"These evaluations are not over the same events: {shown}. {apart or COMPARE_ONE}")
    dataset = datasets.dataset(db, of[0].dataset)
    events = evaluations.evaluated_events(db, of[0])
    kinds = {by, *(each.slice for each in where)}
    visible = np.zeros(len(events), np.int32)
    if Slice.VISIBLE_LENGTH in kinds:
        visible = np.max([evaluations.rank_column(db, each, "visible") for each in of], axis=0)
    parts = divide(db, dataset, by, events, visible)
    inside = np.logical_or.reduce([np.zeros(len(events), bool), *(part.mask for part in parts)])
    if where:
        inside &= meeting(db, dataset, where, events, visible)
    user_index = UserIndex.of(events.user)
    order = np.argsort(user_index.number, kind="stable")  # so that nothing wider than a rank needs to be moved
    rows = order[inside[order]]
    parts = [replace(part, mask=part.mask[rows]) for part in parts]
    return AlignedEvaluations(
        dataset,
        tuple(of),
        rows,
        replace(user_index, number=user_index.number[rows]),
        tuple(p for p in parts if p.mask.any()),
    )


def policies_apart(db: sqlite3.Connection, names: Iterable[str], models: Iterable[str]) -> str:
    """That datasets of these names order events of one time by different policies, and what to run; "" otherwise."""
    wanted = set(names)
    found = [dataset for dataset in datasets.datasets(db) if dataset.name in wanted]
    if len({dataset.same_time for dataset in found}) < 2:
        return ""
    policies = " and ".join(f"{dataset.name} by {dataset.same_time}" for dataset in found)
    return (
        f"Events of one time are ordered in {policies}: the events differ, in history and target. "
        f"Run `st5 evaluate {' '.join(models)} --datasets {found[0].name}` to compare on one of them."
    )


def columns(
    db: sqlite3.Connection, of: AlignedEvaluations, measures: Sequence[Measure], seen: Sequence[Seen]
) -> Iterator[tuple[list[MetricKey], list[MetricColumn]]]:
    """The metrics of all evaluations, as many keys at a time as memory allows.

    The columns are those of all evaluations for the first key, then for the second, and so on.
    """
    keys = [MetricKey(measure, rule) for rule in seen for measure in measures]
    step = max(1, CELLS_AT_A_TIME // max(1, len(of.rows) * len(of.evaluations)))
    for start in range(0, len(keys), step):
        batch = keys[start : start + step]
        rules = dict.fromkeys(key.seen for key in batch)
        pairs = {(each.id, rule): _rank_pair(db, each, rule, of.rows) for rule in rules for each in of.evaluations}
        yield (
            batch,
            [
                MetricColumn(key.measure, key.seen, *pairs[each.id, key.seen], each.candidates)
                for key in batch
                for each in of.evaluations
            ],
        )


def _rank_pair(
    db: sqlite3.Connection, evaluation: Evaluation, seen: Seen, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """better and tied of some events under a seen rule, int32 [E]; no other column is read."""
    ending = "" if seen is Seen.KEEP else "_masked"
    better, tied = (evaluations.rank_column(db, evaluation, name + ending)[rows] for name in ("better", "tied"))
    return better, tied
