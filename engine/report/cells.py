"""A table in words, the same in every format: numbers, their small print, the events behind a row, the lines below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.experiments.sheet import Cell, Row, Sheet

NOT_SIGNIFICANT = "≈"
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
    """The heads of a table, the last `n (users)` where those of any row are known, and its rows."""
    notes = _marks(sheet)
    rows = [
        WrittenRow(
            row.labels,
            tuple(None if cell is None else _cell(cell, sheet.decimals, notes, row) for cell in row.cells),
            _events_in_words(row),
            max(_events(row), default=0),
        )
        for row in sheet.rows
    ]
    counted = (N,) if any(row.n for row in rows) else ()
    return (*sheet.heads, *sheet.columns, *counted), rows


def number(value: float, decimals: int) -> str:
    """`0.0382`, `12,101`."""
    return f"{value:,.{decimals}f}"


def below(sheet: Sheet) -> tuple[str, ...]:
    """The lines under a table: what its marks mean, notes, protocol, fingerprints."""
    cells = [cell for row in sheet.rows for cell in row.cells if cell is not None]
    lines = [f"{mark}: {note}" for note, mark in _marks(sheet).items()]
    lines += [*_marking(cells, sheet), *sheet.notes]
    if any(cell.low is not None for cell in cells):
        lines.append("Intervals: 95 %, clustered by user.")
    if sheet.protocol:
        lines.append(f"Protocol: {sheet.protocol}.")
    if sheet.fingerprints:
        prints = (f"{name} {fingerprint[:PRINT_SHOWN]}" for name, fingerprint in sheet.fingerprints.items())
        lines.append(f"Dataset fingerprints: {', '.join(prints)}.")
    return tuple(lines)


def _cell(cell: Cell, decimals: int, notes: dict[str, str], row: Row) -> Written:
    return Written(
        text=number(cell.value, decimals),
        value=cell.value,
        small=tuple(_small_print(cell, decimals, counted=len(_events(row)) > 1)),
        place=cell.place,
        unsure=cell.significant is False,
        mark=notes.get(cell.note, ""),
    )


def _small_print(cell: Cell, decimals: int, *, counted: bool) -> Iterator[str]:
    """What stands under a number: its interval, its spread over seeds, what the thesis published, its own n."""
    if cell.low is not None and cell.high is not None:
        yield f"{number(cell.low, decimals)}–{number(cell.high, decimals)}"
    if cell.seeds > 1:
        spread = "" if cell.spread is None else f"± {number(cell.spread, decimals)}, "
        yield f"{spread}{cell.seeds} seeds"
    if cell.published is not None:
        yield f"thesis {number(cell.published, decimals)}"
    if counted and cell.n:
        yield f"n {cell.n:,}"


def _events(row: Row) -> tuple[int, ...]:
    """The different n of a row's cells, rising; of those that have users where any does: these count events."""
    cells = [cell for cell in row.cells if cell is not None and cell.n]
    return tuple(sorted({cell.n for cell in [cell for cell in cells if cell.users] or cells}))


def _events_in_words(row: Row) -> str:
    """`2,895 (2,012)`, or `12–2,895` where the row's cells are over different events."""
    found = _events(row)
    if len(found) != 1:
        return f"{found[0]:,}–{found[-1]:,}" if found else ""
    users = {cell.users for cell in row.cells if cell is not None and cell.users}
    return f"{found[0]:,} ({users.pop():,})" if len(users) == 1 else f"{found[0]:,}"


def _marks(sheet: Sheet) -> dict[str, str]:
    """A letter for each note that cells of a table carry: a, b, …, z, aa, ab, …"""
    notes = dict.fromkeys(cell.note for row in sheet.rows for cell in row.cells if cell is not None and cell.note)
    return {note: _letters(place) for place, note in enumerate(notes)}


def _letters(place: int) -> str:
    more, last = divmod(place, 26)
    return (_letters(more - 1) if more else "") + chr(ord("a") + last)


def _marking(cells: list[Cell], sheet: Sheet) -> list[str]:
    if not any(cell.place for cell in cells):
        return []
    best = f"Bold: best of its {sheet.best_of}{' (lowest)' if sheet.lower_is_better else ''}; underlined: second."
    tested = [cell.significant for cell in cells if cell.significant is not None]
    if not tested:
        return [f"{best} Differences were not tested."]
    if all(tested):
        return [f"{best} Every tested difference is significant (Holm over this table, 5 %)."]
    return [f"{best} {NOT_SIGNIFICANT}: not significantly different from the best (Holm over this table, 5 %)."]
