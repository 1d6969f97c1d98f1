"""A report before any format draws it: what experiments found, and all that tells where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import TYPE_CHECKING

from engine.experiments.sheet import LineFigure, Outcome, PointFigure, Row, Sheet
from engine.measuring.highlighting import FEW, INTERVAL, LEGEND, TEST

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Listing:
    """A table of plain texts; `right` names the columns that hold numbers."""

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Map:
    """The points of a projection that are drawn: group int32 [n] counts through `groups`, place float32 [n, 2].

    total: points of the projection; where more than n, the n are a seeded sample.
    """

    groups: tuple[str, ...]
    group: np.ndarray
    xy: np.ndarray
    total: int


@dataclass(frozen=True)
class Command:
    """A command line (without `st5`) and what it makes."""

    arguments: tuple[str, ...]
    makes: str


@dataclass(frozen=True)
class Report:
    """Everything that the formats write.

    date: that of the newest result, so that the same store gives the same bytes. findings: sentences on what
    contradicts the thesis, after `compared`, the sentence that says what was looked at. maps: by id of the projection.
    """

    date: str
    version: str
    workspace: str
    outcomes: tuple[Outcome, ...]
    compared: str
    findings: tuple[str, ...]
    provenance: tuple[Listing, ...]
    audits: tuple[Listing, ...]
    commands: tuple[Command, ...]
    maps: Mapping[int, Map] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return "Text-based sequential recommendation: results"

    @property
    def about(self) -> str:
        """One line on what this is a report of."""
        count = len(self.outcomes)
        return f"{count} experiment{'' if count == 1 else 's'} · workspace {self.workspace} · st5 {self.version}"


HOW_TO_READ = (
    f"Each number is a mean over prediction events. Below it, in small print, stand its {INTERVAL}, from a bootstrap "
    "that draws users and not events, and the thesis' published number where the same cell exists there. Published "
    "numbers are for orientation: they come from other candidate sets and, where a table says so, from another edition "
    "of the data.",
    f"The best of the numbers that may be compared is bold, the second is underlined. {LEGEND} ({TEST}). Every other "
    "number differs from the best, or nothing was tested where the table says so. "
    f"{FEW}",
)

INGESTED = "The datasets are ingested with `st5 ingest` from the files that Provenance lists; then:"


def sheets(outcome: Outcome) -> Iterator[Sheet]:
    """The tables of an outcome that hold numbers, without empty columns; its curves as tables where it has no other."""
    found = outcome.sheets or tuple(as_sheet(figure) for figure in outcome.figures if isinstance(figure, LineFigure))
    for sheet in found:
        full = [any(row.cells[xy] is not None for row in sheet.rows) for xy in range(len(sheet.columns))]
        if any(full):
            rows = tuple(replace(row, cells=tuple(compress(row.cells, full))) for row in sheet.rows)
            empty = [column for column, is_full in zip(sheet.columns, full, strict=True) if not is_full]
            notes = (*sheet.notes, *([f"Without numbers here: {', '.join(empty)}."] if empty else []))
            yield replace(sheet, columns=tuple(compress(sheet.columns, full)), rows=rows, notes=notes)


def as_sheet(figure: LineFigure) -> Sheet:
    """A curve per column, a tick per row."""
    rows = tuple(Row((tick,), tuple(line.cells[xy] for line in figure.lines)) for xy, tick in enumerate(figure.ticks))
    title = f"{figure.title}: {figure.y}"
    return Sheet(figure.name, title, (figure.x,), tuple(line.label for line in figure.lines), rows, notes=figure.notes)


def maps(outcome: Outcome) -> Iterator[PointFigure]:
    """The maps of an outcome."""
    yield from (figure for figure in outcome.figures if isinstance(figure, PointFigure))


def drawn(figure: PointFigure, points: Map | None) -> str:
    """How much of a map is drawn: `2,000 points`, `4,000 of 12,101 points, drawn with seed 0`."""
    if points is None:
        return "the stored points are gone; `st5 project` makes them again"
    if len(points.group) == points.total:
        return f"{points.total:,} points"
    return f"{len(points.group):,} of {points.total:,} points, drawn with seed 0"
