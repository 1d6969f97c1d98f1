"""Interactions and items on their way from parsed text to a `Raw`, with what was dropped counted by reason."""

from __future__ import annotations

from collections import Counter

import polars as pl

from engine.sources.fields import key
from engine.sources.pile import Pile
from engine.sources.raw import INTERACTION_COLUMNS, ITEM_COLUMNS
from engine.sources.tally import Rows, Tally
from engine.sources.timestamps import EXPECTED, TimestampFormat, convert
from store.errors import BadInput

INTERACTIONS = dict(zip(INTERACTION_COLUMNS, (pl.String, pl.String, pl.Int64, pl.Float32), strict=True))
ITEMS = dict.fromkeys(ITEM_COLUMNS, pl.String)


class Interactions:
    """Rows of user, item, order and rating in file order; `noun` names one of them in the drop log."""

    def __init__(self, noun: str, dropped: Counter[str], extra: dict[str, pl.DataType] | None = None) -> None:
        self.noun = noun
        self.dropped = dropped
        self.pile = Pile({**INTERACTIONS, **(extra or {})})
        self.rows_seen = 0

    def add(self, rows: Rows, tally: Tally, written: TimestampFormat, name: str = "timestamp") -> None:
        """Take rows of text columns user, item, order, rating; others stay as they are.

        Rows without user, item or order are dropped and counted; an order that is not `written` so is a broken line
        of `tally`. `name` is what the file calls the order.
        """
        self.rows_seen += rows.frame.height
        frame = rows.frame.with_columns(
            key("user"), key("item"), key("order"), pl.col("rating").cast(pl.Float32, strict=False).fill_nan(None)
        )
        order = convert(frame["order"], written)
        identified = frame["user"].is_not_null() & frame["item"].is_not_null()
        placed = identified & frame["order"].is_not_null()
        unreadable = placed & order.is_null()
        for row in unreadable.arg_true() if unreadable.any() else ():
            value = frame["order"][row]
            shown = value if len(value) <= 40 else f"{value[:40]}…"
            step = _next_step(written, str(value))
            tally.break_line(rows.place(row), f'{name} "{shown}" is {EXPECTED[written]}', step)
        self._count("without user or item", int((~identified).sum()))
        self._count(f"without {name}", int((identified & ~placed).sum()))
        frame = frame.with_columns(order.alias("order"))
        if order.null_count() or not identified.all():
            frame = frame.filter(identified & order.is_not_null())
        self.pile.add(frame.select(*self.pile.schema))

    def lazy(self, files: str) -> pl.LazyFrame:
        """All interactions; BadInput naming `files` where none is left."""
        if not self.pile.rows:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
            raise BadInput(f"{files}: no usable {self.noun} ({reasons or 'the file holds none'}). Check the columns.")
        return self.pile.lazy()

    def _count(self, reason: str, rows: int) -> None:
        if rows:
            self.dropped[f"{self.noun} {reason}"] += rows


class Catalogue:
    """Rows of items in file order."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.dropped = dropped
        self.pile = Pile(dict(ITEMS))

    def add(self, items: pl.DataFrame) -> None:
        """Take rows with the columns of `ITEM_COLUMNS`; those without a key are dropped and counted."""
        without = items["key"].null_count()
        if without:
            self.dropped["item without key"] += without
            items = items.filter(pl.col("key").is_not_null())
        self.pile.add(items.select(*self.pile.schema))

    def lazy(self, files: str) -> pl.LazyFrame:
        """All items; BadInput naming `files` where none is left."""
        if not self.pile.rows:
            raise BadInput(f"{files}: no item has a key. Check the columns.")
        return self.pile.lazy()


def _next_step(written: TimestampFormat, value: str) -> str:
    if written is TimestampFormat.ISO:
        return "Pass --timestamp-format ms or s if these are integers."
    if written is TimestampFormat.AUTO:
        return "Pass --order COLUMN if another column holds the time."
    if "-" in value[1:] or ":" in value or "/" in value:
        return "Pass --timestamp-format iso if these are dates."
    return "Repair the line, or pass the right column."
