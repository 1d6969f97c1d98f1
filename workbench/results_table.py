"""The table of one metric as lines of text: names with their protocols, and numbers with what stands below them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from workbench import numbers
from workbench.cell_text import MARK_ROOM, no_cell, number_cell, right, thesis_words
from workbench.display import line
from workbench.labels import RowKey
from workbench.results_grid import Cell, Grid, ResultsView
from workbench.significance import Alike
from workbench.widgets.table import Heading, Line

CELL = 11 + MARK_ROOM  # cells: an interval and the places of the marks
WIDEST_HEADER = 20
WIDEST_LABEL = 30
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of the rows marked for a comparison, in the order of marking


def headings(view: ResultsView, sort: tuple[str, str] | None, *, marked: bool) -> tuple[list[Heading], int]:
    """The headings of names and columns, and their height in lines."""
    by_dataset = not view.dataset
    by_value = len({column.value for column in view.grid.columns}) > 1 or not by_dataset
    height = 1 + by_dataset + by_value
    names = Text("\n" * (height - 1)).append("model", style="dim")
    labels = [len(part) for label in view.grid.labels for part in _two_lines(label)]
    found = [Heading(names, width=min(WIDEST_LABEL, max([8, *labels])) + 2 * marked)]
    for column in view.grid.columns:
        parts = []
        if by_dataset:
            parts.append((column.dataset, "bold"))
        if by_value:
            parts.append((column.value, "bold" if not by_dataset else ""))
        n = f"n {numbers.count(column.n)}" if column.n is not None else "n differs"
        parts.append((f"▼ {n}" if (column.dataset, column.value) == sort else n, "dim"))
        width = min(WIDEST_HEADER, max([CELL, *(line(words).cell_len + MARK_ROOM for words, _ in parts)]))
        found.append(Heading(Text("\n").join(right(words, width, style) for words, style in parts), width=width))
    return found, height


def row_line(
    grid: Grid, row: int, widths: Sequence[int], *, marks: Sequence[RowKey], alike: Alike, thesis: bool
) -> Line:
    """A row of the grid; `marks` are the rows marked, `alike` the cells that do not differ from the best."""
    key = grid.rows[row]
    name, protocol_words = _two_lines(grid.labels[row])
    letter = f"{LETTERS[marks.index(key) % len(LETTERS)]} " if key in marks else "  " if marks else ""
    label = Text(letter, style="bold").append_text(line(name, "bold"))
    label.append(f"\n{' ' * len(letter)}").append_text(line(protocol_words, "dim"))
    shown = [_below(cell, thesis) for cell in grid.cells[row]]
    cells = (
        number_cell(
            numbers.mean(cell.mean),
            below,
            width,
            place=cell.place,
            alike=(cell.evaluation.key, cell.metric.value) in alike,
        )
        if cell
        else no_cell(width)
        for cell, below, width in zip(grid.cells[row], shown, widths, strict=True)
    )
    return Line("\n".join(key), (label, *cells), height=max([2, *(1 + len(below) for below in shown)]))


def _below(cell: Cell | None, thesis: bool) -> list[str]:
    if cell is None:
        return []
    words = [numbers.interval(cell.low, cell.high)]
    return [*words, thesis_words(cell.thesis.value)] if thesis and cell.thesis else words


def _two_lines(label: str) -> tuple[str, str]:
    name, _, rest = label.partition(" · ")
    return name, rest
