"""Column expressions that several readers share: identifiers, joined lists and the JSON of further texts."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def text(column: str | pl.Expr) -> pl.Expr:
    """The text, null where it is empty or blank."""
    expr = pl.col(column) if isinstance(column, str) else column
    return pl.when(expr.str.strip_chars() != "").then(expr)


def key(column: str | pl.Expr) -> pl.Expr:
    """The identifier without surrounding blanks, never read as a number; null where it is empty."""
    expr = (pl.col(column) if isinstance(column, str) else column).str.strip_chars()
    return pl.when(expr != "").then(expr)


def joined(column: str | pl.Expr, separator: str = ", ") -> pl.Expr:
    """The entries of a list column as one text, empty ones left out; null where nothing is left."""
    expr = pl.col(column) if isinstance(column, str) else column
    kept = expr.list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    return text(kept.list.join(separator, ignore_nulls=True))


def json_object(texts: Mapping[str, pl.Expr]) -> pl.Expr:
    """A JSON object of the texts that are there, `{"brand": "Acme"}`; null where none is."""
    members = [
        pl.when(value.is_not_null()).then(
            pl.struct(value.alias(name)).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
        )
        for name, value in texts.items()
    ]
    inner = text(pl.concat_str(members, separator=",", ignore_nulls=True))
    return pl.concat_str(pl.lit("{"), inner, pl.lit("}"))
