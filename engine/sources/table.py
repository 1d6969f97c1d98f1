"""Any table of events and any table of items, by the names of their columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources.fields import joined, json_object, key, text
from engine.sources.interactions import Catalogue, Interactions
from engine.sources.raw import Raw
from engine.sources.table_file import TableFile, open_table
from engine.sources.table_head import column
from engine.sources.tally import Rows, Tally
from engine.sources.timestamps import TimestampFormat, looks_iso, unit_of
from store.errors import unknown

FURTHER_TEXTS = ("brand", "store", "categories", "genres", "features", "author", "artist")
DEFAULT_ORDERS = ("timestamp", "position")
TIMES = (TimestampFormat.MS, TimestampFormat.S, TimestampFormat.ISO)


@dataclass(frozen=True)
class Columns:
    """The file's name for each column; None looks for the default name.

    Defaults: user_id, item_id (in both files), timestamp or else position, rating, title, description, category.
    User, item and title must be there; the others are null where their default is missing, and without an order the
    lines' order in the file is the position.
    """

    user: str | None = None
    item: str | None = None
    order: str | None = None
    rating: str | None = None
    title: str | None = None
    description: str | None = None
    category: str | None = None


def read(
    events: Path,
    items: Path,
    columns: Columns = Columns(),
    timestamp_format: TimestampFormat | str = TimestampFormat.AUTO,
    domain: str = "",
) -> Raw:
    """Events and items from CSV, Parquet or json lines, gzip or plain.

    `timestamp_format` auto: a column called `position` is a position; dates are read as ISO; integers with a median
    from 1e11 are milliseconds, from 1e8 seconds, otherwise positions. `domain` defaults to the events file's name.
    Lists are joined with ", ", several categories with `|`. Brand, store, categories, genres, features, author and
    artist become fields where the items have them. Raises BadInput for files that cannot be read, a column that is
    not there (nearest names offered), a wrong format, and above 1 % of broken lines.
    """
    try:
        written = TimestampFormat(timestamp_format)
    except ValueError:
        known = [one.value for one in TimestampFormat]
        raise unknown("timestamp format", str(timestamp_format), known, "Pass it as --timestamp-format.") from None
    dropped: Counter[str] = Counter()
    interactions, found = _interactions(events, columns, written, dropped)
    catalogue = _items(items, columns, dropped)
    return Raw(
        platform="table",
        domain=domain or events.name.split(".")[0],
        items=catalogue,
        interactions=interactions,
        timed=found in TIMES,
        files=(events, items),
        settings={"timestamp_format": found.value},
        dropped=dropped,
    )


def _interactions(
    path: Path, columns: Columns, written: TimestampFormat, dropped: Counter[str]
) -> tuple[pl.LazyFrame, TimestampFormat]:
    """The interactions, and what their order turned out to be."""
    table = open_table(path)
    user = _column(table, "user", columns.user, "user_id")
    item = _column(table, "item", columns.item, "item_id")
    rating = _optional(table, "rating", columns.rating, "rating")
    order = _optional(table, "order", columns.order, *DEFAULT_ORDERS)
    if order is None and written in TIMES:
        order = _column(table, "order", None, DEFAULT_ORDERS[0])
    wanted = {"user": user, "item": item} | ({"rating": rating} if rating else {}) | ({"order": order} if order else {})

    if order is None or (written is TimestampFormat.AUTO and order == "position"):
        written = TimestampFormat.POSITION
    if order and isinstance(table.types[order], (pl.Date, pl.Datetime)):
        written = TimestampFormat.MS
    undecided = written is TimestampFormat.AUTO
    interactions = Interactions("event", dropped)
    tally = Tally(path, "events")
    for rows in table.rows(tally, wanted):
        frame = rows.frame
        if not rating:
            frame = frame.with_columns(pl.lit(None, pl.String).alias("rating"))
        if order is None:
            first = interactions.rows_seen
            frame = frame.with_columns(pl.int_range(first, first + frame.height).cast(pl.String).alias("order"))
        elif undecided and frame["order"].count():
            undecided = False
            written = TimestampFormat.ISO if looks_iso(frame["order"]) else TimestampFormat.AUTO
        interactions.add(Rows(frame, rows.place), tally, written, order or "position")
    tally.finish(dropped)
    lazy = interactions.lazy(str(path))
    if written is not TimestampFormat.AUTO:
        return lazy, written
    median = lazy.select(pl.col("order").median()).collect(engine="streaming").item()
    unit = unit_of(median, f"{path} column {order}")
    if unit is TimestampFormat.S:
        lazy = lazy.with_columns(pl.col("order") * 1000)
    return lazy, unit


def _items(path: Path, columns: Columns, dropped: Counter[str]) -> pl.LazyFrame:
    table = open_table(path)
    wanted = {
        "key": _column(table, "item", columns.item, "item_id"),
        "title": _column(table, "title", columns.title, "title"),
        "description": _optional(table, "description", columns.description, "description"),
        "category": _optional(table, "category", columns.category, "category"),
    } | {name: name for name in FURTHER_TEXTS if name in table.types}
    present = {ours: source for ours, source in wanted.items() if source is not None}

    catalogue = Catalogue(dropped)
    tally = Tally(path, "items")
    for rows in table.rows(tally, present):
        held = rows.frame.schema
        texts = {
            name: joined(name, "|" if name == "category" else ", ") if isinstance(held[name], pl.List) else text(name)
            for name in present
        }
        further = {name: texts[name] for name in FURTHER_TEXTS if name in texts}
        catalogue.add(
            rows.frame.select(
                key(texts["key"]).alias("key"),
                *(
                    texts.get(name, pl.lit(None, pl.String)).alias(name)
                    for name in ("title", "description", "category")
                ),
                (json_object(further) if further else pl.lit(None, pl.String)).alias("fields"),
            )
        )
    tally.finish(dropped)
    return catalogue.lazy(str(path))


def _column(table: TableFile, option: str, named: str | None, default: str) -> str:
    return column(table.path, table.types, option, named, default)


def _optional(table: TableFile, option: str, named: str | None, *defaults: str) -> str | None:
    if named is not None:
        return _column(table, option, named, named)
    return next((name for name in defaults if name in table.types), None)
