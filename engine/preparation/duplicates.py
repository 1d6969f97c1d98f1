"""What a reader of results should know about a dataset's texts."""

from __future__ import annotations

from typing import Any

import polars as pl

EXAMPLES = 5
KEYS_SHOWN = 3
TITLE_SHOWN = 200  # characters


def duplicates(items: pl.DataFrame) -> dict[str, Any]:
    """Items that no title tells apart: they get one vector, so they tie in every ranking by text.

    items: `key`, `title` (cleaned). Returns groups (titles that several items share), items (in those groups), largest
    (the size of the largest) and examples (title, items, keys; the largest groups first).
    """
    titled = items.with_row_index("row")
    shared = titled.filter(pl.col("title").is_duplicated())
    groups = (
        shared.group_by("title")
        .agg(pl.len().alias("items"), pl.col("row").min(), pl.col("key").sort_by("row").head(KEYS_SHOWN).alias("keys"))
        .sort(["items", "row"], descending=[True, False])
    )
    return {
        "groups": groups.height,
        "items": shared.height,
        "largest": int(groups["items"][0]) if groups.height else 0,
        "examples": [
            {"title": _short(row["title"]), "items": row["items"], "keys": row["keys"]}
            for row in groups.head(EXAMPLES).iter_rows(named=True)
        ],
    }


def _short(title: str) -> str:
    return title if len(title) <= TITLE_SHOWN else title[: TITLE_SHOWN - 1] + "…"
