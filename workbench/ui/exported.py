"""A table exported as CSV, Markdown or LaTeX, by the report's own writers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import BadInput
from workbench.ui.file_access import EVERYWHERE, FileAccess

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet


class Form(StrEnum):
    """What a table is written as; the value ends the file's name."""

    CSV = "csv"
    MARKDOWN = "md"
    LATEX = "tex"


FORMS = {
    Form.CSV: ("CSV", "a line per number, with all digits"),
    Form.MARKDOWN: ("Markdown", "a table with its notes"),
    Form.LATEX: ("LaTeX", "booktabs, to be read by \\input"),
}


def written(sheet: Sheet, form: Form) -> str:
    """The table as text; CSV says the protocol in the note of every number."""
    from dataclasses import replace

    from engine.report import csv_table, latex, markdown

    if form is Form.MARKDOWN:
        return markdown.table(sheet)
    if form is Form.LATEX:
        return latex.table(sheet)
    rows = tuple(
        replace(row, cells=tuple(cell and replace(cell, note=cell.note or sheet.protocol) for cell in row.cells))
        for row in sheet.rows
    )
    return csv_table.csv_table("results", replace(sheet, rows=rows))


def write(sheet: Sheet, form: Form, path: Path) -> Path:
    """Write the table over what is there; `BadInput` where that cannot be."""
    from engine.commands.files import writing

    text = written(sheet, form)
    with writing(path, next="Name another file.") as file:
        file.write(text)
    return path


def default_name(words: str) -> str:
    """A file's name without its ending: `ndcg-10-by-category`."""
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in words.lower())
    return "-".join(filter(None, plain.split("-")))[:80] or "table"


def problem(typed: str, access: FileAccess = EVERYWHERE) -> str:
    """Why no table can be written to what was typed; empty where one can."""
    if not typed.strip():
        return "The name of a file is needed."
    path = Path(typed.strip()).expanduser()
    try:
        access.check(path)
    except BadInput as error:
        return str(error)
    try:
        if path.is_dir():
            return f"{path} is a folder. Name a file in it."
        if not path.parent.is_dir():
            return f"{path.parent} is not an existing folder. Name one that exists."
    except (OSError, ValueError) as error:
        return f"{path} cannot be a file: {error}."
    return ""
