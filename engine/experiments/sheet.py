"""What an experiment shows: tables of cells and figures of lines or points, before any shell draws them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """One number with all that makes it worth believing; values are fractions, ratings' errors are in stars.

    low, high: 95 % interval clustered by user, None where the number is a plain count. n, users: behind it.
    place: 1 best and 2 second among the cells that may be compared, else 0. significant: whether it differs from the
    best of them after Holm's correction over the sheet; None for the best itself and if nothing was tested.
    published: the thesis' number for the same cell. seeds, spread: how many seeds were averaged, and their standard
    deviation. evaluation: the key of the stored evaluation ("" for others). note: a mark's text, such as a sample.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    users: int = 0
    place: int = 0
    significant: bool | None = None
    published: float | None = None
    seeds: int = 1
    spread: float | None = None
    evaluation: str = ""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """Labels in the order of the sheet's `heads`, then a cell for each of its `columns`, None where nothing is."""

    labels: tuple[str, ...]
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Sheet:
    """A table. `decimals`: digits to show; `lower_is_better` for errors. notes: plain sentences below it.
    best_of: `row` or `column`, whichever holds the cells that are compared.

    protocol: one line that says what was ranked and how; fingerprints: dataset name to fingerprint.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimals: int = 4
    lower_is_better: bool = False
    protocol: str = ""
    fingerprints: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    best_of: str = "row"


@dataclass(frozen=True)
class Line:
    """One curve over the figure's ticks: a cell for each, None where nothing is known."""

    label: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class LineFigure:
    """Curves over named ticks, such as history lengths."""

    name: str
    title: str
    x: str
    y: str
    ticks: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PointFigure:
    """A map: `projection` is the id of the stored projection whose points it shows; `facts` are its quality numbers."""

    name: str
    title: str
    projection: int
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


Figure = LineFigure | PointFigure


@dataclass(frozen=True)
class Outcome:
    """All that an experiment shows of what is stored. missing: command lines (without `st5`) still to be run."""

    name: str
    title: str
    thesis: str
    sheets: tuple[Sheet, ...]
    figures: tuple[Figure, ...]
    missing: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.figures and not any(sheet.rows for sheet in self.sheets)
