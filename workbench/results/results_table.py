"""The table of one metric as lines of text: names with their protocols, and numbers with what stands below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from engine.tables.labels import SEPARATOR, RowKey
from engine.tables.results_table import Cell, ResultsTable, TableColumn, n_words
from engine.tables.sheet import label_lines
from engine.tables.significance import Verdicts
from workbench.ui import numbers
from workbench.ui.cell_text import MARK_ROOM, no_cell, number_cell, right, thesis_words
from workbench.ui.display import line
from workbench.ui.table import Heading, TableLine

CELL = 11 + MARK_ROOM  # cells: an interval and the places of the marks
WIDEST_HEADER = 20
WIDEST_LABEL = 30
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of what is marked for a comparison, in the order of marking
DOWN, UP = "▼", "▲"


@dataclass(frozen=True)
class Sort:
    """By which column (dataset and value; None: the names), and whether the least comes first."""

    column: tuple[str, str] | None
    rising: bool

    @property
    def sign(self) -> str:
        return UP if self.rising else DOWN


def sorted_rows(grid: ResultsTable, sort: Sort | None, wanted: str) -> list[int]:
    """The rows whose label holds `wanted`, in order; a row without a number in the column comes last."""
    rows = [row for row, label in enumerate(grid.labels) if wanted in label.lower()]
    if sort is None:
        return rows
    if sort.column is None:
        return sorted(rows, key=lambda row: grid.labels[row].lower(), reverse=not sort.rising)
    place = next((n for n, column in enumerate(grid.columns) if (column.dataset, column.value) == sort.column), None)
    if place is None:
        return rows

    def rank(row: int) -> tuple[bool, float]:
        cell = grid.cells[row][place]
        return cell is None, 0.0 if cell is None else cell.mean if sort.rising else -cell.mean

    return sorted(rows, key=rank)


def headings(
    grid: ResultsTable, sort: Sort | None, *, what: str, one_dataset: bool, marked: bool
) -> tuple[list[Heading], int]:
    """The headings of names (`what` they name) and columns, and their height in lines."""
    shown = [_column_words(grid, column, one_dataset) for column in grid.columns]
    height = max([1, *map(len, shown)])
    what += f" {sort.sign}" if sort and sort.column is None else ""
    labels = [len(part) for label in grid.labels for part in label_lines(grid, label)]
    width = min(WIDEST_LABEL, max([len(what), 8, *labels])) + 2 * (marked and not grid.across)
    found = [Heading(Text("\n" * (height - 1)).append(what, style="dim"), width=width)]
    for column, parts in zip(grid.columns, shown, strict=True):
        if sort and sort.column == (column.dataset, column.value):
            parts[-1] = (f"{sort.sign} {parts[-1][0]}", parts[-1][1])
        width = min(WIDEST_HEADER, max([CELL, *(line(words).cell_len + MARK_ROOM for words, _ in parts)]))
        text = Text("\n" * (height - len(parts)))
        text.append_text(Text("\n").join(right(words, width, style) for words, style in parts))
        found.append(Heading(text, width=width))
    return found, height


def _column_words(grid: ResultsTable, column: TableColumn, one_dataset: bool) -> list[tuple[str, str]]:
    """The lines above a column, each with its style."""
    if grid.across:
        return [(words, "bold") for words in column.value.split(SEPARATOR)]
    by_value = one_dataset or len({other.value for other in grid.columns}) > 1
    suspect = "! " if column.dataset in grid.suspect else ""
    parts = [] if one_dataset else [(suspect + column.dataset, "bold")]
    parts += [(column.value, "bold" if one_dataset else "")] if by_value else []
    return [*parts, (n_words(column.n), "dim")]


def row_line(
    grid: ResultsTable,
    row: int,
    widths: Sequence[int],
    *,
    keys: Mapping[int, RowKey],
    marks: Sequence[RowKey],
    verdicts: Verdicts,
    thesis: bool,
) -> TableLine:
    """A row of the grid; `marks` are the rows that are marked, `verdicts` tell which cells differ from the best.

    `keys`: of the row of each evaluation, by its id.
    """
    key = grid.rows[row]
    name, *rest = label_lines(grid, grid.labels[row])
    letters = {mark: LETTERS[place % len(LETTERS)] for place, mark in enumerate(marks)}
    letter = f"{letters.get(key, ' ')} " if marks and not grid.across else ""
    label = Text(letter, style="bold").append_text(line(name, "bold"))
    for words in rest:
        label.append(f"\n{' ' * len(letter)}").append_text(line(words, "dim"))
    shown = [_below(cell, thesis) for cell in grid.cells[row]]
    cells = (
        number_cell(
            numbers.mean(cell.mean),
            below,
            width,
            rank=cell.place,
            alike=verdicts.get((row, column)) is False,
            letter=letters.get(keys[cell.evaluation.id], "") if grid.across and letters else "",
        )
        if cell
        else no_cell(width)
        for column, (cell, below, width) in enumerate(zip(grid.cells[row], shown, widths, strict=True))
    )
    return TableLine("\n".join(key), (label, *cells), height=max([1 + len(rest), *(1 + len(below) for below in shown)]))


def _below(cell: Cell | None, thesis: bool) -> list[str]:
    if cell is None:
        return []
    words = [numbers.interval(cell.low, cell.high)]
    return [*words, thesis_words(cell.thesis.value)] if thesis and cell.thesis else words
