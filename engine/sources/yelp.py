"""Yelp: the official business and review json lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from engine.sources import json_lines
from engine.sources.fields import joined, json_object, key, text
from engine.sources.interactions import Catalogue, Interactions
from engine.sources.line_stats import LineStats, Rows
from engine.sources.source_data import SourceData
from engine.sources.timestamp_format import TimestampFormat
from engine.sources.timestamps import TimeReader


def read(business: Path, review: Path, timestamp_format: str = TimestampFormat.AUTO) -> SourceData:
    """Businesses as items (title = name, description = categories) and reviews as interactions.

    Dates `YYYY-MM-DD HH:MM:SS`, or the day alone in old dumps, become ms since 1970, taken as UTC; other forms of time
    are read too. Categories are
    "A, B" or a list; an item's category is the first of them. Fields: name, categories and address
    ("street, city, state"). Raises BadInput for files that cannot be read or have other fields, and where more than
    1 % of lines are broken. Format: https://www.yelp.com/dataset/documentation/main.
    """
    dropped: Counter[str] = Counter()
    json_lines.require(review, ["user_id"], ["business_id"], ["date"])
    times = TimeReader(timestamp_format, "date")
    interactions = Interactions("review", dropped, times, rating="stars")
    stats = LineStats(review, "reviews")
    for rows in json_lines.read(review, stats, ["user_id", "business_id", "date", "stars"]):
        frame = rows.frame.select(
            pl.col("user_id").alias("user"),
            pl.col("business_id").alias("item"),
            pl.col("date").alias("order"),
            pl.col("stars").alias("rating"),
        )
        interactions.add(Rows(frame, rows.location), stats)
    stats.finish(dropped)
    return SourceData(
        platform="yelp",
        domain="Yelp",
        items=_items(business, dropped),
        interactions=interactions.lazy(str(review)),
        timed=times.timed,
        files=(business, review),
        settings=times.recorded,
        dropped=dropped,
    )


def _items(business: Path, dropped: Counter[str]) -> pl.LazyFrame:
    json_lines.require(business, ["business_id"], ["name"])
    items = Catalogue(dropped)
    stats = LineStats(business, "businesses")
    for rows in json_lines.read(
        business, stats, ["business_id", "name", "address", "city", "state"], lists=["categories"]
    ):
        categories = joined("categories")
        location = pl.concat_str([text("address"), text("city"), text("state")], separator=", ", ignore_nulls=True)
        items.add(
            rows.frame.select(
                key("business_id").alias("key"),
                text("name").alias("title"),
                categories.alias("description"),
                text(categories.str.split(",").list.first().str.strip_chars()).alias("category"),
                json_object({"name": text("name"), "categories": categories, "address": text(location)}).alias(
                    "fields"
                ),
            )
        )
    stats.finish(dropped)
    return items.lazy(str(business))
