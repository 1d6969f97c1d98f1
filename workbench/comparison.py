"""What the compare view shows: one row of the table against others, slice value by slice value, event by event."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store.records import Evaluation
from store.words import Seen, Slice
from store.workspace import Workspace
from workbench.labels import RowKey, event_set, events_in_words, joined, key_of, row_labels
from workbench.remembered import ResultsChoice
from workbench.results_grid import newest_of_each


@dataclass(frozen=True)
class Paired:
    """The mean difference first − other of one slice value; `p_holm` is corrected over all that is shown.

    means: those of first and other as they are stored, None where a slice value is not. keys: of their evaluations.
    """

    other: str
    dataset: str
    value: str
    n: int
    users: int
    means: tuple[float | None, float | None]
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    keys: tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """Labels of the first row and the others, their differences, and what could not be compared."""

    first: str
    others: tuple[str, ...]
    rows: tuple[Paired, ...]
    notes: tuple[str, ...]


def read_comparison(workspace: Workspace, keys: Sequence[RowKey], choice: ResultsChoice) -> Comparison:
    """The first of these table rows against each of the others, on every dataset that the choice shows."""
    from engine.measuring.intervals import holm

    with workspace.read() as db:
        names = {each.name for each in dataset_store.datasets(db)}
        everything = evaluation_store.evaluations(db)
        chosen = choice.dataset if choice.dataset in names else ""
        newest = newest_of_each(everything)
        places = joined(newest)
        own = [e for e in newest if not chosen or e.dataset == chosen]
        shown = row_labels(places[e.id] for e in own)
        by_place = {(e.dataset, key_of(places[e.id])): e for e in own}
        rows: list[Paired] = []
        notes: list[str] = []
        for dataset in dict.fromkeys(e.dataset for e in own):
            first = by_place.get((dataset, keys[0]))
            for key in keys[1:]:
                other = by_place.get((dataset, key))
                if first is None or other is None:
                    continue
                if event_set(first) == event_set(other):
                    rows += _paired(db, first, other, shown[key], choice)
                else:
                    sets = f"{events_in_words(first)} against {events_in_words(other)}"
                    notes.append(f"{dataset}: {shown[key]} was measured on other events ({sets}).")
    corrected = holm([row.p for row in rows]) if rows else []
    return Comparison(
        first=shown.get(keys[0], keys[0][0]),
        others=tuple(shown.get(key, key[0]) for key in keys[1:]),
        rows=tuple(replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True)),
        notes=tuple(notes),
    )


def _paired(
    db: sqlite3.Connection, first: Evaluation, other: Evaluation, label: str, choice: ResultsChoice
) -> list[Paired]:
    from engine.measuring.contrasts import contrasts

    found = contrasts(
        db,
        [first, other],
        slice=Slice(choice.slice),
        metric=choice.metric,
        seen=Seen(choice.seen),
        by_user=choice.user_mean,
    )
    stored = evaluation_store.slice_metrics(
        db, [first, other], slice_name=choice.slice, metric=choice.metric, seen=choice.seen
    )
    means = {
        (row.evaluation.id, row.metric.value): row.metric.user_mean if choice.user_mean else row.metric.mean
        for row in stored
    }
    rows = []
    for one in found:
        if one.evaluation_id != first.id:  # the same difference seen from the other side
            continue
        d = one.difference
        span = (d.user_mean, d.user_low, d.user_high) if choice.user_mean else (d.mean, d.low, d.high)
        both = (means.get((first.id, one.value)), means.get((other.id, one.value)))
        rows.append(
            Paired(label, first.dataset, one.value, d.n, d.users, both, *span, one.p, one.p, (first.key, other.key))
        )
    return rows
