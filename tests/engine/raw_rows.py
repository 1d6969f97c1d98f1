"""Sources written down row by row, for tests that need no files of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from engine.sources.source_data import SourceData

Visit = tuple[str | None, str | None, int | None, float | None]


def raw(
    folder: Path,
    visits: Sequence[Visit],
    items: dict[str, str | None] | Sequence[tuple[str, str | None]],
    *,
    platform: str = "table",
    timed: bool = True,
    descriptions: dict[str, str] | None = None,
    histories: Sequence[tuple[str, list[str]]] | None = None,
) -> SourceData:
    """A source of visits (user, item, order, rating) and items (key → title); `histories` are (split, history) by row.

    One file stands for what it was read from, so that other rows are another request.
    """
    pairs = list(items.items()) if isinstance(items, dict) else list(items)
    catalogue = pl.DataFrame(
        {
            "key": [key for key, _ in pairs],
            "title": [title for _, title in pairs],
            "description": [(descriptions or {}).get(key) for key, _ in pairs],
            "category": [None] * len(pairs),
            "fields": [None] * len(pairs),
        },
        schema=dict.fromkeys(("key", "title", "description", "category", "fields"), pl.String),
    )
    columns = {"user": pl.String(), "item": pl.String(), "order": pl.Int64(), "rating": pl.Float32()}
    interactions = pl.DataFrame(list(visits), schema=columns, orient="row")
    if histories is not None:
        interactions = interactions.with_columns(
            pl.Series("split", [split for split, _ in histories], dtype=pl.String),
            pl.Series("history", [history for _, history in histories], dtype=pl.List(pl.String)),
        )
    file = folder / "rows.json"
    file.write_text(json.dumps([list(visits), pairs, descriptions, histories]))
    return SourceData(
        platform, "Shop", catalogue.lazy(), interactions.lazy(), timed, (file,), given_split=histories is not None
    )


def titles(*keys: str) -> dict[str, str | None]:
    """A catalogue in which every item's title is "Title of <key>"."""
    return {key: f"Title of {key}" for key in keys}


def rows(db: Any, table: str, columns: str) -> list[tuple[Any, ...]]:
    """What a table of the store holds, in the order of its key."""
    return [tuple(row) for row in db.execute(f"SELECT {columns} FROM {table}")]
