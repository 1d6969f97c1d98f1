"""What commands print: tables and JSON to stdout, words and progress to stderr."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.progress import Progress, silent
from store.errors import BadInput
from store.plain_text import plain

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

UNLIMITED = 4_000  # cells of a line that no terminal shows
GAP = 2  # cells between columns
EDGE = 2  # cells beside the first and the last column
NARROWEST = 5  # cells of a text that is cut

# Codes that a terminal might obey and that JSON would let through; inside a string \u009b is the same character.
_ESCAPED = {
    code: f"\\u{code:04x}"
    for code in (*range(0x7F, 0xA0), 0xAD, 0x061C, *range(0x200E, 0x2010), *range(0x2028, 0x202F),
                 *range(0x2066, 0x206A), *range(0xD800, 0xE000), 0xFEFF)
}  # fmt: skip


def print_json(document: Any) -> None:
    """One JSON document on stdout, readable but for control codes and direction marks, which are escaped.

    NaN is refused, since no reader would know what to do with it.
    """
    readable = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(document, ensure_ascii=not readable, indent=2, allow_nan=False)
    print(text.translate(_ESCAPED))


class Form(StrEnum):
    """What a reading command prints its rows as."""

    TABLE = "table"
    JSON = "--json"
    CSV = "--csv"
    MARKDOWN = "--md"


def chosen_form(*, as_json: bool, as_csv: bool, as_markdown: bool) -> Form:
    """The form that the options name; `BadInput` where they name several."""
    named = {Form.JSON: as_json, Form.CSV: as_csv, Form.MARKDOWN: as_markdown}
    forms = [form for form, wanted in named.items() if wanted]
    if len(forms) > 1:
        raise BadInput(f"{' and '.join(forms)} exclude each other. Choose one of {', '.join(named)}.")
    return forms[0] if forms else Form.TABLE


def print_csv(documents: Sequence[dict[str, Any]]) -> None:
    """Documents of the same keys as CSV with a header; control codes in texts are shown, not kept."""
    if documents:
        writer = csv.writer(sys.stdout)
        writer.writerow(documents[0])
        for document in documents:
            writer.writerow(plain(value) if isinstance(value, str) else value for value in document.values())


def print_markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A Markdown table."""
    for cells in (columns, ["---"] * len(columns), *rows):
        print("| " + " | ".join(plain(cell).replace("|", "\\|") for cell in cells) + " |")


def say(words: str) -> None:
    """A line for people, on stderr; text from data in it is shown as it is, never obeyed."""
    print("\n".join(plain(line) for line in words.split("\n")), file=sys.stderr)


def terminal_width(default: int = UNLIMITED) -> int:
    """Cells of a line: `$COLUMNS`, else the terminal's; `default` if stdout is no terminal."""
    return shutil.get_terminal_size((default, 24)).columns


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: str = "", cut: str = ""
) -> None:
    """A table on stdout as wide as the terminal, or as wide as its content where stdout is no terminal.

    `right` names the columns (comma-separated) that hold numbers; `cut` those whose texts end in `…` if there is no
    room: then every row is one line. Without `cut`, long texts go on in the next line.
    """
    from rich.text import Text

    cells = [[cell if isinstance(cell, Text) else Text(plain(str(cell))) for cell in row] for row in rows]
    if cut:
        width = terminal_width()
        room = _room(columns, cells, set(cut.split(",")), width)
        for row in cells:
            for cell, most in zip(row, room, strict=True):
                cell.truncate(most, overflow="ellipsis")
    draw(_table(columns, cells, title, set(right.split(","))))


def draw(table: Table) -> None:
    """A table on stdout, at most as wide as the terminal."""
    from rich.console import Console

    Console(file=sys.stdout, width=terminal_width(), soft_wrap=True, highlight=False).print(table)


def empty_table(title: str = "") -> Table:
    """A table without columns, GAP cells between those to come."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Text(title) if title else None
    return Table(
        box=box.SIMPLE_HEAD, title=shown, title_justify="left", pad_edge=False, padding=(0, GAP - 1, 0, 0), expand=False
    )


def say_wrapped(lines: Iterable[str]) -> None:
    """Lines for people, on stderr, broken between words where the terminal ends."""
    width = terminal_width(UNLIMITED)
    say("\n".join(part for line in lines for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""]))


def _room(columns: Sequence[str], rows: Sequence[Sequence[Text]], cut: set[str], width: int) -> list[int]:
    """How wide each column may be, so that all fit into `width`: the widest of those that may be cut gives way."""
    found = [
        max([len(column), *(row[place].cell_len for row in rows)], default=0) for place, column in enumerate(columns)
    ]
    able = [place for place, column in enumerate(columns) if column in cut]
    excess = sum(found) + GAP * (len(columns) - 1) + EDGE - width
    while excess > 0 and able:
        widest = max(able, key=lambda place: found[place])
        if found[widest] <= NARROWEST:
            break
        found[widest] -= 1
        excess -= 1
    return found


def _table(columns: Sequence[str], rows: Iterable[Sequence[Text]], title: str, right: set[str]) -> Table:
    from rich.text import Text

    table = empty_table(title)
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress callback that draws on stderr, silent if stderr is no terminal. A stage that goes on from the one
    before, on the same scale, moves the same bar; any other gets a bar of its own."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, Any] = {}
        newest: Any = None
        at = (0, 0)

        def report(stage: str, done: int, total: int) -> None:
            nonlocal newest, at
            goes_on = newest is not None and total > 0 and at[1] == total and done >= at[0]
            if stage not in tasks:
                tasks[stage] = newest if goes_on else bars.add_task(stage, total=total or None)
            newest, at = tasks[stage], (done, total)
            bars.update(newest, description=stage, completed=done, total=total or None)

        yield report
