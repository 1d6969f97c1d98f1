"""What commands print: tables and JSON to stdout, words and progress to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.progress import Progress, silent
from store.plain_text import plain

if TYPE_CHECKING:
    from rich.table import Table


def print_json(document: Any) -> None:
    """One JSON document on stdout; NaN is refused, since no reader would know what to do with it."""
    print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


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
    """A progress callback that draws a bar per stage on stderr; silent where stderr is no terminal."""
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

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield report
