"""What an experiment shows, in a terminal: tables with intervals and the thesis' numbers, curves as small bars."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from engine.commands.output import Form, print_csv, print_json, print_markdown, print_table, say
from engine.experiments.sheet import Cell, LineFigure, Outcome, PointFigure, Sheet
from engine.report.cells import NOT_SIGNIFICANT, NOTHING, Written, WrittenRow, below, number, written
from store.plain_text import plain

PLACES = {1: " ¹", 2: " ²"}
BARS = "▁▂▃▄▅▆▇█"


def print_outcome(outcome: Outcome, form: Form) -> None:
    """Print sheets and figures to stdout, notes and what is missing to stderr."""
    if form is Form.JSON:
        print_json(outcome_json(outcome))
        return
    if form is Form.CSV:
        print_csv([document for sheet in outcome.sheets for document in _records(outcome, sheet)])
        return
    for sheet in (sheet for sheet in outcome.sheets if sheet.rows):
        _print_sheet(sheet, form)
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


def _records(outcome: Outcome, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """A document for each cell that is known."""
    for row in sheet.rows:
        for column, cell in zip(sheet.columns, row.cells, strict=True):
            if cell is not None:
                where = {"experiment": outcome.name, "sheet": sheet.name, "row": " / ".join(row.labels)}
                yield where | {"column": column} | asdict(cell)


def _print_sheet(sheet: Sheet, form: Form) -> None:
    heads, rows = written(sheet)
    counted = len(heads) > len(sheet.heads) + len(sheet.columns)
    if form is Form.MARKDOWN:
        print(f"### {plain(sheet.title)}\n")
        print_markdown(
            heads, [[*row.labels, *map(" · ".join, map(_lines, row.cells)), *_n(row, counted)] for row in rows]
        )
        print("\n" + "\n".join(f"- {plain(line)}" for line in _in_terminal(below(sheet))) + "\n")
        return
    from rich.text import Text

    print_table(
        heads,
        [
            (*row.labels, *(Text("\n".join(_lines(cell)), justify="right") for cell in row.cells), *_n(row, counted))
            for row in rows
        ],
        title=plain(sheet.title),
        right=",".join(heads[len(sheet.heads) :]),
    )
    say("\n".join(_in_terminal(below(sheet))) + "\n")


def _n(row: WrittenRow, counted: bool) -> list[str]:
    return [row.n] if counted else []


def _lines(cell: Written | None) -> list[str]:
    """A number with its marks, then what stands under it."""
    if cell is None:
        return [NOTHING]
    unsure = f" {NOT_SIGNIFICANT}" if cell.unsure else ""
    return [f"{cell.text}{PLACES.get(cell.place, '')}{unsure}{f' {cell.mark}' if cell.mark else ''}", *cell.small]


def _in_terminal(lines: Sequence[str]) -> list[str]:
    """The report speaks of bold and underlined numbers; a terminal marks them."""
    return [line.replace("Bold: best", "¹ best").replace("underlined: second", "² second") for line in lines]


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
