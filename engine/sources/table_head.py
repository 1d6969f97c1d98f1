"""What a table's file is, and its columns as far as its first line tells; light enough for a form to ask."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.sources.blocks import PARQUET, existing, first_bytes, first_line
from store.errors import BadInput, unknown

SEPARATORS = (",", "\t", ";", "|")
SEPARATOR_OF = {".csv": ",", ".tsv": "\t"}
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class Kind(StrEnum):
    """How a table is written."""

    CSV = "csv"
    JSON_LINES = "json lines"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Head:
    """`names` and `separator` are empty unless the file is CSV."""

    kind: Kind
    names: tuple[str, ...] = ()
    separator: str = ""


def head_of(path: Path) -> Head:
    """Parquet by its first bytes, json lines by its suffix or first character, otherwise CSV.

    CSV has a header row; `.csv` is comma- and `.tsv` tab-separated unless the header shows another separator.
    Raises BadInput for a file that is missing or empty, or no Parquet although its name says so.
    """
    suffixes = [suffix.lower() for suffix in existing(path).suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if first_bytes(path, 4) == PARQUET:
        return Head(Kind.PARQUET)
    if suffix in (".parquet", ".pq"):
        raise BadInput(f"{path}: is no Parquet file (its first bytes are not PAR1). Write it again, or rename it.")
    head = first_line(path)
    if suffix in JSON_SUFFIXES or head.lstrip().startswith("{"):
        return Head(Kind.JSON_LINES)
    separator = SEPARATOR_OF.get(suffix, ",")
    if separator not in head:
        separator = max(SEPARATORS, key=head.count)
    return Head(Kind.CSV, tuple(fields_of(head, separator)), separator)


def fields_of(line: str, separator: str = ",") -> list[str]:
    """One line as its fields, without quotes and surrounding blanks."""
    if len(separator) > 1:
        return [field.strip() for field in line.split(separator)]
    return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]


def column(path: Path, names: Iterable[str], option: str, named: str | None, default: str) -> str:
    """The column that is asked for; `BadInput` with the nearest names where the file has none of that name."""
    found, known = named or default, list(names)
    if found not in known:
        hint = f"Pass the column as --{option} COLUMN."
        raise BadInput(f"{path}: {unknown('column', found, known, hint)}")
    return found
