"""A sheet of an experiment as lines of text: labels merged into one column, and numbers as in Results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from store.plain_text import plain
from workbench.ui import numbers
from workbench.ui.cell_text import MARK_ROOM, no_cell, number_cell, right, thesis_words
from workbench.ui.display import line
from workbench.ui.table import Heading, TableLine

if TYPE_CHECKING:
    from engine.experiments.sheet import Cell, Sheet

WIDEST_LABEL = 30
WIDEST_COLUMN = 26
NOTED = "†"  # a mark's text is in the line about the cell


def sheet_table(sheet: Sheet, *, thesis: bool) -> tuple[list[Heading], list[TableLine]]:
    """Headings and rows; `thesis`: with its numbers below ours."""
    labels = [_label(row.labels) for row in sheet.rows]
    head = line(" · ".join(sheet.heads), "dim")
    widest = max(part.cell_len for label in (head, *labels) for part in label.split())
    below = [[_below(cell, sheet, thesis) for cell in row.cells] for row in sheet.rows]
    columns = []
    for place, name in enumerate(sheet.columns):
        needed = [line(name).cell_len]
        for row, words in zip(sheet.rows, below, strict=True):
            cell = row.cells[place]
            needed += [len(_number(cell, sheet)) if cell else 1, *map(len, words[place])]
        columns.append(min(WIDEST_COLUMN, max(needed) + MARK_ROOM))
    headings = [Heading(head, width=min(WIDEST_LABEL, max(8, widest)))]
    headings += [
        Heading(right(name, width, "bold"), width=width) for name, width in zip(sheet.columns, columns, strict=True)
    ]
    lines = []
    for number, (row, label, words) in enumerate(zip(sheet.rows, labels, below, strict=True)):
        cells = (_cell(*each, sheet) for each in zip(row.cells, words, columns, strict=True))
        height = max([len(label.split()), *(1 + len(each) for each in words)])
        lines.append(TableLine(str(number), (label, *cells), height=height))
    return headings, lines


def value_words(value: float, sheet: Sheet) -> str:
    """A value of the sheet with its digits: `0.0274`, `12,101`."""
    return f"{value:,.{sheet.decimals}f}"


def _cell(cell: Cell | None, below: list[str], width: int, sheet: Sheet) -> Text:
    if cell is None:
        return no_cell(width)
    return number_cell(_number(cell, sheet), below, width, rank=cell.place, alike=cell.significant is False)


def _number(cell: Cell, sheet: Sheet) -> str:
    return value_words(cell.value, sheet) + (NOTED if cell.note else "")


def _below(cell: Cell | None, sheet: Sheet, thesis: bool) -> list[str]:
    if cell is None:
        return []
    words = []
    if cell.low is not None and cell.high is not None:
        words.append(f"{numbers.short(cell.low, sheet.decimals)}–{numbers.short(cell.high, sheet.decimals)}")
    if cell.spread is not None:
        words.append(f"sd {numbers.short(cell.spread, sheet.decimals)} ({numbers.counted(cell.seeds, 'seed')})")
    if thesis and cell.published is not None:
        words.append(thesis_words(cell.published, sheet.decimals))
    return words


def _label(parts: tuple[str, ...]) -> Text:
    """The first label in bold, the others below it."""
    text = line(parts[0] if parts else "", "bold")
    if any(parts[1:]):
        text.append("\n" + plain(" · ".join(filter(None, parts[1:]))), style="not bold dim")
    return text
