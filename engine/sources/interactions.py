"""Interactions and items on their way from parsed text to a `SourceData`, with what was dropped counted by reason."""

from __future__ import annotations

from collections import Counter

import polars as pl

from engine.sources.fields import MISSING, with_keys
from engine.sources.line_stats import LineStats, Rows
from engine.sources.source_data import FRACTION, INTERACTION_COLUMNS, ITEM_COLUMNS
from engine.sources.spill_buffer import SpillBuffer
from engine.sources.timestamps import TimeReader
from store.errors import BadInput

INTERACTIONS = dict(zip(INTERACTION_COLUMNS, (pl.String, pl.String, pl.Int64, pl.Float32), strict=True))
ITEMS = dict.fromkeys(ITEM_COLUMNS, pl.String)


class Interactions:
    """Rows of user, item, order and rating in file order.

    `noun` names one of them in the drop log; `times` reads the order. `rating` is what the file calls the rating, and
    `rating_step` what to do where ratings are no numbers.
    """

    def __init__(
        self,
        noun: str,
        dropped: Counter[str],
        times: TimeReader,
        *,
        rating: str = "rating",
        rating_step: str = "Repair the lines, or leave the values empty.",
        extra: dict[str, pl.DataType] | None = None,
    ) -> None:
        self.noun = noun
        self.dropped = dropped
        self.times = times
        self.rating = rating
        self.rating_step = rating_step
        self.buffer = SpillBuffer({**INTERACTIONS, FRACTION: pl.Int32(), **(extra or {})})
        self.rows_seen = 0
        self._finer = False

    def add(self, rows: Rows, stats: LineStats) -> None:
        """Take rows of text columns user, item, order, rating; others stay as they are.

        Rows without user, item or order are dropped and counted; an order that cannot be read is a broken line of
        `stats`; a rating that cannot be read as a number is counted there and becomes null.
        """
        self.rows_seen += rows.frame.height
        frame = with_keys(rows.frame, "user", "item", "order")
        moments = self.times.read(frame["order"])
        order = moments.order
        identified = frame["user"].is_not_null() & frame["item"].is_not_null()
        placed = identified & frame["order"].is_not_null()
        unreadable = placed & order.is_null()
        for row in unreadable.arg_true() if unreadable.any() else ():
            stats.record_bad_line(rows.location(row), *self.times.trouble(frame["order"][row]))
        self._count("without user or item", int((~identified).sum()))
        self._count(f"without {self.times.column}", int((identified & ~placed).sum()))
        kept = identified & order.is_not_null()
        fraction = moments.fraction
        self._finer |= fraction is not None
        frame = frame.with_columns(
            order.alias("order"),
            self._ratings(rows, kept, stats),
            pl.lit(0, pl.Int32).alias(FRACTION) if fraction is None else fraction.alias(FRACTION),
        )
        self.buffer.add((frame if kept.all() else frame.filter(kept)).select(*self.buffer.schema))

    def lazy(self, files: str) -> pl.LazyFrame:
        """All interactions; BadInput naming `files` if none is left."""
        if not self.buffer.rows:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
            raise BadInput(f"{files}: no usable {self.noun} ({reasons or 'the file holds none'}). Check the columns.")
        lazy = self.buffer.lazy()
        return lazy if self._finer else lazy.drop(FRACTION)

    def _ratings(self, rows: Rows, kept: pl.Series, stats: LineStats) -> pl.Series:
        """The ratings as float32; 4,5 is 4.5."""
        texts = rows.frame["rating"]
        ratings = texts.cast(pl.Float32, strict=False)
        unread = ratings.is_null() & texts.is_not_null() & (texts != "")
        if unread.any():
            at = unread.arg_true()
            plain = texts.gather(at).str.strip_chars()
            read = plain.str.replace(r"^([+-]?\d+),(\d+)$", "${1}.${2}").cast(pl.Float32, strict=False)
            ratings = ratings.scatter(at, read)
            missing = plain.is_in(MISSING) | (plain == "")
            unread = unread.scatter(at, read.is_null() & ~missing) & kept
            stats.leave_unread(self.rating, rows, texts, unread, f"is not a number. {self.rating_step}")
        return ratings.fill_nan(None).alias("rating")

    def _count(self, reason: str, rows: int) -> None:
        if rows:
            self.dropped[f"{self.noun} {reason}"] += rows


class Catalogue:
    """Rows of items in file order."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.dropped = dropped
        self.buffer = SpillBuffer(dict(ITEMS))

    def add(self, items: pl.DataFrame) -> None:
        """Take rows with the columns of `ITEM_COLUMNS`; those without a key are dropped and counted."""
        without = items["key"].null_count()
        if without:
            self.dropped["item without key"] += without
            items = items.filter(pl.col("key").is_not_null())
        self.buffer.add(items.select(*self.buffer.schema))

    def lazy(self, files: str) -> pl.LazyFrame:
        """All items; BadInput naming `files` if none is left."""
        if not self.buffer.rows:
            raise BadInput(f"{files}: no item has a key. Check the columns.")
        return self.buffer.lazy()
