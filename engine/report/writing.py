"""A report's files in their folder, each whole or not there; files that no report wrote are left alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from engine.commands.files import writing
from engine.report.csv_table import FIRST, csv_table
from engine.report.document import Report, sheets
from engine.report.latex import latex
from engine.report.markdown import markdown
from engine.report.page import page, slug
from store.errors import BadInput

TABLES = "tables"


class Format(StrEnum):
    """What a report is written as; `md`, `html` and `latex` are one file each, `csv` one per table."""

    HTML = "html"
    MARKDOWN = "md"
    LATEX = "latex"
    CSV = "csv"


SINGLE = {
    Format.HTML: ("report.html", page),
    Format.MARKDOWN: ("report.md", markdown),
    Format.LATEX: ("report.tex", latex),
}


def check_folder(folder: Path) -> None:
    """`BadInput` where the folder is a file."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise BadInput(f"{place}: is a file, so no report can be written into {folder}. Choose another --out.")


def write_report(report: Report, folder: Path, formats: Iterable[Format]) -> list[Path]:
    """Write the report into the folder, over an older one; returns the files."""
    written: list[Path] = []
    for format in formats:
        files = _tables(report) if format is Format.CSV else [(SINGLE[format][0], SINGLE[format][1](report))]
        for name, text in files:
            _make(folder / name)
            with writing(folder / name) as file:
                file.write(text)
            written.append(folder / name)
        if format is Format.CSV:
            _remove_older(folder / TABLES, set(written))
    return written


def _tables(report: Report) -> Iterator[tuple[str, str]]:
    """(file name, text) per table and curve; a number tells apart what would have one name."""
    taken: set[str] = set()
    for outcome in report.outcomes:
        for sheet in sheets(outcome):
            prefix = "" if sheet.name.startswith(outcome.name) else f"{slug(outcome.name)}-"
            stem = f"{prefix}{slug(sheet.name)}"
            name = next(name for name in _numbered(stem) if name not in taken)
            taken.add(name)
            yield f"{TABLES}/{name}.csv", csv_table(outcome.name, sheet)


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _make(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{file.parent}: cannot be made ({error.strerror}). Choose another --out.") from None


def _remove_older(folder: Path, kept: set[Path]) -> None:
    """Delete the tables of an older report that this one does not have; they say in their first line what they are."""
    for file in set(folder.glob("*.csv")) - kept:
        with file.open(encoding="utf-8", errors="replace") as opened:
            ours = opened.readline().startswith(",".join(FIRST) + ",")
        if ours:
            file.unlink()
