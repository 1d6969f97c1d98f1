"""What the compare view shows: one row of the table against others, slice value by slice value, event by event."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.tables.labels import RowKey, event_set, events_in_words, joined, key_of, newest_of_each, row_labels
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store.enums import Seen, Slice
from store.rows import Evaluation
from store.workspace import Workspace
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.measuring.comparison import Compared


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
    from engine.measuring.choices import Averaging, ComparisonSpec
    from engine.measuring.comparison import compare_pairs

    with workspace.read() as db:
        names = {each.name for each in dataset_store.datasets(db)}
        everything = evaluation_store.evaluations(db)
        chosen = choice.dataset if choice.dataset in names else ""
        newest = newest_of_each(everything)
        places = joined(newest)
        own = [e for e in newest if not chosen or e.dataset == chosen]
        shown = row_labels(places[e.id] for e in own)
        by_place = {(e.dataset, key_of(places[e.id])): e for e in own}
        pairs: dict[tuple[int, int], tuple[Evaluation, Evaluation]] = {}
        notes: list[str] = []
        for dataset in dict.fromkeys(e.dataset for e in own):
            first = by_place.get((dataset, keys[0]))
            for key in keys[1:]:
                other = by_place.get((dataset, key))
                if first is None or other is None:
                    continue
                if event_set(first) == event_set(other):
                    pairs[first.id, other.id] = (first, other)
                else:
                    sets = f"{events_in_words(first)} against {events_in_words(other)}"
                    notes.append(f"{dataset}: {shown[key]} was measured on other events ({sets}).")
        mean = Averaging.USER if choice.user_mean else Averaging.EVENT
        question = ComparisonSpec(Slice(choice.slice), [choice.metric], [Seen(choice.seen)], mean=mean)
        found = compare_pairs(db, list(pairs.values()), question)
        means = _means(db, [evaluation for pair in pairs.values() for evaluation in pair], choice)
    order = list(pairs)
    found.sort(key=lambda row: order.index((row.pair[0].id, row.pair[1].id)))
    labels = {id: shown[key_of(places[id])] for _, id in pairs}
    return Comparison(
        first=shown.get(keys[0], keys[0][0]),
        others=tuple(shown.get(key, key[0]) for key in keys[1:]),
        rows=tuple(_paired(row, labels[row.pair[1].id], means) for row in found),
        notes=tuple(notes),
    )


def _means(db: sqlite3.Connection, of: Sequence[Evaluation], choice: ResultsChoice) -> dict[tuple[int, str], float]:
    """The stored means by an evaluation's id and a slice's value."""
    rows = evaluation_store.slice_metrics(db, of, slice_name=choice.slice, metric=choice.metric, seen=choice.seen)
    return {
        (row.evaluation.id, row.metric.value): row.metric.user_mean if choice.user_mean else row.metric.mean
        for row in rows
    }


def _paired(row: Compared, label: str, means: dict[tuple[int, str], float]) -> Paired:
    first, other = row.pair
    mean, low, high = row.span
    return Paired(
        other=label,
        dataset=row.dataset,
        value=row.value,
        n=row.difference.n,
        users=row.difference.users,
        means=(means.get((first.id, row.value)), means.get((other.id, row.value))),
        mean=mean,
        low=low,
        high=high,
        p=row.p,
        p_holm=row.p_holm,
        keys=(first.key, other.key),
    )
