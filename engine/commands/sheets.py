"""Sheets in a terminal: tables with intervals and the thesis' numbers, fitted to its width; curves as small bars."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.commands.output import (
    EDGE,
    GAP,
    Form,
    draw,
    empty_table,
    print_csv,
    print_json,
    print_markdown,
    print_table,
    say,
    say_wrapped,
    terminal_width,
)
from engine.experiments.sheet import Cell, LineFigure, Outcome, PointFigure, Sheet
from engine.measuring.highlighting import ALIKE
from engine.report.cells import NOTHING, Written, WrittenRow, below, column_heads, number, written
from store.plain_text import plain

if TYPE_CHECKING:
    from rich.text import Text

PLACES = {1: "¹", 2: "²"}
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 100  # cells of a line if stdout is no terminal
WIDEST_LABEL = 32
WIDEST_HEAD = 17  # a longer name goes on in the next line after a separator


def print_outcome(outcome: Outcome, form: Form) -> None:
    """Print sheets and figures to stdout, notes and what is missing to stderr."""
    if form is Form.JSON:
        print_json(outcome_json(outcome))
        return
    if form is Form.CSV:
        print_csv([document for sheet in outcome.sheets for document in _records(outcome, sheet)])
        return
    for sheet in (sheet for sheet in outcome.sheets if sheet.rows):
        print_sheet(sheet, form)
    for figure in outcome.figures:
        _print_figure(figure, form)
    if outcome.empty:
        say(f"Nothing is stored yet for {outcome.name}.")
    _say_rest(outcome)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """All of it as one JSON document; a figure says which `kind` it is, `lines` or `points`."""
    figures = [
        {"kind": "lines" if isinstance(figure, LineFigure) else "points", **asdict(figure)}
        for figure in outcome.figures
    ]
    return asdict(outcome) | {"figures": figures}


def print_sheet(sheet: Sheet, form: Form) -> None:
    """A table to stdout, in parts one below the other if the terminal is too narrow for it; its notes to stderr."""
    heads, rows = written(sheet)
    notes = [plain(line) for line in below(sheet, signs=(PLACES[1], PLACES[2]))]
    counted = len(heads) > len(sheet.heads) + len(sheet.columns)
    if form is Form.MARKDOWN:
        print(f"### {plain(sheet.title)}\n")
        print_markdown(
            heads,
            [[*row.labels, *map(" · ".join, map(_lines, row.cells)), *([row.n] if counted else [])] for row in rows],
        )
        print("\n" + "\n".join(f"- {line}" for line in notes) + "\n")
        return
    _draw_parts(sheet, heads, rows)
    say_wrapped([*notes, ""])


def _draw_parts(sheet: Sheet, heads: Sequence[str], rows: Sequence[WrittenRow]) -> None:
    """The table, a part for as many columns as fit beside the labels."""
    depth = len(sheet.heads)
    label_head, labels = _label(sheet.heads), [_label(row.labels) for row in rows]
    label_width = min(WIDEST_LABEL, max(line.cell_len for text in (label_head, *labels) for line in text.split()))
    marks = max((len(_marks(cell)) for row in rows for cell in row.cells if cell), default=0)
    columns = [
        [[*_broken(name), *filter(None, [n])], *(_number(row.cells[place], marks) for row in rows)]
        for place, (name, n) in enumerate(column_heads(sheet))
    ]
    columns += [[[head], *([row.n] for row in rows)] for head in heads[depth + len(sheet.columns) :]]
    widths = [max(len(line) for lines in column for line in lines) for column in columns]
    for part in _parts(widths, terminal_width(WIDTH) - label_width - EDGE):
        table = empty_table(plain(sheet.title) if 0 in part else "")
        table.add_column(label_head, no_wrap=True, overflow="ellipsis", width=label_width)
        for place in part:
            table.add_column(_right(columns[place][0], widths[place]), no_wrap=True, width=widths[place])
        for row, label in enumerate(labels, 1):
            table.add_row(label, *(_right(columns[place][row], widths[place]) for place in part))
        draw(table)


def _parts(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Columns side by side as long as there is room, at least one."""
    part: list[int] = []
    used = 0
    for place, width in enumerate(widths):
        if part and used + width + GAP > room:
            yield part
            part, used = [], 0
        part.append(place)
        used += width + GAP
    if part:
        yield part


def _label(labels: Sequence[str]) -> Text:
    """The first label, and the others below it."""
    from rich.text import Text

    first, *others = (plain(label) for label in labels)
    text = Text(first)
    rest = " · ".join(filter(None, others))
    return text.append(f"\n{rest}", style="dim") if rest else text


def _number(cell: Written | None, marks: int) -> list[str]:
    """A number with its marks, and below it what belongs to it; digits line up whatever the marks are."""
    room = marks + 1 if marks else 0
    lines = [NOTHING] if cell is None else [cell.text, *cell.small]
    return [f"{lines[0]}{f' {_marks(cell)}' if room else '':<{room}}", *(f"{line}{'':{room}}" for line in lines[1:])]


def _right(lines: Sequence[str], width: int) -> Text:
    from rich.text import Text

    return Text("\n".join(f"{line:>{width}}" for line in lines))


def _marks(cell: Written | None) -> str:
    if cell is None:
        return ""
    return f"{PLACES.get(cell.place, '')}{ALIKE if cell.unsure else ''}{cell.mark}"


def _broken(name: str) -> list[str]:
    """A name in lines of at most WIDEST_HEAD characters that end after a separator; a longer word is cut."""
    lines = [""]
    for part in re.findall(r"[^ _·,./-]*[ _·,./-]*", plain(name)):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > WIDEST_HEAD:
            lines.append("")
        lines[-1] += part
    stripped = [line.strip() for line in lines if line.strip()]
    return [line if len(line) <= WIDEST_HEAD else f"{line[: WIDEST_HEAD - 1]}…" for line in stripped] or [""]


def _records(outcome: Outcome, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """A document for each cell that is known."""
    for row in sheet.rows:
        for column, cell in zip(sheet.columns, row.cells, strict=True):
            if cell is not None:
                where = {"experiment": outcome.name, "sheet": sheet.name, "row": " / ".join(row.labels)}
                yield where | {"column": column} | asdict(cell)


def _lines(cell: Written | None) -> list[str]:
    """A number with its marks, then what stands under it."""
    if cell is None:
        return [NOTHING]
    marks = _marks(cell)
    return [f"{cell.text} {marks}" if marks else cell.text, *cell.small]


def _print_figure(figure: LineFigure | PointFigure, form: Form) -> None:
    heads: list[str]
    if isinstance(figure, PointFigure):
        heads, rows = [name for name, _ in figure.facts], [[value for _, value in figure.facts]]
    else:
        top = max((cell.value for line in figure.lines for cell in line.cells if cell), default=0.0) or 1.0
        heads = ["", f"{figure.ticks[0]} … {figure.ticks[-1]} {figure.x}", f"highest {figure.y}", "at"]
        rows = [[line.label, _bars(line.cells, top), *_highest(figure, line.cells)] for line in figure.lines]
    if form is Form.MARKDOWN:
        print(f"### {plain(figure.title)}\n")
        print_markdown(heads, rows)
        print()
    else:
        print_table(heads, rows, title=plain(figure.title))
        say("\n".join([*figure.notes, ""]) if figure.notes else "")


def _bars(cells: Sequence[Cell | None], top: float) -> str:
    """A bar for each tick from 0 to the figure's highest value; a blank where nothing is known."""
    last = len(BARS) - 1
    return "".join(" " if cell is None else BARS[round(max(0.0, cell.value) / top * last)] for cell in cells)


def _highest(figure: LineFigure, cells: Sequence[Cell | None]) -> list[str]:
    value, tick = max((cell.value, tick) for cell, tick in zip(cells, figure.ticks, strict=True) if cell is not None)
    return [number(value, 4), tick]


def _say_rest(outcome: Outcome) -> None:
    for note in outcome.notes:
        say(note)
    if outcome.missing:
        say("Still to be run:")
        for arguments in outcome.missing:
            say(f"  {shlex.join(['st5', *arguments])}")
