"""JSON lines as frames of text: one parser for good and bad files, so that a broken line changes nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from engine.sources.blocks import BLOCK_BYTES, Block, check_encoding, read_blocks
from engine.sources.fields import literal
from engine.sources.line_stats import LineStats, Rows, counted
from store.errors import BadInput, unknown

LINES_LOOKED_AT = 200  # enough to meet every field that is not rare
PART_LINES = 128  # large enough for the parser to be fast, small enough to look at line by line
Schema = dict[str, pl.DataType]


def fields(path: Path) -> dict[str, bool]:
    """The fields of the first objects in the file, in the order met, and whether one of them held a list.

    Raises BadInput where there is no object at all.
    """
    found: dict[str, bool] = {}
    looked_at = 0
    for block in read_blocks(path, block_bytes=1 << 20):
        for line in block.data.split(b"\n"):
            if not line.strip():
                continue
            if not looked_at and line.lstrip().startswith(b"["):
                raise BadInput(
                    f"{path} line {block.first_line}: a JSON array; one object per line is expected. "
                    "Convert it with `jq -c '.[]'`."
                )
            looked_at += 1
            value, _ = _object(line)
            if value is not None:
                for name, held in value.items():
                    found[name] = found.get(name, False) or isinstance(held, list)
            if looked_at >= LINES_LOOKED_AT:
                break
        if looked_at >= LINES_LOOKED_AT:
            break
    if looked_at and not found:
        raise BadInput(
            f"{path} line 1: neither a JSON object nor a Python dict. One object per line is expected; check the file."
        )
    return found


def require(path: Path, *alternatives: Sequence[str]) -> list[str]:
    """The fields of the file; BadInput with the nearest names unless one of each group of `alternatives` is there."""
    known = list(fields(path))
    for names in alternatives:
        if not set(names) & set(known):
            error = unknown("field", " or ".join(names), known, "Is this the right file?", label="Fields found")
            raise BadInput(f"{path}: {error}")
    return known


def read(
    path: Path, stats: LineStats, texts: Sequence[str], lists: Sequence[str] = (), block_bytes: int = BLOCK_BYTES
) -> Iterator[Rows]:
    """The fields `texts` as String (numbers as their digits) and `lists` as List(String), one row per good line.

    A field that a line lacks is null; a text where a list is expected is a list of one. A list or an object where a
    text is expected is its JSON. Lines may be Python dicts instead (Amazon 2014, Steam). Broken lines are counted in
    `stats`, whose `finish` is called by the reader of the source. Raises BadInput for what `read_blocks` refuses and
    for bytes that are no UTF-8.
    """
    schemas = [
        {name: pl.String() for name in texts} | dict(zip(lists, kinds, strict=True))
        for kinds in product((pl.List(pl.String), pl.String()), repeat=len(lists))
    ]
    for block in read_blocks(path, block_bytes=block_bytes):
        lines = block.data.count(b"\n") + (not block.data.endswith(b"\n"))
        frame = _parsed(block.data, lines, schemas)
        if frame is None:
            rows = _salvaged(path, block, stats, schemas[0])
        else:
            stats.lines += lines
            rows = Rows(_with_lists(frame, lists), counted("line", block.first_line))
        if rows.frame.height:
            yield rows


def _parsed(data: bytes, lines: int, schemas: Sequence[Schema]) -> pl.DataFrame | None:
    """The frame of `data` under the first of `schemas` that fits all its lines; the first has all lists."""
    for schema in schemas:
        try:
            frame = pl.read_ndjson(data, schema=schema)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            continue
        if frame.height == lines and not _may_hold_lists(frame, schemas[0]):
            return _with_json(frame, data)
    return None


def _with_json(frame: pl.DataFrame, data: bytes) -> pl.DataFrame:
    """Lists and objects within texts as the JSON of the line: what the parser makes of them is its own affair."""
    lines: list[bytes] = []
    for name, kind in frame.schema.items():
        marked = _is_json(pl.col(name))
        if isinstance(kind, pl.List):
            marked = pl.col(name).list.eval(_is_json(pl.element())).list.any()
        rows = frame.select(marked.fill_null(False)).to_series().arg_true()
        if len(rows):
            lines = lines or data.split(b"\n")
            values = [(_object(lines[row])[0] or {}).get(name) for row in rows]
            shown = [
                [_json(one) for one in value or []] if isinstance(kind, pl.List) else _json(value) for value in values
            ]
            frame = frame.with_columns(_replaced(frame[name], rows, shown))
    return frame


def _is_json(text: pl.Expr) -> pl.Expr:
    return text.str.starts_with("[") | text.str.starts_with("{")


def _replaced(column: pl.Series, rows: pl.Series, values: list[Any]) -> pl.Series:
    """A column, of texts or of lists, with some of its values replaced."""
    new = pl.DataFrame({"row": rows.cast(pl.UInt32), "new": pl.Series(values, dtype=column.dtype)})
    frame = column.rename("old").to_frame().with_row_index("row").join(new, on="row", how="left", maintain_order="left")
    return frame.select(pl.coalesce("new", "old").alias(column.name)).to_series()


def _json(value: Any) -> str | None:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


def _may_hold_lists(frame: pl.DataFrame, wanted: Schema) -> bool:
    """Whether a column read as text for some of its lines has lists in others, which come out as unescaped text."""
    texts = [name for name, kind in wanted.items() if kind != frame.schema[name]]
    return any(frame[name].str.starts_with("[").any() for name in texts)


def _salvaged(path: Path, block: Block, stats: LineStats, schema: Schema) -> Rows:
    """Read the block in small parts; the lines of those that do not parse are looked at, and repaired, one by one."""
    check_encoding(path, block)
    numbered = [
        (number, line) for number, line in enumerate(block.data.split(b"\n"), start=block.first_line) if line.strip()
    ]
    stats.lines += len(numbered)
    frames = [pl.DataFrame(schema=schema)]
    kept: list[int] = []
    for start in range(0, len(numbered), PART_LINES):
        part = numbered[start : start + PART_LINES]
        frame = _parsed(b"\n".join(line for _, line in part), len(part), [schema])
        if frame is None:
            part = _repaired(part, stats, schema)
            frame = _parsed(b"\n".join(line for _, line in part), len(part), [schema]) if part else None
        if frame is not None:
            frames.append(frame)
            kept.extend(number for number, _ in part)
    return Rows(pl.concat(frames), lambda row: f"line {kept[row]}")


def _with_lists(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    single = [name for name in names if frame.schema[name] == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).is_not_null()).then(pl.concat_list(name)).alias(name) for name in single
    )


def _repaired(part: Sequence[tuple[int, bytes]], stats: LineStats, schema: Schema) -> list[tuple[int, bytes]]:
    """The lines that hold an object, with only the fields of `schema`, each of a type that the parser takes."""
    good = []
    for number, line in part:
        value, why = _object(line)
        if value is None:
            stats.record_bad_line(
                f"line {number}", why, "Each line must be one JSON object; remove or repair the line."
            )
            continue
        fields = {name: value[name] for name in schema if value.get(name) is not None}
        for name, held in fields.items():
            if schema[name] == pl.List(pl.String) and not isinstance(held, list):
                fields[name] = [held]
        good.append((number, json.dumps(fields).encode()))
    return good


def _object(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """The line's object, of JSON or Python, with NaN and Infinity as null; or nothing and what is wrong with it."""
    try:
        value = json.loads(line, parse_constant=lambda _: None, object_pairs_hook=_first_of_each)
    except json.JSONDecodeError as error:
        value = _python_dict(line)
        if value is None:
            return None, f"broken JSON ({error.msg} at character {error.pos + 1})"
    except (ValueError, RecursionError) as error:
        return None, f"broken JSON ({error})"
    if not isinstance(value, dict):
        return None, f"a JSON {type(value).__name__} instead of an object"
    return value, ""


def _python_dict(line: bytes) -> dict[str, Any] | None:
    if not line.lstrip().startswith(b"{") or b"'" not in line:
        return None
    try:
        value = literal(line.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """As the fast parser does where a field comes twice."""
    first: dict[str, Any] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return first
