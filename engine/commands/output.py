"""What commands print: tables and JSON to stdout, words and progress to stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.progress import Progress, silent
from store.errors import BadInput
from store.plain_text import plain

if TYPE_CHECKING:
    from rich.table import Table


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


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: str = "") -> None:
    """A table on stdout as wide as the terminal, or as wide as its content where stdout is no terminal.

    `right` names the columns (comma-separated) that hold numbers.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if terminal else 4_000, soft_wrap=not terminal, highlight=False)
    console.print(_table(columns, rows, title, set(right.split(","))))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str, right: set[str]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(plain(str(cell))) for cell in row))
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
