"""CSV and its relatives as frames of text: one parser for good and bad files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import polars as pl

from engine.sources.blocks import BLOCK_BYTES, Block, check_encoding, read_blocks
from engine.sources.tally import Rows, Tally, counted
from store.errors import BadInput

UNIT = "\x1f"  # stands for a separator of several characters, which the parser does not take
LONGEST_FIELD = 64 << 20


def read(
    path: Path,
    tally: Tally,
    *,
    names: Sequence[str],
    wanted: Sequence[str],
    separator: str = ",",
    header: bool = True,
    quoted: bool = True,
    encoding: str = "utf-8",
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Rows]:
    """The columns `wanted` as String, an empty field as "", one row per line with as many fields as `names`.

    `header`: the first line holds the names and is skipped. `quoted`: fields may be in double quotes. Other lines are
    broken and counted in `tally`, whose `finish` is called by the reader of the source. Raises BadInput for what
    `read_blocks` refuses, for bytes that are not in `encoding`, and for a quote that is never closed.
    """
    parser = _Parser(path, tally, list(names), list(wanted), separator, quoted)
    for block in read_blocks(path, quoted=quoted, block_bytes=block_bytes):
        data, first = block.data, block.first_line
        if header and first == 1:
            header_line, _, data = data.partition(b"\n")
            while not header_line.strip() and data:
                header_line, _, data = data.partition(b"\n")
                first += 1
            first += 1
        if encoding != "utf-8":
            data = data.decode(encoding).encode()
        if len(separator) > 1:
            data = data.replace(separator.encode(), UNIT.encode())
        data = data.rstrip(b"\r\n")
        if data:
            rows = parser.parse(Block(data + b"\n", first))
            if rows.frame.height:
                yield rows


class _Parser:
    def __init__(
        self, path: Path, tally: Tally, names: list[str], wanted: list[str], separator: str, quoted: bool
    ) -> None:
        self.path, self.tally, self.quoted = path, tally, quoted
        self.width = len(names)
        self.separator = separator if len(separator) == 1 else UNIT
        self.wanted = {f"c{names.index(name)}": name for name in wanted}
        self.header = (self.separator.join(f"c{i}" for i in range(self.width)) + "\n").encode()

    def parse(self, block: Block) -> Rows:
        quotes = block.data.count(b'"') if self.quoted else 0
        frame = self._frame(block.data) if quotes % 2 == 0 else None
        if frame is None or not self._is_full(frame, block.data, quotes):
            return self._salvaged(block)
        self.tally.lines += frame.height
        lines = block.data.count(b"\n")
        if frame.height == lines:
            return Rows(self._named(frame), counted("line", block.first_line))
        starts = cache(lambda: [start for start, _ in self._records(block.data, block.first_line)])
        return Rows(self._named(frame), lambda row: f"line {starts()[row]}")

    def _frame(self, data: bytes) -> pl.DataFrame | None:
        columns = sorted({*self.wanted, f"c{self.width - 1}"}, key=lambda name: int(name[1:]))
        try:
            return pl.read_csv(
                self.header + data,
                columns=columns,
                separator=self.separator,
                quote_char='"' if self.quoted else None,
                infer_schema=False,
            ).fill_null("")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.col(column).alias(name) for column, name in self.wanted.items())

    def _is_full(self, frame: pl.DataFrame, data: bytes, quotes: int) -> bool:
        """Whether no line has too few fields: the parser fills those up with empty ones."""
        if not quotes:
            lines = data.count(b"\n")
            return frame.height == lines and data.count(self.separator.encode()) == lines * (self.width - 1)
        return not bool((frame[f"c{self.width - 1}"] == "").any())

    def _records(self, data: bytes, line: int) -> list[tuple[int, list[str]]]:
        """Every record that is not blank, with the number of its first line."""
        text = data.decode()
        if not self.quoted:
            split = ((n, row.removesuffix("\r")) for n, row in enumerate(text.split("\n"), start=line))
            return [(n, row.split(self.separator)) for n, row in split if row.strip(" ")]
        csv.field_size_limit(LONGEST_FIELD)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.separator)
        records = []
        start = line
        try:
            for fields in reader:
                if fields and (len(fields) > 1 or fields[0].strip()):
                    records.append((start, fields))
                start = line + reader.line_num
        except csv.Error as error:
            raise BadInput(f"{self.path} line {start}: {error}. Repair the line, or write line ends as LF.") from None
        return records

    def _is_open(self, block: Block, line: int) -> bool:
        """Whether the last record, which starts at `line`, ends inside a quote that swallowed the rest of the file."""
        text = b"\n".join(block.data.split(b"\n")[line - block.first_line :]).decode()
        try:
            list(csv.reader(io.StringIO(text, newline=""), delimiter=self.separator, strict=True))
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False

    def _salvaged(self, block: Block) -> Rows:
        check_encoding(self.path, block)
        records = self._records(block.data, block.first_line)
        if records and self.quoted and self._is_open(block, records[-1][0]):
            raise BadInput(
                f"{self.path} line {records[-1][0]}: a double quote is opened and never closed. Close it, or "
                'write a quote inside a quoted field as "".'
            )
        self.tally.lines += len(records)
        good = []
        for line, fields in records:
            if len(fields) == self.width:
                good.append((line, fields))
            else:
                why = f"{len(fields)} fields where {self.width} are expected"
                self.tally.break_line(f"line {line}", why, "Remove or repair the line, or check the separator.")
        frame = pl.DataFrame(
            {name: [fields[int(column[1:])] for _, fields in good] for column, name in self.wanted.items()},
            schema=dict.fromkeys(self.wanted.values(), pl.String),
        )
        return Rows(frame, lambda row: f"line {good[row][0]}")
