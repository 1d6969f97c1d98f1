"""What Results shows: models as rows, slices as columns, one metric; and the same metric by history length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile

from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store import models as model_store
from store.evaluations import MetricRow
from store.records import Evaluation, Metric
from store.words import Slice
from store.workspace import Workspace
from workbench.chart_lines import ChartLine, Lines
from workbench.labels import RowKey, event_set, events_in_words, labels, row_key
from workbench.remembered import ResultsChoice
from workbench.thesis_numbers import ThesisNumber, ThesisNumbers

COLUMN_LIMIT = 40  # values of one slice; a table that is wider is a list, and sorting by size keeps what matters

LENGTHS = {Slice.HISTORY_LENGTH: "By history length", Slice.VISIBLE_LENGTH: "By visible length"}


@dataclass(frozen=True)
class Column:
    """A slice's value within a dataset; `n` is its events where all rows agree on them, else None."""

    dataset: str
    value: str
    n: int | None


@dataclass(frozen=True)
class Cell:
    """A mean with its interval and the thesis' number; `place`: 1 the best of its column, 2 the second, else 0."""

    evaluation: Evaluation
    metric: Metric
    mean: float
    low: float
    high: float
    thesis: ThesisNumber | None = None
    place: int = 0


@dataclass(frozen=True)
class Grid:
    """The table: `cells[row][column]`, None where nothing was measured."""

    columns: tuple[Column, ...]
    rows: tuple[RowKey, ...]
    labels: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    left_out: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ResultsView:
    """Everything that Results shows for one choice."""

    datasets: tuple[str, ...]
    synthetic: frozenset[str]
    dataset: str
    grid: Grid
    curves: Lines


def read_results(workspace: Workspace, choice: ResultsChoice, curves_of: str = "") -> ResultsView:
    """Read the table of a choice, and the curves of its dataset (of `curves_of` where all are shown)."""
    with workspace.read() as db:
        known = dataset_store.datasets(db)
        evaluations = evaluation_store.evaluations(db)
        thesis = ThesisNumbers(model_store.models(db), known)
        names = tuple(dataset.name for dataset in known)
        chosen = choice.dataset if choice.dataset in names else ""
        own = newest_of_each(e for e in evaluations if not chosen or e.dataset == chosen)
        rows = evaluation_store.slice_metrics(db, own, slice_name=choice.slice, metric=choice.metric, seen=choice.seen)
        evaluated = {e.dataset for e in own}
        charted = chosen or (curves_of if curves_of in evaluated else next((n for n in names if n in evaluated), ""))
        lengths = Slice(choice.slice) if choice.slice in LENGTHS else Slice.HISTORY_LENGTH
        by_length = evaluation_store.slice_metrics(
            db,
            [e for e in own if e.dataset == charted],
            slice_name=lengths,
            metric=choice.metric,
            seen=choice.seen,
        )
    names_of_rows = labels(own)
    return ResultsView(
        datasets=names,
        synthetic=frozenset(dataset.name for dataset in known if dataset.synthetic),
        dataset=chosen,
        grid=grid(rows, names_of_rows, thesis, user_mean=choice.user_mean),
        curves=Lines(
            LENGTHS[lengths],
            f"{charted}, {choice.metric.upper()}",
            *curves(by_length, names_of_rows, user_mean=choice.user_mean),
        ),
    )


def newest_of_each(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """One evaluation per dataset, model and protocol: the newest, in the order of their first appearance."""
    found: dict[tuple[str, RowKey], Evaluation] = {}
    for evaluation in evaluations:
        found[evaluation.dataset, row_key(evaluation)] = evaluation
    return list(found.values())


def grid(rows: list[MetricRow], names: dict[RowKey, str], thesis: ThesisNumbers, *, user_mean: bool) -> Grid:
    """Arrange metric rows as a table; marks the best and second of a column where its rows may be compared."""
    cells: dict[tuple[str, str], dict[RowKey, Cell]] = defaultdict(dict)
    for row in rows:
        cells[row.evaluation.dataset, row.metric.value][row_key(row.evaluation)] = Cell(
            row.evaluation, row.metric, *_means(row, user_mean), thesis.find(row.evaluation, row.metric)
        )
    columns = list(cells)
    if rows and rows[0].metric.slice in LENGTHS:
        columns.sort(key=lambda place: (place[0], _leading_number(place[1])))
    left_out = max(0, len(columns) - COLUMN_LIMIT)
    if left_out:
        largest = sorted(columns, key=lambda place: -max(c.metric.n for c in cells[place].values()))[:COLUMN_LIMIT]
        columns = [place for place in columns if place in set(largest)]
    order = [key for key in names if any(key in cells[place] for place in columns)]
    marked = {place: _marked(cells[place]) for place in columns}
    return Grid(
        columns=tuple(Column(*place, _common_n(cells[place].values())) for place in columns),
        rows=tuple(order),
        labels=tuple(names[key] for key in order),
        cells=tuple(tuple(marked[place].get(key) for place in columns) for key in order),
        left_out=left_out,
        notes=_notes(cells[place] for place in columns),
    )


def curves(
    rows: list[MetricRow], names: dict[RowKey, str], *, user_mean: bool
) -> tuple[tuple[str, ...], tuple[ChartLine, ...]]:
    """Arrange metric rows of a length slice: the lengths, shortest first, and one line over them per table row."""
    values = tuple(sorted({row.metric.value for row in rows}, key=_leading_number))
    means: dict[RowKey, dict[str, float]] = defaultdict(dict)
    for row in rows:
        means[row_key(row.evaluation)][row.metric.value] = _means(row, user_mean)[0]
    lines = (
        ChartLine(name, tuple(means[key].get(value) for value in values)) for key, name in names.items() if key in means
    )
    return values, tuple(lines)


def _leading_number(value: str) -> int:
    digits = "".join(takewhile(str.isdigit, value))
    return int(digits) if digits else 0


def _means(row: MetricRow, user_mean: bool) -> tuple[float, float, float]:
    m = row.metric
    return (m.user_mean, m.user_low, m.user_high) if user_mean else (m.mean, m.low, m.high)


def _marked(column: dict[RowKey, Cell]) -> dict[RowKey, Cell]:
    if not _comparable(column.values()) or len(column) < 2:
        return column
    levels = sorted({cell.mean for cell in column.values()}, reverse=True)
    if len(levels) < 2:  # all equal: nobody is best
        return column
    places = {level: place for place, level in enumerate(levels[:2], start=1)}
    return {key: replace(cell, place=places.get(cell.mean, 0)) for key, cell in column.items()}


def _comparable(cells: Iterable[Cell]) -> bool:
    return len({(event_set(cell.evaluation), cell.metric.n) for cell in cells}) <= 1


def _common_n(cells: Iterable[Cell]) -> int | None:
    found = {cell.metric.n for cell in cells}
    return found.pop() if len(found) == 1 else None


def _notes(columns: Iterable[dict[RowKey, Cell]]) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for column in columns:
        if not _comparable(column.values()):
            dataset = next(iter(column.values())).evaluation.dataset
            found[dataset] = list(dict.fromkeys(events_in_words(cell.evaluation) for cell in column.values()))
    return tuple(
        f"{dataset}: not comparable across rows ({' against '.join(sets[:3])}); none is marked best."
        for dataset, sets in found.items()
    )
