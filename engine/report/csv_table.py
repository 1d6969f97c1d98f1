"""A table as CSV: a row per cell with all that is known of it."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields

from engine.experiments.sheet import Cell, Sheet
from store.plain_text import plain

FIRST = ("experiment", "table")  # the first columns of every file of a report
CELL = tuple(field.name for field in fields(Cell))


def csv_table(experiment: str, sheet: Sheet) -> str:
    """The file's text; numbers have all their digits, what is unknown is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*FIRST, *map(text, sheet.heads), "column", *CELL, "protocol"])
    for row in sheet.rows:
        for column, cell in zip(sheet.columns, row.cells, strict=True):
            if cell is not None:
                labels = (experiment, sheet.name, *row.labels, column)
                values = (text(value) if isinstance(value, str) else value for value in asdict(cell).values())
                writer.writerow([*map(text, labels), *values, text(sheet.protocol)])
    return file.getvalue()


def text(value: str) -> str:
    """Text as a spreadsheet shows it: what would begin a formula there gets an apostrophe before it."""
    shown = plain(value)
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown
