"""CSV and its relatives as frames of text: one parser for good and bad files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from engine.sources.blocks import BLOCK_BYTES, LONGEST_QUOTED, Block, check_encoding, read_blocks
from engine.sources.line_stats import LineStats, Rows, counted
from engine.sources.table_head import BLANKS

UNIT = "\x1f"  # stands for a separator of several characters, which the parser does not take
PUNCTUATION = ",;"  # texts hold these too, so quotes around them are meant as quotes
LONGEST_FIELD = 64 << 20
LINE_END = re.compile(rb"\r\n|\n|\r")
LONE_CR = re.compile(rb"\r(?!\n)")
QUOTE, NEWLINE, RETURN = b'"\n\r'


def read(
    path: Path,
    stats: LineStats,
    *,
    names: Sequence[str],
    wanted: Sequence[str],
    separator: str = ",",
    skip: int = 1,
    quoted: bool = True,
    encoding: str = "utf-8",
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Rows]:
    """The columns `wanted` as String, an empty field as "", one row per line with as many fields as `names`.

    `skip`: so many lines that are not blank come before the data. `quoted`: fields may be in double quotes, with a
    quote inside doubled or after a backslash; a quote that quotes nothing is text, so it never joins lines. Other
    lines are broken and counted in `stats`, whose `finish` is called by the reader of the source. A separator of one
    blank stands for any number of blanks and tabs. Raises BadInput for what `read_blocks` refuses and for bytes that
    are not in `encoding`.
    """
    quoted = quoted and separator != BLANKS
    parser = _Parser(path, stats, list(names), list(wanted), separator, quoted)
    for block in read_blocks(path, quoted=quoted, block_bytes=block_bytes):
        data, first = block.data, block.first_line
        while skip and data:
            end = LINE_END.search(data)
            line, data = (data[: end.start()], data[end.end() :]) if end else (data, b"")
            skip -= bool(line.strip())
            first += 1
        if encoding != "utf-8":
            data = data.decode(encoding).encode()
        if separator == BLANKS:
            data = re.sub(rb"(?m)^ | $", b"", re.sub(rb"[ \t]+", b" ", data.replace(b"\r\n", b"\n")))
        elif len(separator) > 1:
            data = data.replace(separator.encode(), UNIT.encode())
        if b"\r" in data and LONE_CR.search(data):
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = data.rstrip(b"\r\n")
        if data:
            rows = parser.parse(Block(data + b"\n", first))
            if rows.frame.height:
                yield rows


class _Parser:
    def __init__(
        self, path: Path, stats: LineStats, names: list[str], wanted: list[str], separator: str, quoted: bool
    ) -> None:
        self.path, self.stats, self.quoted = path, stats, quoted
        self.width = len(names)
        self.separator = separator if len(separator) == 1 else UNIT
        self.wanted = {name: names.index(name) for name in wanted}
        self.header = (self.separator.join(f"c{i}" for i in range(self.width)) + "\n").encode()

    def parse(self, block: Block) -> Rows:
        lines = block.data.count(b"\n")
        if self._is_regular(block.data, lines):
            frame = self._frame(block.data)
            if frame is not None and frame.height == lines:
                self.stats.lines += lines
                return Rows(frame, counted("line", block.first_line))
        return self._line_by_line(block)

    def _is_regular(self, data: bytes, lines: int) -> bool:
        """Whether each line is one record, quotes are all as they should be, and as many separators as expected."""
        separators = lines * (self.width - 1)
        if not self.quoted or b'"' not in data:
            return data.count(self.separator.encode()) == separators
        if b'\\"' in data:
            return False
        held = np.frombuffer(data, np.uint8)
        is_quote = held == QUOTE
        at = np.flatnonzero(is_quote)
        if len(at) % 2:
            return False
        limits = (ord(self.separator), QUOTE, NEWLINE)
        opening, closing = at[0::2], at[1::2]
        before = held[np.maximum(opening - 1, 0)]
        if (
            not ((opening == 0) | np.isin(before, limits)).all()
            or not np.isin(held[closing + 1], (*limits, RETURN)).all()
        ):
            return False
        outside = np.bitwise_xor.accumulate(is_quote.view(np.uint8)) == 0
        if np.count_nonzero(outside & (held == NEWLINE)) != lines:
            return False
        return np.count_nonzero(outside & (held == ord(self.separator))) == separators

    def _frame(self, data: bytes) -> pl.DataFrame | None:
        numbers = sorted({*self.wanted.values(), self.width - 1})  # without the last a line too long is not noticed
        try:
            frame = pl.read_csv(
                self.header + data,
                columns=[f"c{number}" for number in numbers],
                separator=self.separator,
                quote_char='"' if self.quoted else None,
                infer_schema=False,
            ).fill_null("")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return None
        return frame.select(pl.col(f"c{number}").alias(name) for name, number in self.wanted.items())

    def _line_by_line(self, block: Block) -> Rows:
        check_encoding(self.path, block)
        csv.field_size_limit(LONGEST_FIELD)
        lines = block.data.decode().split("\n")
        good: list[tuple[int, list[str]]] = []
        number = 0
        while number < len(lines):
            if not lines[number].strip(" \r"):
                number += 1
                continue
            fields, used = self._record(lines, number)
            self.stats.lines += 1
            if len(fields) == self.width:
                good.append((block.first_line + number, fields))
            else:
                self._break(block.first_line + number, fields, lines[number])
            number += used
        frame = pl.DataFrame(
            {name: [fields[column] for _, fields in good] for name, column in self.wanted.items()},
            schema=dict.fromkeys(self.wanted, pl.String),
        )
        return Rows(frame, lambda row: f"line {good[row][0]}")

    def _record(self, lines: list[str], number: int) -> tuple[list[str], int]:
        """The fields of the record that begins with line `number`, and how many lines it takes.

        With a backslash before quotes where that fits; else by the letter of CSV; else as one line in which quotes
        are text. Lines that are each a record of their own are never joined by two stray quotes.
        """
        line = lines[number].removesuffix("\r")
        literal = line.split(self.separator)
        if not self.quoted or '"' not in line:
            return literal, 1
        well_formed = None
        for escaped in (True, False) if '\\"' in line else (False,):
            fields, used = self._quoted(lines, number, escaped)
            if fields and not (used > 1 and self._joins_records(lines[number : number + used])):
                if len(fields) == self.width:
                    return fields, used
                well_formed = well_formed or (fields, used)
        if len(literal) == self.width and not (well_formed and self.separator in PUNCTUATION):
            return literal, 1
        return well_formed or (next(csv.reader([line], delimiter=self.separator), []), 1)

    def _joins_records(self, lines: list[str]) -> bool:
        """Whether the lines of one record by the letter are records of their own, joined by two stray quotes."""
        if sum(line.count('"') for line in lines) != 2:
            return False
        alone = [line.count(self.separator) == self.width - 1 for line in lines]
        return all(alone) if self.separator in PUNCTUATION else alone[0] and alone[-1]

    def _quoted(self, lines: list[str], number: int, escaped: bool) -> tuple[list[str], int]:
        """The record by the letter of CSV, maybe over several lines; no fields where a quote is out of place."""
        reader = csv.reader(
            _limited(lines, number),
            delimiter=self.separator,
            strict=True,
            doublequote=not escaped,
            escapechar="\\" if escaped else None,
        )
        try:
            return next(reader, []), reader.line_num
        except csv.Error:
            return [], 1

    def _break(self, number: int, fields: list[str], line: str) -> None:
        why = f"{len(fields)} fields where {self.width} are expected"
        if self.quoted and line.count('"') % 2:
            why += ", and a double quote is opened and never closed"
        self.stats.record_bad_line(f"line {number}", why, "Remove or repair the line, or check the separator.")


def _limited(lines: list[str], number: int) -> Iterator[str]:
    """Lines from `number` on with their ends, as many as a quoted field may have."""
    size = 0
    for at in range(number, len(lines)):
        yield lines[at] + "\n"
        size += len(lines[at])
        if size > LONGEST_QUOTED:
            return
