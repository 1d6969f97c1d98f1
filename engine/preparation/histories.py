"""Users' sequences and the events in them, and how far the train part of each sequence reaches."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from engine.preparation.catalogue import ABSENT, UNTITLED, Catalogue, dictionary, item_ids
from engine.preparation.dropped import HISTORY_REPEATED, HISTORY_WITHOUT_METADATA, HISTORY_WITHOUT_TITLE, REPEATED, drop
from engine.preparation.splits import ORDER
from engine.preparation.ties import Blocks
from engine.sources.source_data import SourceData
from store.enums import Split, SplitKind

_UNKNOWN_TIME = -1


@dataclass(frozen=True)
class Histories:
    """Users' sequences, oldest first: sequence s belongs to user `owner[s]` and is `items[start[s]:start[s + 1]]`.

    users: keys by user id. owner int32 [S], start int64 [S + 1], items int32 [N],
    timestamps int64 [N] in ms (−1 where unknown) or None, ratings float32 [N] (NaN where unknown) or None.
    """

    users: list[str]
    owner: np.ndarray
    start: np.ndarray
    items: np.ndarray
    timestamps: np.ndarray | None
    ratings: np.ndarray | None

    def sizes(self) -> np.ndarray:
        """Interactions of each sequence, int64 [S]."""
        return np.diff(self.start)


@dataclass(frozen=True)
class EventColumns:
    """Events by user, then length: user, sequence, length, item int32 [E], order int64 [E], rating float32 [E].

    order is ms since 1970, or a position; split int8 [E] is the index into `splits.ORDER`. tied bool [E]: whether the
    user's event before has the same time; earlier int32 [E]: how many lie strictly before it.
    """

    user: np.ndarray
    sequence: np.ndarray
    length: np.ndarray
    item: np.ndarray
    order: np.ndarray
    rating: np.ndarray
    split: np.ndarray
    tied: np.ndarray
    earlier: np.ndarray

    def where(self, mask: np.ndarray | slice) -> EventColumns:
        """The events at `mask` (bool [E]) or in a slice."""
        return EventColumns(**{name: column[mask] for name, column in vars(self).items()})


def whole_histories(
    frame: pl.DataFrame, users: list[str], timed: bool, blocks: Blocks
) -> tuple[Histories, EventColumns]:
    """One sequence per user, and one event per interaction."""
    user, item, order = (frame[name].to_numpy() for name in ("user", "item", "order"))
    rating = _ratings(frame)
    start = _starts(np.bincount(user, minlength=len(users)))
    length = (np.arange(len(user)) - start[user]).astype(np.int32)
    owner = np.arange(len(users), dtype=np.int32)
    histories = Histories(users, owner, start, item, order if timed else None, _any(rating))
    split = np.zeros(len(user), np.int8)
    events = EventColumns(user, user, length, item, order, rating, split, blocks.tied, blocks.earlier)
    return histories, events


def given_histories(
    raw: SourceData, frame: pl.DataFrame, users: list[str], catalogue: Catalogue, dropped: Counter[str]
) -> tuple[pl.DataFrame, Histories, EventColumns]:
    """Each row's own history as the files give it.

    A user's longest history with its target is their sequence; a row whose history and target are a beginning of it
    shares it, any other row gets a sequence of its own.
    """
    past = _past(raw, frame, catalogue, dropped)
    own = past.join(frame.select("row", target="item"), on="row").filter(pl.col("item") == pl.col("target"))["row"]
    frame = drop(frame, pl.col("row").is_in(own.implode()), REPEATED, dropped)
    place = frame.select("row", "user", place=pl.int_range(pl.len(), dtype=pl.Int64))
    past = past.join(place, on="row").select("place", "item", last=pl.lit(False))
    targets = frame.select(place=pl.int_range(pl.len(), dtype=pl.Int64), item="item", last=pl.lit(True))
    whole = pl.concat([past, targets]).sort("place", "last", maintain_order=True)

    user, item, order = (frame[name].to_numpy() for name in ("user", "item", "order"))
    rating = _ratings(frame)
    row_of, entry = whole["place"].to_numpy(), whole["item"].to_numpy()
    size = np.bincount(row_of, minlength=len(user)).astype(np.int64)  # history and target
    start = _starts(size)
    longest = np.lexsort((np.arange(len(user)), size, user))  # by user, the longest (of those the latest) last
    main = np.zeros(len(users), dtype=np.int64)
    main[user[longest]] = longest
    same = entry == entry[start[main[user]][row_of] + np.arange(len(entry)) - start[row_of]]
    shares = np.logical_and.reduceat(same, start[:-1]) if len(user) else np.zeros(0, bool)

    # Sequences are numbered by user, the longest first.
    carriers = np.flatnonzero(~shares | (main[user] == np.arange(len(user))))
    carriers = carriers[np.lexsort((carriers, main[user[carriers]] != carriers, user[carriers]))]
    number = np.zeros(len(user), dtype=np.int32)
    number[carriers] = np.arange(len(carriers), dtype=np.int32)
    sequence = np.where(shares, number[main[user]], number).astype(np.int32)

    sizes = size[carriers]
    sequence_start = _starts(sizes)
    taken = np.repeat(start[carriers] - sequence_start[:-1], sizes) + np.arange(int(sizes.sum()))
    items = entry[taken].astype(np.int32)
    found = _positions(user, item, np.repeat(user[carriers], sizes), items, len(catalogue.keys))
    times = np.where(found >= 0, order[found], _UNKNOWN_TIME) if len(order) else np.zeros(0, np.int64)
    marks = np.where(found >= 0, rating[found], np.nan).astype(np.float32) if len(order) else rating
    histories = Histories(
        users, user[carriers].astype(np.int32), sequence_start, items, times if raw.timed else None, _any(marks)
    )
    split = frame["split"].to_numpy().astype(np.int8)
    by_length = np.lexsort((order, size, user))
    length = (size - 1).astype(np.int32)
    blocks = Blocks.of(frame)
    events = EventColumns(user, sequence, length, item, order, rating, split, blocks.tied, blocks.earlier)
    return frame, histories, events.where(by_length)


def _past(raw: SourceData, frame: pl.DataFrame, catalogue: Catalogue, dropped: Counter[str]) -> pl.DataFrame:
    """The entries of the histories of the rows in `frame`, oldest first: row, item (ids), each item once per row."""
    past = (
        raw.interactions.with_row_index("row")
        .select("row", item="history")
        .explode("item")
        .select("row", dictionary("item"))
        .filter(pl.col("item").is_not_null())
        .collect(engine="streaming")
    )
    past = past.filter(pl.col("row").is_in(frame["row"].implode()))
    past = past.with_columns(item=item_ids(past["item"], catalogue))
    past = drop(past, pl.col("item") == ABSENT, HISTORY_WITHOUT_METADATA, dropped)
    past = drop(past, pl.col("item") == UNTITLED, HISTORY_WITHOUT_TITLE, dropped)
    return drop(past, pl.struct("row", "item").is_first_distinct().not_(), HISTORY_REPEATED, dropped)


def _positions(
    user: np.ndarray, item: np.ndarray, wanted_user: np.ndarray, wanted_item: np.ndarray, items: int
) -> np.ndarray:
    """The row of each wanted (user, item), −1 if missing."""
    keys = user.astype(np.int64) * items + item
    wanted = wanted_user.astype(np.int64) * items + wanted_item
    by_key = np.argsort(keys, kind="stable")
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=by_key), len(keys) - 1)
    return np.where(keys[by_key[at]] == wanted, by_key[at], -1)


def train_lengths(
    histories: Histories, everything: EventColumns, kind: SplitKind, settings: dict[str, Any]
) -> np.ndarray:
    """The train part of each sequence, int32 [S], single interactions without an event included.

    everything: the events before those with an empty history were left out.
    """
    if kind is SplitKind.LEAVE_ONE_OUT:
        return np.maximum(histories.sizes() - 2, 0).astype(np.int32)
    if kind is SplitKind.GIVEN:
        return covered(histories, everything)
    assert histories.timestamps is not None
    early = np.concatenate(([0], np.cumsum(histories.timestamps < settings["t1"])))
    return np.diff(early[histories.start]).astype(np.int32)


def covered(histories: Histories, events: EventColumns) -> np.ndarray:
    """How far the train events of each sequence reach, their targets included, int32 [S]."""
    reach = np.zeros(len(histories.owner), np.int32)
    train = events.split == ORDER.index(Split.TRAIN)
    np.maximum.at(reach, events.sequence[train], events.length[train] + 1)
    return reach


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _ratings(frame: pl.DataFrame) -> np.ndarray:
    return frame["rating"].fill_null(float("nan")).to_numpy()


def _any(ratings: np.ndarray) -> np.ndarray | None:
    return None if np.isnan(ratings).all() else ratings
