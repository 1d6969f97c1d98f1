"""Amazon Reviews'23: raw review and meta json lines, or the benchmark's CSV files with histories plus meta."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from engine.sources import delimited, json_lines
from engine.sources.blocks import first_line
from engine.sources.fields import joined, json_object, key, text
from engine.sources.interactions import Catalogue, Interactions
from engine.sources.line_stats import LineStats, Rows
from engine.sources.source_data import SourceData
from engine.sources.table_head import DATA, fields_of, require
from engine.sources.timestamp_format import TimestampFormat
from engine.sources.timestamps import TimeReader
from store.enums import Split
from store.errors import BadInput

PLATFORM = "amazon23"
TIMESTAMPS = ("timestamp", "sort_timestamp", "sortTimestamp")  # the later two in older dumps
BENCHMARK_COLUMNS = ("user_id", "parent_asin", "rating", "timestamp", "history")


def read_raw(reviews: Path, meta: Path, domain: str, timestamp_format: str = TimestampFormat.AUTO) -> SourceData:
    """Reviews as interactions (item = parent_asin, order = timestamp in any unit) and meta as items.

    `reviews` and `meta` are json lines, gzip or plain. Description: the list joined with ", ". Category: the second of
    `categories`, else `main_category`, else `domain`. Fields: brand (`store`), features and categories.
    Raises BadInput for files that cannot be read or have other fields, and where more than 1 % of lines are broken.
    Format: https://amazon-reviews-2023.github.io.
    """
    dropped: Counter[str] = Counter()
    known = json_lines.require(reviews, ["user_id"], ["parent_asin"], TIMESTAMPS)
    orders = [name for name in TIMESTAMPS if name in known]
    times = TimeReader(timestamp_format, orders[0])
    interactions = Interactions("review", dropped, times)
    stats = LineStats(reviews, "reviews")
    for rows in json_lines.read(reviews, stats, ["user_id", "parent_asin", "rating", *orders]):
        frame = rows.frame.select(
            pl.col("user_id").alias("user"),
            pl.col("parent_asin").alias("item"),
            pl.coalesce(orders).alias("order"),
            "rating",
        )
        interactions.add(Rows(frame, rows.location), stats)
    stats.finish(dropped)
    return SourceData(
        platform=PLATFORM,
        domain=domain,
        items=_items(meta, domain, dropped),
        interactions=interactions.lazy(str(reviews)),
        timed=times.timed,
        files=(reviews, meta),
        settings={"layout": "raw"} | times.recorded,
        dropped=dropped,
    )


def read_benchmark(
    train: Path, valid: Path, test: Path, meta: Path, domain: str, timestamp_format: str = TimestampFormat.AUTO
) -> SourceData:
    """The `0core/timestamp_w_his` files: interactions with their given split and history.

    Columns user_id, parent_asin, rating, timestamp (ms), history (space-joined parent_asin, oldest first, maybe
    empty), with or without a header row. Interactions come in the order train, valid, test. Items and errors as in
    `read_raw`.
    """
    dropped: Counter[str] = Counter()
    extra = {"split": pl.String(), "history": pl.List(pl.String)}
    times = TimeReader(timestamp_format)
    interactions = Interactions("review", dropped, times, extra=extra)
    for split, path in ((Split.TRAIN, train), (Split.VALID, valid), (Split.TEST, test)):
        names, header = _benchmark_columns(path)
        stats = LineStats(path, split.value)
        for rows in delimited.read(path, stats, names=names, wanted=BENCHMARK_COLUMNS, skip=int(header)):
            frame = rows.frame.select(
                pl.col("user_id").alias("user"),
                pl.col("parent_asin").alias("item"),
                pl.col("timestamp").alias("order"),
                "rating",
                pl.lit(split.value).alias("split"),
                pl.col("history").str.extract_all(r"\S+"),
            )
            interactions.add(Rows(frame, rows.location), stats)
        stats.finish(dropped)
    return SourceData(
        platform=PLATFORM,
        domain=domain,
        items=_items(meta, domain, dropped),
        interactions=interactions.lazy(f"{train}, {valid}, {test}"),
        timed=times.timed,
        files=(train, valid, test, meta),
        given_split=True,
        settings={"layout": "benchmark"} | times.recorded,
        dropped=dropped,
    )


def _items(meta: Path, domain: str, dropped: Counter[str]) -> pl.LazyFrame:
    json_lines.require(meta, ["parent_asin"], ["title"])
    items = Catalogue(dropped)
    stats = LineStats(meta, "meta")
    texts = ["parent_asin", "title", "main_category", "store"]
    for rows in json_lines.read(meta, stats, texts, lists=["description", "features", "categories"]):
        second = text(pl.col("categories").list.get(1, null_on_oob=True))
        items.add(
            rows.frame.select(
                key("parent_asin").alias("key"),
                text("title"),
                joined("description"),
                pl.coalesce(second, text("main_category"), pl.lit(domain)).alias("category"),
                json_object(
                    {"brand": text("store"), "features": joined("features"), "categories": joined("categories")}
                ).alias("fields"),
            )
        )
    stats.finish(dropped)
    return items.lazy(str(meta))


def _benchmark_columns(path: Path) -> tuple[list[str], bool]:
    """The file's column names and whether its first line is a header."""
    first = fields_of(first_line(path))
    if "user_id" in first:
        require(path, first, BENCHMARK_COLUMNS)
        return first, True
    if len(first) == len(BENCHMARK_COLUMNS) and DATA.match(first[3]):
        return list(BENCHMARK_COLUMNS), False
    raise BadInput(
        f'{path} line 1: "{",".join(first)[:80]}" is neither the header {",".join(BENCHMARK_COLUMNS)} nor such a row. '
        "The files of 0core/timestamp_w_his are expected; for other columns use `st5 ingest table`."
    )
