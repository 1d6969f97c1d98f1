"""Column expressions that several readers share: identifiers, texts, joined lists and the JSON of further texts."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

# How pandas, SQL dumps and Python write a value that is missing, to the letter: a film may be called "Null Island".
MISSING = ("nan", "NaN", "None", "NULL", "null", "<NA>", "NaT", "\\N")
LONGEST_MISSING = max(map(len, MISSING))
STRUCTURED = r"^\s*(?:\[\s*\{\s*['\"]|\{\s*['\"]|[\[{][\s\S]*[\]}]\s*$)"
STRUCTURED_START = r"^\s*[\[{]"
WORDS = {"nan": None, "NaN": None, "inf": None, "NaT": None, "null": None, "true": True, "false": False}
LONGEST_LITERAL = 1 << 20  # characters of a Python literal that are read
NAMES = ("name", "title", "label", "value", "text")  # what stands for an object of several members


def text(column: str | pl.Expr) -> pl.Expr:
    """The text, null where it is empty, blank or a word for a missing value."""
    expr = pl.col(column) if isinstance(column, str) else column
    return pl.when(_present(expr.str.strip_chars())).then(expr)


def key(column: str | pl.Expr) -> pl.Expr:
    """The identifier without surrounding blanks, never read as a number; null where it is empty or a word for that."""
    expr = (pl.col(column) if isinstance(column, str) else column).str.strip_chars()
    return pl.when(_present(expr)).then(expr)


def with_keys(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """The frame with `columns` as `key` has them; where all values are long or integers, none is missing."""
    frame = frame.with_columns(pl.col(columns).str.strip_chars())
    looked_at = [name for name in columns if _may_be_missing(frame[name])]
    return frame.with_columns(key(name) for name in looked_at)


def _may_be_missing(stripped: pl.Series) -> bool:
    shortest = stripped.str.len_bytes().min()
    if shortest is None or shortest > LONGEST_MISSING:  # type: ignore[operator]
        return False
    return stripped.cast(pl.Int64, strict=False).null_count() > stripped.null_count()


def joined(column: str | pl.Expr, separator: str = ", ") -> pl.Expr:
    """The entries of a list column as one text, empty ones left out; null where nothing is left."""
    expr = pl.col(column) if isinstance(column, str) else column
    kept = expr.list.eval(pl.element().filter(_present(pl.element().str.strip_chars())))
    return text(kept.list.join(separator, ignore_nulls=True))


def json_object(texts: Mapping[str, pl.Expr]) -> pl.Expr:
    """A JSON object of the texts that are there, `{"brand": "Acme"}`; null if missing."""
    members = [
        pl.when(value.is_not_null()).then(
            pl.struct(value.alias(name)).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
        )
        for name, value in texts.items()
    ]
    inner = text(pl.concat_str(members, separator=",", ignore_nulls=True))
    return pl.concat_str(pl.lit("{"), inner, pl.lit("}"))


def flattened(column: pl.Series, separator: str = ", ", *, path: bool = False) -> tuple[pl.Series, pl.Series]:
    """A column of texts or lists of texts as plain text, and which values (bool) could not be read.

    Values that are lists or objects, as JSON or as Python writes them, become "a, b"; an object stands for its name.
    `path`: of several lists the first is taken. Lists join with `separator`. An unreadable value becomes null.
    """
    if isinstance(column.dtype, pl.List):
        nested = column.list.eval(pl.element().str.contains(STRUCTURED_START)).list.any().fill_null(False)
        plain = column.to_frame().select(joined(column.name, separator)).to_series()
    else:
        nested = column.str.contains(STRUCTURED).fill_null(False)
        plain = column.to_frame().select(text(column.name)).to_series()
        if path:
            plain = plain.str.replace(r"^\s*'([^']*)'\s*$", "${1}").str.replace(r'^\s*"([^"]*)"\s*$', "${1}")
    broken = pl.Series("broken", [False]).new_from_index(0, len(column))
    rows = nested.arg_true()
    if not len(rows):
        return plain, broken
    texts, failed = [], []
    for value in column.gather(rows).to_list():
        read = [_value(one) for one in value] if isinstance(value, list) else _value(value)
        failed.append(read is _UNREADABLE)
        texts.append(None if read is _UNREADABLE else plain_text(read, separator, path=path))
    return plain.scatter(rows, pl.Series(texts, dtype=pl.String)), broken.scatter(rows, pl.Series(failed))


def titled(column: pl.Series) -> pl.Series:
    """A column of titles as plain text: as `flattened`, but "[REC]" and "[1408]" are titles and stay."""
    if isinstance(column.dtype, pl.String):
        marked = column.str.contains(r"^\s*(?:\[\s*['\"\[{]|\{\s*['\"])").fill_null(False)
        if not marked.any():
            return column.to_frame().select(text(column.name)).to_series()
        plain, broken = flattened(column)
        return plain.zip_with(marked & ~broken, column.to_frame().select(text(column.name)).to_series())
    return flattened(column)[0]


def literal(source: str) -> Any:
    """The value of a Python literal with JSON's types only; ValueError where `source` is none, or is too long."""
    if len(source) > LONGEST_LITERAL:
        raise ValueError(f"a Python literal of more than {LONGEST_LITERAL:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an escape that Python does not know, such as "\d"
            tree = ast.parse(source.strip(), mode="eval")
            if any(word in source for word in WORDS):
                tree = _Words().visit(tree)
            return _as_json(ast.literal_eval(tree))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"no Python literal ({type(error).__name__})") from None


def plain_text(value: Any, separator: str = ", ", *, path: bool = False) -> str | None:
    """A value of JSON as text, None where it holds nothing. `path`: of several lists the first is taken."""
    if isinstance(value, list):
        if path:
            value = next((one for one in value if isinstance(one, list) and one), value)
        parts = [plain_text(one, separator if path else ", ", path=path) for one in value]
        return separator.join(part for part in parts if part) or None
    if isinstance(value, dict):
        return _object_text(value, separator, path)
    if value is None or value is True or value is False:
        return None if value is None else str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    shown = str(value).strip()
    return None if not shown or shown in MISSING else shown


def _object_text(value: dict[str, Any], separator: str, path: bool) -> str | None:
    for name in NAMES:
        if isinstance(value.get(name), str) and value[name].strip():
            return value[name].strip()
    if path:  # a category with its count or its share: {"fantasy": 31}
        numbers = all(isinstance(one, (int, float)) for one in value.values())
        return separator.join(value) or None if numbers else plain_text(list(value.values()), separator, path=True)
    members = [(name, plain_text(one)) for name, one in value.items()]
    return ", ".join(f"{name}: {shown}" for name, shown in members if shown) or None


class _Words(ast.NodeTransformer):
    """Words that pandas and JSON leave in a literal, such as nan, become values."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(WORDS[node.id]), node) if node.id in WORDS else node


class _Unreadable:
    """Marks a value that is neither JSON nor a Python literal."""


_UNREADABLE = _Unreadable()


def _value(cell: str | None) -> Any:
    """A list or an object, where the text is one; other text as it is."""
    if cell is None or cell.lstrip()[:1] not in ("[", "{"):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        pass
    try:
        return literal(cell)
    except ValueError:
        return _UNREADABLE if cell.lstrip()[1:].lstrip()[:1] in ("'", '"', "{", "[") else cell


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_as_json(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def _present(stripped: pl.Expr) -> pl.Expr:
    return (stripped != "") & ~stripped.is_in(MISSING)
