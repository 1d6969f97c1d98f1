"""A table of one metric: where every number goes, which are the best, and what may not be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import takewhile

from engine.measuring.highlighting import cell_ranks
from engine.tables.labels import SEPARATOR, RowKey, event_set, events_in_words
from engine.tables.thesis_numbers import ThesisNumber, ThesisNumbers
from store.enums import Slice
from store.evaluations import MetricRow
from store.rows import Evaluation, Metric

OWN_EVENTS = "By visible length every model has events of its own, so none is marked best."
COLUMN_LIMIT = 40  # values of one slice; a table that is wider is a list, and sorting by size keeps what matters
LENGTHS = {Slice.HISTORY_LENGTH: "By history length", Slice.VISIBLE_LENGTH: "By visible length"}


@dataclass(frozen=True)
class TableLayout:
    """Where numbers go: the rows of each evaluation (by its id), the rows' labels, and the column of a number.

    first: values that come first, in this order. across: a row holds what is compared, so the best is that of its row
    (and so is n); else it is that of its column.
    """

    rows: dict[int, tuple[RowKey, ...]]
    labels: dict[RowKey, str]
    column: Callable[[Evaluation, Metric], tuple[str, str]]
    first: tuple[str, ...] = ()
    across: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableColumn:
    """A slice's value within a dataset (empty where rows are of datasets); `n` is its events where all rows agree."""

    dataset: str
    value: str
    n: int | None


@dataclass(frozen=True)
class Cell:
    """A mean with its interval and the thesis' number; `place`: 1 the best of those compared, 2 the second, else 0."""

    evaluation: Evaluation
    metric: Metric
    mean: float
    low: float
    high: float
    thesis: ThesisNumber | None = None
    place: int = 0


@dataclass(frozen=True)
class ResultsTable:
    """The table: `cells[row][column]`, None where nothing was measured; `across` as in `TableLayout`.

    suspect: datasets whose order fails its audit; the notes say why.
    """

    columns: tuple[TableColumn, ...]
    rows: tuple[RowKey, ...]
    labels: tuple[str, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    left_out: int
    notes: tuple[str, ...]
    across: bool = False
    suspect: frozenset[str] = frozenset()

    def groups(self) -> list[list[tuple[int, int]]]:
        """The places (row, column) of the cells that are compared with each other, group by group."""
        rows, columns = range(len(self.rows)), range(len(self.columns))
        lines = [[(r, c) for c in columns] for r in rows] if self.across else [[(r, c) for r in rows] for c in columns]
        return [[(r, c) for r, c in line if self.cells[r][c] is not None] for line in lines]


def arrange(
    rows: Iterable[MetricRow],
    layout: TableLayout,
    thesis: ThesisNumbers,
    *,
    user_mean: bool,
    limit: int | None = COLUMN_LIMIT,
) -> ResultsTable:
    """Arrange metric rows as a table; best and second of what may be compared are marked (see `cell_ranks`).

    limit: how many columns are kept, the largest; None keeps all.
    """
    cells: dict[tuple[str, str], dict[RowKey, Cell]] = defaultdict(dict)
    for row in rows:
        cell = Cell(row.evaluation, row.metric, *means(row, user_mean), thesis.find(row.evaluation, row.metric))
        for key in layout.rows.get(row.evaluation.id, ()):
            cells[layout.column(row.evaluation, row.metric)][key] = cell
    columns = list(cells)
    if any(_slice(cell.metric) in LENGTHS for column in cells.values() for cell in column.values()):
        columns.sort(key=lambda place: (place[0], leading_number(place[1])))
    columns.sort(key=lambda place: layout.first.index(place[1]) if place[1] in layout.first else len(layout.first))
    left_out = 0 if limit is None else max(0, len(columns) - limit)
    if left_out:
        largest = sorted(columns, key=lambda place: -max(c.metric.n for c in cells[place].values()))[:limit]
        columns = [place for place in columns if place in set(largest)]
    order = [key for key in layout.labels if any(key in cells[place] for place in columns)]
    names = [layout.labels[key] for key in order]
    if layout.across:
        own = ([column[key] for column in cells.values() if key in column] for key in order)
        names = [f"{name}{SEPARATOR}{n_words(_common_n(found))}" for name, found in zip(names, own, strict=True)]
    grid = ResultsTable(
        columns=tuple(TableColumn(*place, _common_n(cells[place].values())) for place in columns),
        rows=tuple(order),
        labels=tuple(names),
        cells=tuple(tuple(cells[place].get(key) for place in columns) for key in order),
        left_out=left_out,
        notes=layout.notes,
        across=layout.across,
    )
    return _marked(grid)


def means(row: MetricRow, user_mean: bool) -> tuple[float, float, float]:
    """The mean of a metric row with its interval, low and high."""
    m = row.metric
    return (m.user_mean, m.user_low, m.user_high) if user_mean else (m.mean, m.low, m.high)


def n_words(n: int | None) -> str:
    """`n 12,101`, or that there is no one n."""
    return "n differs" if n is None else f"n {n:,}"


def leading_number(value: str) -> int:
    """`11` of `11-20`, 0 where a value begins with none."""
    digits = "".join(takewhile(str.isdigit, value))
    return int(digits) if digits else 0


def _marked(grid: ResultsTable) -> ResultsTable:
    """The grid with the places of its cells, and notes on groups whose cells may not be compared."""
    cells = [list(row) for row in grid.cells]
    apart: dict[str, list[str]] = {}
    own_events = False
    for group in grid.groups():
        found = {place: cell for place in group if (cell := grid.cells[place[0]][place[1]])}
        if any(_slice(cell.metric) == Slice.VISIBLE_LENGTH for cell in found.values()):
            own_events = True
        elif not _comparable(found.values()):
            dataset = next(iter(found.values())).evaluation.dataset
            apart[dataset] = list(dict.fromkeys(events_in_words(cell.evaluation) for cell in found.values()))
        else:
            n = min((cell.metric.n for cell in found.values()), default=0)
            ranked = cell_ranks([cell.mean for cell in found.values()], n)
            for ((r, c), cell), place in zip(found.items(), ranked, strict=True):
                cells[r][c] = replace(cell, place=place)
    way = "columns" if grid.across else "rows"
    notes = (
        f"{dataset}: not comparable across {way} ({' against '.join(sets[:3])}); none is marked best."
        for dataset, sets in apart.items()
    )
    return replace(
        grid, cells=tuple(map(tuple, cells)), notes=(*grid.notes, *notes, *([OWN_EVENTS] if own_events else []))
    )


def _comparable(cells: Iterable[Cell]) -> bool:
    return len({(event_set(cell.evaluation), cell.metric.n) for cell in cells}) <= 1


def _slice(metric: Metric) -> str:
    """The slice without the conditions that follow it."""
    return metric.slice.partition(" & ")[0]


def _common_n(cells: Iterable[Cell]) -> int | None:
    found = {cell.metric.n for cell in cells}
    return found.pop() if len(found) == 1 else None
