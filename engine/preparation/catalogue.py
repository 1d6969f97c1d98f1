"""The items that stay: those with a title, each key once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.preparation.cleaning import Alphabet, clean, clean_categories, clean_fields, is_page_code
from engine.preparation.dropped import (
    ITEM_PAGE_CODE,
    ITEM_REPEATED,
    ITEM_TITLE_EMPTY,
    ITEM_WITHOUT_KEY,
    ITEM_WITHOUT_TITLE,
    drop,
)
from engine.sources.source_data import SourceData

BLOCK_ROWS = 50_000
ABSENT, UNTITLED = -1, -2  # in place of an item id


@dataclass(frozen=True)
class Catalogue:
    """The items that stay. keys: `key`, `item` (int32, 0 … I−1 in the order of the keys); untitled: keys of others.

    numbers: int32 per row of the source's items, its item id, or −1 for a row that does not stay.
    """

    keys: pl.DataFrame
    untitled: pl.Series
    numbers: np.ndarray


def read_catalogue(raw: SourceData, alphabet: Alphabet, dropped: Counter[str]) -> Catalogue:
    """Which items stay: those with a title, each key once.

    Of several rows with one key and a title, the one with the most text stays, of equally long ones the first in the
    order of their texts: neither the ids nor the texts depend on the order of the rows.
    """
    parts = [
        block.select("key", missing=pl.col("title").is_null(), title=clean(block["title"], alphabet)).select(
            "key", "missing", empty=pl.col("title") == "", code=is_page_code(pl.col("title"))
        )
        for block in _blocks(raw.items.select(pl.col("key", "title").cast(pl.String)))
    ]
    schema = {"key": pl.String, "missing": pl.Boolean, "empty": pl.Boolean, "code": pl.Boolean}
    frame = (pl.concat(parts) if parts else pl.DataFrame(schema=schema)).with_row_index("row")
    rows = frame.height
    frame = drop(frame, pl.col("key").is_null(), ITEM_WITHOUT_KEY, dropped)
    titled = frame.filter(~pl.col("empty") & ~pl.col("code"))
    untitled = frame.filter(pl.col("empty") | pl.col("code")).join(titled, on="key", how="anti")["key"].unique()
    frame = drop(frame, pl.col("missing"), ITEM_WITHOUT_TITLE, dropped)
    frame = drop(frame, pl.col("empty"), ITEM_TITLE_EMPTY, dropped)
    frame = drop(frame, pl.col("code"), ITEM_PAGE_CODE, dropped)
    frame = drop(frame, pl.col("row").is_in(_poorer(raw, frame).implode()), ITEM_REPEATED, dropped).sort("key")
    numbers = np.full(rows, -1, dtype=np.int32)
    numbers[frame["row"].to_numpy()] = np.arange(frame.height, dtype=np.int32)
    keys = frame.select("key", item=pl.int_range(pl.len(), dtype=pl.Int32))
    return Catalogue(keys, untitled, numbers)


def _poorer(raw: SourceData, frame: pl.DataFrame) -> pl.Series:
    """Of the rows in `frame` that repeat a key, those that do not stay."""
    repeated = frame.filter(pl.col("key").is_duplicated())["row"]
    if not len(repeated):
        return repeated
    texts = [pl.col(name).cast(pl.String) for name in ("title", "description", "category", "fields")]
    found = raw.items.with_row_index("row").filter(pl.col("row").is_in(repeated.implode()))
    lengths = pl.sum_horizontal(text.str.len_chars().fill_null(0) for text in texts)
    ordered = found.select("row", pl.col("key").cast(pl.String), *texts, lengths.alias("length")).sort(
        "key", "length", "title", "description", "category", "fields", "row",
        descending=[False, True, *[False] * 5],
    )  # fmt: skip
    return ordered.filter(pl.col("key").is_first_distinct().not_()).collect()["row"]


def catalogue_blocks(raw: SourceData, catalogue: Catalogue, alphabet: Alphabet) -> Iterator[pl.DataFrame]:
    """The items that stay, cleaned, block by block: item, key, title, description, category, fields.

    The blocks are in the order of the file, the ids are not.
    """
    first_row = 0
    columns = pl.col("key", "title", "description", "category", "fields").cast(pl.String)
    for block in _blocks(raw.items.select(columns)):
        numbers = catalogue.numbers[first_row : first_row + block.height]
        kept = block.filter(pl.Series(numbers >= 0))
        first_row += block.height
        yield pl.DataFrame(
            {
                "item": numbers[numbers >= 0],
                "key": kept["key"],
                "title": clean(kept["title"], alphabet),
                "description": clean(kept["description"], alphabet),
                "category": clean_categories(kept["category"], alphabet, raw.domain),
                "fields": clean_fields(kept["fields"], alphabet),
            }
        )


def _blocks(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    return iter(rows.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True, engine="streaming"))


def item_ids(keys: pl.Series, catalogue: Catalogue) -> pl.Series:
    """Item ids (int32) of a coded column; `ABSENT` or `UNTITLED` for items that did not stay."""
    if not len(keys):
        return pl.Series("item", [], dtype=pl.Int32)
    distinct = keys.unique()
    known = pl.DataFrame({"code": distinct.to_physical(), "key": distinct.cast(pl.String)}).join(
        catalogue.keys, on="key", how="left"
    )
    missing = pl.when(pl.col("key").is_in(catalogue.untitled.implode())).then(UNTITLED).otherwise(ABSENT)
    known = known.with_columns(pl.col("item").fill_null(missing.cast(pl.Int32)))
    ids = np.full(int(known["code"].max()) + 1, ABSENT, dtype=np.int32)  # type: ignore[arg-type]
    ids[known["code"].to_numpy()] = known["item"].to_numpy()
    return pl.Series("item", ids[keys.to_physical().to_numpy()])


def dictionary(column: str) -> pl.Expr:
    """A column of keys as codes, so that a row costs the same however long its key is."""
    return pl.col(column).cast(pl.String).cast(pl.Categorical(pl.Categories.random()))
