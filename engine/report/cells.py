"""A table in words, the same in every format: numbers, their small print, the events behind a row, the lines below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.experiments.sheet import Cell, Sheet
from engine.measuring.highlighting import FEW, FEW_EVENTS, INTERVAL, LEGEND, TEST

NOTHING = "–"
N = "n (users)"  # the head of the last column
PRINT_SHOWN = 12  # characters of a fingerprint or hash: enough to tell two apart, short enough to read


@dataclass(frozen=True)
class Written:
    """A cell in words. place: 1 best, 2 second; unsure: not significantly different; mark: the letter of its note."""

    text: str
    value: float
    small: tuple[str, ...] = ()
    place: int = 0
    unsure: bool = False
    mark: str = ""


@dataclass(frozen=True)
class WrittenRow:
    """A row in words; n is "" where it is not known. most: the largest n, to sort by."""

    labels: tuple[str, ...]
    cells: tuple[Written | None, ...]
    n: str
    most: int


def written(sheet: Sheet) -> tuple[tuple[str, ...], list[WrittenRow]]:
    """The heads of a table and its rows.

    How many events are behind the numbers: in the last column, `n (users)`, if a row holds what is compared; in the
    head of each column, if a column does.
    """
    notes = _marks(sheet)
    by_column = sheet.best_of == "column"
    columns = [[row.cells[place] for row in sheet.rows] for place in range(len(sheet.columns))]
    rows = [
        WrittenRow(
            row.labels,
            tuple(
                None
                if cell is None
                else _cell(cell, sheet.decimals, notes, counted=len(_events(column if by_column else row.cells)) > 1)
                for cell, column in zip(row.cells, columns, strict=True)
            ),
            "" if by_column else _events_in_words(row.cells),
            max(_events(row.cells), default=0),
        )
        for row in sheet.rows
    ]
    if by_column:
        return (*sheet.heads, *(", ".join(filter(None, parts)) for parts in column_heads(sheet))), rows
    counted = (N,) if any(row.n for row in rows) else ()
    return (*sheet.heads, *sheet.columns, *counted), rows


def column_heads(sheet: Sheet) -> list[tuple[str, str]]:
    """The name of each column, and `n 2,895` if columns hold what is compared and the cells of this one agree."""
    events = [_events([row.cells[place] for row in sheet.rows]) for place in range(len(sheet.columns))]
    shown = sheet.best_of == "column"
    return [
        (name, f"n {n[0]:,}" if shown and len(n) == 1 else "") for name, n in zip(sheet.columns, events, strict=True)
    ]


def number(value: float, decimals: int) -> str:
    """`0.0382`, `12,101`."""
    return f"{value:,.{decimals}f}"


def below(sheet: Sheet, signs: tuple[str, str] = ("Bold", "underlined")) -> tuple[str, ...]:
    """The lines under a table: what its marks mean, notes, protocol, fingerprints.

    signs: how the best and the second are marked.
    """
    cells = [cell for row in sheet.rows for cell in row.cells if cell is not None]
    lines = [f"{mark}: {note}" for note, mark in _marks(sheet).items()]
    lines += [*_marking(cells, sheet, signs), *sheet.notes]
    if any(cell.low is not None for cell in cells):
        lines.append(f"{INTERVAL}s are clustered by user.")
    if sheet.protocol:
        lines.append(f"Protocol: {sheet.protocol}.")
    if sheet.fingerprints:
        prints = (f"{name} {fingerprint[:PRINT_SHOWN]}" for name, fingerprint in sheet.fingerprints.items())
        lines.append(f"Dataset fingerprints: {', '.join(prints)}.")
    return tuple(lines)


def _cell(cell: Cell, decimals: int, notes: dict[str, str], *, counted: bool) -> Written:
    return Written(
        text=number(cell.value, decimals),
        value=cell.value,
        small=tuple(_small_print(cell, decimals, counted=counted)),
        place=cell.place,
        unsure=cell.significant is False,
        mark=notes.get(cell.note, ""),
    )


def _small_print(cell: Cell, decimals: int, *, counted: bool) -> Iterator[str]:
    """What stands under a number: its interval, its spread over seeds, what the thesis published, its own n."""
    if cell.low is not None and cell.high is not None:
        yield f"{number(cell.low, decimals)}–{number(cell.high, decimals)}"
    if cell.seeds > 1:
        spread = "" if cell.spread is None else f"sd {number(cell.spread, decimals)}, "
        yield f"{spread}{cell.seeds} seeds"
    if cell.published is not None:
        yield f"thesis {number(cell.published, decimals)}"
    if counted and cell.n:
        yield f"n {cell.n:,}"


def _events(cells: Sequence[Cell | None]) -> tuple[int, ...]:
    """The different n of cells that are compared, rising; if any have users, of those: their n counts events."""
    counted = [cell for cell in cells if cell is not None and cell.n]
    return tuple(sorted({cell.n for cell in [cell for cell in counted if cell.users] or counted}))


def _events_in_words(cells: Sequence[Cell | None]) -> str:
    """`2,895 (2,012)`, or `12–2,895` where the row's cells are over different events."""
    found = _events(cells)
    if len(found) != 1:
        return f"{found[0]:,}–{found[-1]:,}" if found else ""
    users = {cell.users for cell in cells if cell is not None and cell.users}
    return f"{found[0]:,} ({users.pop():,})" if len(users) == 1 else f"{found[0]:,}"


def _marks(sheet: Sheet) -> dict[str, str]:
    """A letter for each note that cells of a table carry: a, b, …, z, aa, ab, …"""
    notes = dict.fromkeys(cell.note for row in sheet.rows for cell in row.cells if cell is not None and cell.note)
    return {note: _letters(place) for place, note in enumerate(notes)}


def _letters(rank: int) -> str:
    more, last = divmod(rank, 26)
    return (_letters(more - 1) if more else "") + chr(ord("a") + last)


def _marking(cells: list[Cell], sheet: Sheet, signs: tuple[str, str]) -> list[str]:
    few = [FEW] if any(cell.users and cell.n < FEW_EVENTS for cell in cells) else []
    if not any(cell.place for cell in cells):
        return few
    lowest = " (lowest)" if sheet.lower_is_better else ""
    best = f"{signs[0]}: best of its {sheet.best_of}{lowest}; {signs[1]}: second."
    if all(cell.significant is None for cell in cells):
        return [f"{best} Differences were not tested.", *few]
    return [f"{best} {LEGEND} ({TEST}).", *few]
