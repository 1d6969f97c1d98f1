"""Any table of events and any table of items, by the names of their columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources.fields import flattened, json_object, key, titled
from engine.sources.interactions import Catalogue, Interactions
from engine.sources.line_stats import LineStats, Rows
from engine.sources.source_data import SourceData
from engine.sources.table_file import TableFile, open_table
from engine.sources.table_head import NO_COLUMN, category_of, column
from engine.sources.timestamp_format import TimestampFormat, checked_format
from engine.sources.timestamps import TimeReader

FURTHER_TEXTS = ("brand", "store", "categories", "genres", "features", "author", "artist")
DEFAULT_ORDERS = ("timestamp", "position")
STRUCTURE_STEP = "is a list or an object that cannot be read. Repair the lines, or pass another column."
RATING_STEP = f"Pass --rating COLUMN if another column holds the rating, or --rating {NO_COLUMN} to leave it out."


@dataclass(frozen=True)
class Columns:
    """The file's name for each column; None looks for the default name.

    Defaults: user_id, item_id (in both files), timestamp or else position, rating, title, description, and category or
    else categories, genres, genre or main_category. User, item and title must be there; the others are null where
    their default is missing or "none" is asked for, and without an order the lines' order in the file is the position.
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
    timestamp_format: str = TimestampFormat.AUTO,
    domain: str = "",
) -> SourceData:
    """Events and items from CSV, Parquet or json lines, gzip or plain.

    `timestamp_format` auto: a column called `position` is a position; otherwise as `TimeReader` tells. `domain`
    defaults to the events file's name. Lists are joined with ", ", several categories with `|`. Brand, store,
    categories, genres, features, author and artist become fields where the items have them. Raises BadInput for files
    that cannot be read, a column that is not there (nearest names offered), a wrong format, and where more than 1 % of
    lines are broken, or of a column's values unreadable.
    """
    dropped: Counter[str] = Counter()
    notes: list[str] = []
    interactions, times = _interactions(events, columns, checked_format(timestamp_format), dropped)
    catalogue = _items(items, columns, dropped, notes)
    return SourceData(
        platform="table",
        domain=domain or events.name.split(".")[0],
        items=catalogue,
        interactions=interactions,
        timed=times.timed,
        files=(events, items),
        settings={"timestamp_format": times.written if "%" in times.written else str(times.detected)},
        dropped=dropped,
        notes=tuple(notes),
    )


def _interactions(path: Path, columns: Columns, written: str, dropped: Counter[str]) -> tuple[pl.LazyFrame, TimeReader]:
    """The interactions, and the reader that knows what their order turned out to be."""
    table = open_table(path)
    user = _column(table, "user", columns.user, "user_id")
    item = _column(table, "item", columns.item, "item_id")
    rating = _optional(table, "rating", columns.rating, "rating")
    order = _optional(table, "order", columns.order, *DEFAULT_ORDERS)
    if order is None and written not in (TimestampFormat.AUTO, TimestampFormat.POSITION):
        order = _column(table, "order", None, DEFAULT_ORDERS[0])
    wanted = {"user": user, "item": item} | ({"rating": rating} if rating else {}) | ({"order": order} if order else {})

    kind = table.types[order] if order else None
    if order is None or (written == TimestampFormat.AUTO and order == "position"):
        written = TimestampFormat.POSITION
    elif isinstance(kind, (pl.Date, pl.Datetime)):
        finest = isinstance(kind, pl.Datetime) and kind.time_unit == "ns"
        written = TimestampFormat.NS if finest else TimestampFormat.US
    times = TimeReader(written, order or "position", positions=True)
    interactions = Interactions("event", dropped, times, rating=rating or "rating", rating_step=RATING_STEP)
    stats = LineStats(path, "events")
    for rows in table.rows(stats, wanted):
        frame = rows.frame
        if not rating:
            frame = frame.with_columns(pl.lit(None, pl.String).alias("rating"))
        if order is None:
            first = interactions.rows_seen
            frame = frame.with_columns(pl.int_range(first, first + frame.height).cast(pl.String).alias("order"))
        interactions.add(Rows(frame, rows.location), stats)
    stats.finish(dropped)
    return interactions.lazy(str(path)), times


def _items(path: Path, columns: Columns, dropped: Counter[str], notes: list[str]) -> pl.LazyFrame:
    table = open_table(path)
    category = _optional(table, "category", columns.category)
    if category is None and columns.category is None:
        category = category_of(table.names)
        if category not in (None, "category"):
            notes.append(f"{path.name}: the column {category} is taken as the category (--category names another).")
    wanted = {
        "key": _column(table, "item", columns.item, "item_id"),
        "title": _column(table, "title", columns.title, "title"),
        "description": _optional(table, "description", columns.description, "description"),
        "category": category and _column(table, "category", category, category),
    } | {name: name for name in FURTHER_TEXTS if table.names.count(name) == 1}
    present = {ours: source for ours, source in wanted.items() if source is not None}
    unread = [name for name in dict.fromkeys(table.names) if name not in present.values()]
    if unread:
        shown = ", ".join(unread[:12]) + (f" and {len(unread) - 12} more" if len(unread) > 12 else "")
        notes.append(f"{path.name}: not read: {shown}.")

    catalogue = Catalogue(dropped)
    stats = LineStats(path, "items")
    for rows in table.rows(stats, present):
        texts = {"title": titled(rows.frame["title"])}
        for name, source in present.items():
            if name not in ("key", "title"):
                is_category = name == "category"
                column = rows.frame[name]
                texts[name], broken = flattened(column, "|" if is_category else ", ", path=is_category)
                if is_category or source != present.get("category"):
                    stats.leave_unread(source, rows, column, broken, STRUCTURE_STEP)
        further = {name: pl.col(name) for name in FURTHER_TEXTS if name in texts}
        catalogue.add(
            pl.DataFrame([rows.frame["key"], *(values.alias(name) for name, values in texts.items())]).select(
                key(_whole("key", rows.frame.schema["key"])).alias("key"),
                *(
                    pl.col(name) if name in texts else pl.lit(None, pl.String).alias(name)
                    for name in ("title", "description", "category")
                ),
                (json_object(further) if further else pl.lit(None, pl.String)).alias("fields"),
            )
        )
    stats.finish(dropped)
    return catalogue.lazy(str(path))


def _whole(name: str, kind: pl.DataType) -> pl.Expr:
    return pl.col(name).list.join(", ", ignore_nulls=True) if isinstance(kind, pl.List) else pl.col(name)


def _column(table: TableFile, option: str, named: str | None, default: str) -> str:
    return column(table.path, table.names, option, named, default)


def _optional(table: TableFile, option: str, named: str | None, *defaults: str) -> str | None:
    if named == NO_COLUMN and option != "order":
        return None
    if named is not None:
        return _column(table, option, named, named)
    found = next((name for name in defaults if name in table.names), None)
    return found and _column(table, option, found, found)
