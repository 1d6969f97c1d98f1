"""What a table's file is, and its columns as far as its first line tells; light enough for a form to ask."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.sources.blocks import PARQUET, existing, first_bytes, first_lines
from engine.sources.foreign import LONGEST_MESSAGE, foreign
from store.errors import BadInput, unknown

BLANKS = " "  # any number of blanks and tabs
SEPARATORS = (",", "\t", ";", "|", "::", "\x01")  # the last is Hive's
SEPARATOR_OF = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t", ".dat": "::"}
SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?$', re.I)  # Excel's own first line
ATOMIC_TYPE = re.compile(r":(?:token|token_seq|float|float_seq)$")  # RecBole's: user_id:token
NO_COLUMN = "none"  # in place of a column's name: leave it out although it is there
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
CATEGORIES = ("category", "categories", "genres", "genre", "main_category")  # the first of these that a table has
DATA = re.compile(r"^[+-]?\d[\d.,:/ TZ+-]*$")  # a number or a date, which is no name of a column


IDENTIFIER = re.compile(r"^(?=.*\d)(?:[A-Za-z]{0,2}[-_]?\d+|[A-Z0-9]{6,}|[0-9a-f-]{8,})$")  # u0, B004LLIKVU, 5d41402a


class TableKind(StrEnum):
    """How a table is written."""

    CSV = "csv"
    JSON_LINES = "json lines"
    PARQUET = "parquet"


@dataclass(frozen=True)
class Head:
    """`names` and `separator` are empty unless the file is CSV. `skip`: the lines before the data, blank ones aside."""

    kind: TableKind
    names: tuple[str, ...] = ()
    separator: str = ""
    skip: int = 1


def head_of(path: Path) -> Head:
    """Parquet by its first bytes, json lines by its suffix or first character, otherwise CSV.

    CSV has a header row. Its separator is the one of a line `sep=;`, else the one that makes most columns of the
    header, else blanks. Raises BadInput for a file that is missing, empty or something else than data, or no Parquet
    although its name says so.
    """
    suffixes = [suffix.lower() for suffix in existing(path).suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    first = first_bytes(path, LONGEST_MESSAGE + 1)
    if first.startswith(PARQUET):
        return Head(TableKind.PARQUET)
    if suffix in (".parquet", ".pq") and first:
        found = foreign(first, whole=len(first) <= LONGEST_MESSAGE)
        if found is not None:
            raise BadInput(f"{path}: is {found[0]}. {found[1]}")
        raise BadInput(f"{path}: is no Parquet file (its first bytes are not PAR1). Write it again, or rename it.")
    line, following = first_lines(path)
    if suffix in JSON_SUFFIXES or line.lstrip().startswith("{"):
        return Head(TableKind.JSON_LINES)
    said = SEPARATOR_LINE.match(line.strip(" \r\n"))
    if said:
        return Head(TableKind.CSV, _names(following, said[1]), said[1], skip=2)
    separator = _separator(line, SEPARATOR_OF.get(suffix, ","))
    return Head(TableKind.CSV, _names(line, separator), separator)


def fields_of(line: str, separator: str = ",") -> list[str]:
    """One line as its fields, without quotes and surrounding blanks."""
    if separator == BLANKS:
        return line.split()
    if len(separator) > 1:
        return [field.strip() for field in line.split(separator)]
    return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]


def column(path: Path, names: Iterable[str], option: str, named: str | None, default: str) -> str:
    """The column that is asked for; `BadInput` with the nearest names where the file has none of that name."""
    found = named or default
    require(path, list(names), [found], f"Pass the column as --{option} COLUMN.")
    return found


def require(path: Path, names: Sequence[str], wanted: Iterable[str], next_step: str = "") -> None:
    """BadInput unless each of `wanted` is a column, once; where line 1 looks like data it says so."""
    for name in wanted:
        if names.count(name) > 1:
            at = " and ".join(str(number) for number, other in enumerate(names, start=1) if other == name)
            raise BadInput(f'{path} line 1: the column "{name}" occurs twice (columns {at}). Rename one of them.')
        if name not in names:
            data = next((field for field in names if DATA.match(field) or IDENTIFIER.match(field)), None)
            hint = (
                f' Line 1 was taken for the header; if "{data}" in it is data, add a line with the names above it.'
                if data
                else ""
            )
            error = unknown("column", name, list(names), next_step, label="Columns found")
            raise BadInput(f"{path}: {error}{hint}")


def category_of(names: Iterable[str]) -> str | None:
    """The column taken as the category by default, if there is one."""
    known = set(names)
    return next((name for name in CATEGORIES if name in known), None)


def _names(line: str, separator: str) -> tuple[str, ...]:
    names = fields_of(line, separator)
    if names and all(ATOMIC_TYPE.search(name) for name in names):
        return tuple(ATOMIC_TYPE.sub("", name) for name in names)
    return tuple(names)


def _separator(line: str, usual: str) -> str:
    counts = {separator: len(fields_of(line, separator)) for separator in SEPARATORS}
    most = max(counts.values())
    if most == 1:
        return BLANKS if len(line.split()) > 1 else usual
    return usual if counts[usual] == most else next(one for one, count in counts.items() if count == most)
