"""One table in a file, CSV, Parquet or json lines, as rows of text under names of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources import delimited, json_lines
from engine.sources.line_stats import LineStats, Rows, counted
from engine.sources.table_head import TableKind, head_of
from store.errors import BadInput

PARQUET_ROWS = 1_000_000  # a slice: some 100 MB of identifiers


@dataclass(frozen=True)
class TableFile:
    """`types` has a column's type, String where the format has none; `separator` is empty unless the file is CSV.

    `names` are the columns in the order of the file, of which a CSV file may have one twice; `skip` as in `Head`.
    """

    path: Path
    names: tuple[str, ...]
    types: dict[str, pl.DataType]
    separator: str = ""
    skip: int = 1
    parquet: bool = False

    def rows(self, stats: LineStats, wanted: Mapping[str, str]) -> Iterator[Rows]:
        """The columns `wanted` (our name -> the file's) as String or List(String), in file order.

        Parquet times become µs since 1970 as text, ns where the file has them; lists and objects within texts, and
        nested lists, their JSON. Raises BadInput for a damaged file; broken lines are counted.
        """
        names = list(dict.fromkeys(wanted.values()))
        if self.parquet:
            parts = self._parquet_rows(stats, names)
        elif self.separator:
            parts = delimited.read(
                self.path, stats, names=self.names, wanted=names, separator=self.separator, skip=self.skip
            )
        else:
            lists = [name for name in names if self.types[name] == pl.List(pl.String)]
            parts = json_lines.read(self.path, stats, [name for name in names if name not in lists], lists)
        for rows in parts:
            frame = rows.frame.select(pl.col(source).alias(ours) for ours, source in wanted.items())
            yield Rows(frame, rows.location)

    def _parquet_rows(self, stats: LineStats, names: list[str]) -> Iterator[Rows]:
        scan = pl.scan_parquet(self.path).select(names)
        size = PARQUET_ROWS // 20 if any(_is_nested(self.types[name]) for name in names) else PARQUET_ROWS
        start = 0
        while True:
            try:
                part = scan.slice(start, size).collect()
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
                raise _damaged_parquet(self.path, error) from None
            if not part.height:
                return
            stats.lines += part.height
            yield Rows(part.select(self._as_text(part[name]) for name in names), counted("row", start + 1))
            start += part.height

    def _as_text(self, column: pl.Series) -> pl.Series:
        try:
            return _as_text(column)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError) as error:
            what = str(error).split("\n")[0][:120]
            raise BadInput(
                f'{self.path}: the column "{column.name}" ({column.dtype}) cannot be read as text ({what}). '
                "Write it as text, or pass another column."
            ) from None


def open_table(path: Path) -> TableFile:
    """The table in `path`, whatever `head_of` finds it to be. Raises BadInput for a missing, empty or damaged file."""
    head = head_of(path)
    if head.kind is TableKind.PARQUET:
        try:
            types = dict(pl.read_parquet_schema(path))
            return TableFile(path, tuple(types), types, parquet=True)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise _damaged_parquet(path, error) from None
    if head.kind is TableKind.JSON_LINES:
        types = {
            name: pl.List(pl.String) if a_list else pl.String() for name, a_list in json_lines.fields(path).items()
        }
        return TableFile(path, tuple(types), types)
    return TableFile(path, head.names, dict.fromkeys(head.names, pl.String()), head.separator, head.skip)


def _is_nested(kind: pl.DataType) -> bool:
    """Whether a type needs Python to become text: a list of lists or of objects, or an object."""
    if isinstance(kind, (pl.List, pl.Array)):
        return isinstance(kind.inner, (pl.List, pl.Array, pl.Struct))
    return isinstance(kind, pl.Struct)


def _as_text(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if kind.is_float():  # identifiers that went through pandas: 5.0 is the item 5
        whole = column.cast(pl.Int64, strict=False)
        return whole.cast(pl.String).zip_with((whole == column).fill_null(False), column.cast(pl.String))
    if isinstance(kind, pl.Datetime):
        return column.dt.epoch("ns" if kind.time_unit == "ns" else "us").cast(pl.String)
    if isinstance(kind, pl.Date):
        return column.dt.epoch("us").cast(pl.String)
    if _is_nested(kind):
        shown = [None if one is None else json.dumps(one, ensure_ascii=False, default=str) for one in column.to_list()]
        return pl.Series(column.name, shown, dtype=pl.String)
    if isinstance(kind, (pl.List, pl.Array)):
        return column.cast(pl.List(pl.String))
    return column.cast(pl.String)


def _damaged_parquet(path: Path, error: Exception) -> BadInput:
    what = str(error).split("\n")[0][:120]
    return BadInput(f"{path}: the Parquet file is damaged ({what}). Write or download it again.")
