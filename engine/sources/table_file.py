"""One table in a file, CSV, Parquet or json lines, as rows of text under names of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources import delimited, json_lines
from engine.sources.table_head import Kind, head_of
from engine.sources.tally import Rows, Tally, counted
from store.errors import BadInput

PARQUET_ROWS = 1_000_000  # a slice: some 100 MB of identifiers


@dataclass(frozen=True)
class TableFile:
    """`types` has a column's type, String where the format has none; `separator` is empty unless the file is CSV."""

    path: Path
    types: dict[str, pl.DataType]
    separator: str = ""
    parquet: bool = False

    def rows(self, tally: Tally, wanted: Mapping[str, str]) -> Iterator[Rows]:
        """The columns `wanted` (our name -> the file's) as String or List(String), in file order.

        Parquet times become ms since 1970 as text. Raises BadInput for a damaged file; broken lines are counted.
        """
        names = list(dict.fromkeys(wanted.values()))
        if self.parquet:
            parts = self._parquet_rows(tally, names)
        elif self.separator:
            parts = delimited.read(self.path, tally, names=list(self.types), wanted=names, separator=self.separator)
        else:
            lists = [name for name in names if self.types[name] == pl.List(pl.String)]
            parts = json_lines.read(self.path, tally, [name for name in names if name not in lists], lists)
        for rows in parts:
            frame = rows.frame.select(pl.col(source).alias(ours) for ours, source in wanted.items())
            yield Rows(frame, rows.place)

    def _parquet_rows(self, tally: Tally, names: list[str]) -> Iterator[Rows]:
        scan = pl.scan_parquet(self.path)
        start = 0
        while True:
            try:
                frame = scan.select(_as_text(name, self.types[name]) for name in names)
                part = frame.slice(start, PARQUET_ROWS).collect()
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
                raise _damaged_parquet(self.path, error) from None
            if not part.height:
                return
            tally.lines += part.height
            yield Rows(part, counted("row", start + 1))
            start += part.height


def open_table(path: Path) -> TableFile:
    """The table in `path`, whatever `head_of` finds it to be. Raises BadInput for a missing, empty or damaged file."""
    head = head_of(path)
    if head.kind is Kind.PARQUET:
        try:
            return TableFile(path, dict(pl.read_parquet_schema(path)), parquet=True)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise _damaged_parquet(path, error) from None
    if head.kind is Kind.JSON_LINES:
        fields = json_lines.fields(path)
        return TableFile(path, {name: pl.List(pl.String) if a_list else pl.String() for name, a_list in fields.items()})
    return TableFile(path, dict.fromkeys(head.names, pl.String()), head.separator)


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind.is_float():  # identifiers that went through pandas: 5.0 is the item 5
        whole = column.cast(pl.Int64, strict=False)
        text = column.cast(pl.String)
        return pl.when(whole == column).then(whole.cast(pl.String)).otherwise(text).alias(name)
    if isinstance(kind, (pl.Date, pl.Datetime)):
        return column.dt.epoch("ms").cast(pl.String)
    if isinstance(kind, (pl.List, pl.Array)):
        return column.cast(pl.List(pl.String))
    if isinstance(kind, pl.Struct):
        return column.struct.json_encode()
    return column.cast(pl.String)


def _damaged_parquet(path: Path, error: Exception) -> BadInput:
    what = str(error).split("\n")[0][:120]
    return BadInput(f"{path}: the Parquet file is damaged ({what}). Write or download it again.")
