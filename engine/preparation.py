"""From a source's rows to a catalogue, users' sequences and events; every row that is left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from engine.cleaning import Alphabet, clean, clean_categories, clean_fields
from engine.sources.raw import Raw
from engine.splits import (
    ORDER,
    Cut,
    by_time,
    check_boundaries,
    key_hashes,
    leave_one_out,
    quantile_boundaries,
    under_caps,
)
from store.errors import BadInput
from store.records import Split, SplitKind

ITEM_WITHOUT_KEY = "item without key"
ITEM_WITHOUT_TITLE = "item without title"
ITEM_TITLE_EMPTY = "item with a title empty after cleaning"
ITEM_REPEATED = "item key repeated"
ITEM_REASONS = (ITEM_WITHOUT_KEY, ITEM_WITHOUT_TITLE, ITEM_TITLE_EMPTY, ITEM_REPEATED)

INCOMPLETE = "interaction without user or item"
UNORDERED = "interaction without timestamp or position"
NEGATIVE = "interaction with a negative timestamp"
WITHOUT_METADATA = "interaction with an item without metadata"
WITHOUT_TITLE = "interaction with an item without title"
REPEATED = "interaction repeated (same user and item)"
# interactions read = interactions kept + those dropped for one of these reasons
INTERACTION_REASONS = (INCOMPLETE, UNORDERED, NEGATIVE, WITHOUT_METADATA, WITHOUT_TITLE, REPEATED)

# These leave the interaction in the history of later events: interactions kept = events + those dropped here.
EMPTY_HISTORY = "event with an empty history"
OVER_CAP = "event over the cap of "
EVENT_REASONS = (EMPTY_HISTORY, *(OVER_CAP + split for split in ORDER))

HISTORY_WITHOUT_METADATA = "history entry of an item without metadata"
HISTORY_WITHOUT_TITLE = "history entry of an item without title"
HISTORY_REPEATED = "history entry repeated"
RATING_UNKNOWN = "note: rating 0 taken as unknown"

BLOCK_ROWS = 50_000
_ABSENT, _UNTITLED = -1, -2  # in place of an item id
_UNKNOWN_TIME = -1


@dataclass(frozen=True)
class Catalogue:
    """The items that stay. keys: `key`, `item` (int32, 0 … I−1 in the order of the file); untitled: keys of others.

    kept: bool per row of the source's items.
    """

    keys: pl.DataFrame
    untitled: pl.Series
    kept: np.ndarray


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

    order is ms since 1970, or a position; split int8 [E] is the index into `splits.ORDER`.
    """

    user: np.ndarray
    sequence: np.ndarray
    length: np.ndarray
    item: np.ndarray
    order: np.ndarray
    rating: np.ndarray
    split: np.ndarray

    def where(self, mask: np.ndarray | slice) -> EventColumns:
        """The events at `mask` (bool [E]) or in a slice."""
        return EventColumns(**{name: column[mask] for name, column in vars(self).items()})


@dataclass(frozen=True)
class Choices:
    """What is asked of the preparation; `caps` are the most events of train, valid and test."""

    split: SplitKind
    t1: int | None = None
    t2: int | None = None
    caps: tuple[int, int, int] | None = None
    seed: int = 0
    alphabet: Alphabet = Alphabet.ASCII


@dataclass(frozen=True)
class Prepared:
    """A dataset ready to be stored. interactions_read counts the rows the reader handed over.

    train_length int32 [S]: how many interactions of each sequence, from its beginning, belong to the train part.
    """

    catalogue: Catalogue
    histories: Histories
    train_length: np.ndarray
    events: EventColumns
    interactions_read: int
    interactions: int
    dropped: Counter[str]
    split_settings: dict[str, Any]


def prepare(raw: Raw, choices: Choices) -> Prepared:
    """Filter, order, de-duplicate and divide (thesis 3.3, 3.4); `BadInput` where no event remains."""
    dropped = Counter(raw.dropped)
    catalogue = read_catalogue(raw, choices.alphabet, dropped)
    given = choices.split is SplitKind.GIVEN
    if given and not raw.given_split:
        raise BadInput(
            "--split given: these files do not say which events are train, valid and test. "
            "Pass --split timestamp, quantile or leave-one-out."
        )
    frame = _coded(raw, given)
    read = frame.height
    frame = _usable(frame, catalogue, raw, dropped)
    frame, users = _ordered(frame)
    frame = _drop(frame, pl.struct("user", "item").is_first_distinct().not_(), REPEATED, dropped)
    if given:
        frame, histories, events = _given_histories(raw, frame, users, catalogue, dropped)
    else:
        histories, events = _whole_histories(frame, users, raw.timed)
    everything = events
    filled = events.length > 0
    _count(dropped, EMPTY_HISTORY, int((~filled).sum()))
    events = events.where(filled)
    if len(events.item):
        events, settings = _divided(events, histories, raw, choices)
    if len(events.item) and choices.caps is not None:
        events = _capped(events, histories, catalogue, choices.caps, choices.seed, dropped)
        settings |= {"caps": list(choices.caps), "seed": choices.seed}
    if not len(events.item):
        raise BadInput(_nothing_left(raw, read, dropped))
    train = _covered(histories, events) if choices.caps else _train_lengths(histories, everything, choices, settings)
    return Prepared(catalogue, histories, train, events, read, frame.height, dropped, settings)


def read_catalogue(raw: Raw, alphabet: Alphabet, dropped: Counter[str]) -> Catalogue:
    """Which items stay: those with a title, each key once (the first that has a title)."""
    parts = [
        pl.DataFrame(
            {
                "key": block["key"],
                "missing": block["title"].is_null(),
                "empty": clean(block["title"], alphabet) == "",
            }
        )
        for block in _blocks(raw.items.select(pl.col("key", "title").cast(pl.String)))
    ]
    schema = {"key": pl.String, "missing": pl.Boolean, "empty": pl.Boolean}
    frame = (pl.concat(parts) if parts else pl.DataFrame(schema=schema)).with_row_index("row")
    rows = frame.height
    frame = _drop(frame, pl.col("key").is_null(), ITEM_WITHOUT_KEY, dropped)
    titled = frame.filter(~pl.col("empty"))
    untitled = frame.filter(pl.col("empty")).join(titled, on="key", how="anti")["key"].unique()
    frame = _drop(frame, pl.col("missing"), ITEM_WITHOUT_TITLE, dropped)
    frame = _drop(frame, pl.col("empty"), ITEM_TITLE_EMPTY, dropped)
    frame = _drop(frame, pl.col("key").is_first_distinct().not_(), ITEM_REPEATED, dropped)
    kept = np.zeros(rows, dtype=bool)
    kept[frame["row"].to_numpy()] = True
    keys = frame.select("key", item=pl.int_range(pl.len(), dtype=pl.Int32))
    return Catalogue(keys, untitled, kept)


def catalogue_blocks(raw: Raw, catalogue: Catalogue, alphabet: Alphabet) -> Iterator[pl.DataFrame]:
    """The items that stay, cleaned, block by block: item, key, title, description, category, fields."""
    first_row = 0
    number = 0
    columns = pl.col("key", "title", "description", "category", "fields").cast(pl.String)
    for block in _blocks(raw.items.select(columns)):
        kept = block.filter(pl.Series(catalogue.kept[first_row : first_row + block.height]))
        first_row += block.height
        yield pl.DataFrame(
            {
                "item": pl.int_range(number, number + kept.height, dtype=pl.Int32, eager=True),
                "key": kept["key"],
                "title": clean(kept["title"], alphabet),
                "description": clean(kept["description"], alphabet),
                "category": clean_categories(kept["category"], alphabet, raw.domain),
                "fields": clean_fields(kept["fields"], alphabet),
            }
        )
        number += kept.height


def _blocks(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    return iter(rows.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True, engine="streaming"))


def _coded(raw: Raw, given: bool) -> pl.DataFrame:
    """The interactions with keys as codes, so that a row costs 28 bytes however long its keys are."""
    columns = [
        pl.col("row"),
        _dictionary("user"),
        _dictionary("item"),
        pl.col("order").cast(pl.Int64),
        pl.col("rating").cast(pl.Float32),
    ]
    if given:
        columns.append(pl.col("split").cast(pl.Enum([split.value for split in ORDER])).to_physical())
    return raw.interactions.with_row_index("row").select(columns).collect(engine="streaming")


def _dictionary(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).cast(pl.Categorical(pl.Categories.random()))


def _usable(frame: pl.DataFrame, catalogue: Catalogue, raw: Raw, dropped: Counter[str]) -> pl.DataFrame:
    """Rows with user, time and a known item; `item` becomes its id; ratings that are none become null."""
    frame = _drop(frame, pl.col("user").is_null() | pl.col("item").is_null(), INCOMPLETE, dropped)
    frame = _drop(frame, pl.col("order").is_null(), UNORDERED, dropped)
    if raw.timed:
        frame = _drop(frame, pl.col("order") < 0, NEGATIVE, dropped)
    frame = frame.with_columns(item=_item_ids(frame["item"], catalogue))
    frame = _drop(frame, pl.col("item") == _ABSENT, WITHOUT_METADATA, dropped)
    frame = _drop(frame, pl.col("item") == _UNTITLED, WITHOUT_TITLE, dropped)
    if raw.platform != "table":  # the scales of the known platforms begin above 0; a table may have any scale
        _count(dropped, RATING_UNKNOWN, int((frame["rating"] == 0).sum()))
        frame = frame.with_columns(pl.when(pl.col("rating") != 0).then("rating"))
    return frame.with_columns(pl.when(pl.col("rating").is_finite()).then("rating"))


def _item_ids(keys: pl.Series, catalogue: Catalogue) -> pl.Series:
    """Item ids (int32) of a coded column; `_ABSENT` or `_UNTITLED` for items that did not stay."""
    if not len(keys):
        return pl.Series("item", [], dtype=pl.Int32)
    distinct = keys.unique()
    known = pl.DataFrame({"code": distinct.to_physical(), "key": distinct.cast(pl.String)}).join(
        catalogue.keys, on="key", how="left"
    )
    missing = pl.when(pl.col("key").is_in(catalogue.untitled.implode())).then(_UNTITLED).otherwise(_ABSENT)
    known = known.with_columns(pl.col("item").fill_null(missing.cast(pl.Int32)))
    ids = np.full(int(known["code"].max()) + 1, _ABSENT, dtype=np.int32)  # type: ignore[arg-type]
    ids[known["code"].to_numpy()] = known["item"].to_numpy()
    return pl.Series("item", ids[keys.to_physical().to_numpy()])


def _ordered(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Rows by user and time, rows of the same moment as in the file; user ids count by first appearance."""
    seen = frame.group_by("user").agg(pl.col("row").min()).sort("row")
    if not seen.height:
        return frame.with_columns(user=pl.lit(0, dtype=pl.Int32)), []
    codes = seen["user"].to_physical().to_numpy()
    ids = np.zeros(int(codes.max()) + 1, dtype=np.int32)
    ids[codes] = np.arange(len(codes), dtype=np.int32)
    users = seen["user"].cast(pl.String).to_list()
    frame = frame.with_columns(user=pl.Series(ids[frame["user"].to_physical().to_numpy()]))
    return frame.sort("user", "order", "row"), users


def _whole_histories(frame: pl.DataFrame, users: list[str], timed: bool) -> tuple[Histories, EventColumns]:
    """One sequence per user, and one event per interaction."""
    user, item, order = (frame[name].to_numpy() for name in ("user", "item", "order"))
    rating = _ratings(frame)
    start = _starts(np.bincount(user, minlength=len(users)))
    length = (np.arange(len(user)) - start[user]).astype(np.int32)
    owner = np.arange(len(users), dtype=np.int32)
    histories = Histories(users, owner, start, item, order if timed else None, _any(rating))
    return histories, EventColumns(user, user, length, item, order, rating, np.zeros(len(user), np.int8))


def _given_histories(
    raw: Raw, frame: pl.DataFrame, users: list[str], catalogue: Catalogue, dropped: Counter[str]
) -> tuple[pl.DataFrame, Histories, EventColumns]:
    """Each row's own history as the files give it.

    A user's longest history with its target is their sequence; a row whose history and target are a beginning of it
    shares it, any other row gets a sequence of its own.
    """
    past = _past(raw, frame, catalogue, dropped)
    own = past.join(frame.select("row", target="item"), on="row").filter(pl.col("item") == pl.col("target"))["row"]
    frame = _drop(frame, pl.col("row").is_in(own.implode()), REPEATED, dropped)
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
    events = EventColumns(user, sequence, (size - 1).astype(np.int32), item, order, rating, split)
    return frame, histories, events.where(by_length)


def _past(raw: Raw, frame: pl.DataFrame, catalogue: Catalogue, dropped: Counter[str]) -> pl.DataFrame:
    """The entries of the histories of the rows in `frame`, oldest first: row, item (ids), each item once per row."""
    past = (
        raw.interactions.with_row_index("row")
        .select("row", item="history")
        .explode("item")
        .select("row", _dictionary("item"))
        .filter(pl.col("item").is_not_null())
        .collect(engine="streaming")
    )
    past = past.filter(pl.col("row").is_in(frame["row"].implode()))
    past = past.with_columns(item=_item_ids(past["item"], catalogue))
    past = _drop(past, pl.col("item") == _ABSENT, HISTORY_WITHOUT_METADATA, dropped)
    past = _drop(past, pl.col("item") == _UNTITLED, HISTORY_WITHOUT_TITLE, dropped)
    return _drop(past, pl.struct("row", "item").is_first_distinct().not_(), HISTORY_REPEATED, dropped)


def _positions(
    user: np.ndarray, item: np.ndarray, wanted_user: np.ndarray, wanted_item: np.ndarray, items: int
) -> np.ndarray:
    """The row of each wanted (user, item), −1 where there is none."""
    keys = user.astype(np.int64) * items + item
    wanted = wanted_user.astype(np.int64) * items + wanted_item
    by_key = np.argsort(keys, kind="stable")
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted, sorter=by_key), len(keys) - 1)
    return np.where(keys[by_key[at]] == wanted, by_key[at], -1)


def _divided(
    events: EventColumns, histories: Histories, raw: Raw, choices: Choices
) -> tuple[EventColumns, dict[str, Any]]:
    kind = choices.split
    if kind in (SplitKind.TIMESTAMP, SplitKind.QUANTILE) and not raw.timed:
        raise BadInput(
            f"--split {kind}: this data has an order but no timestamps. Pass --split leave-one-out (it leaks across "
            "users, and is labelled so), or name the column of timestamps with --order."
        )
    if kind is SplitKind.GIVEN:
        return events, {"own_sequences": len(histories.owner) - len(histories.users)}
    if kind is SplitKind.LEAVE_ONE_OUT:
        sizes = histories.sizes()
        codes = leave_one_out(events.length, sizes[events.sequence])
        settings = Cut(kind).settings | {"users_below_3_interactions": int((sizes < 3).sum())}
        return _with_split(events, codes), settings
    if kind is SplitKind.QUANTILE:
        cut = Cut(kind, *quantile_boundaries(events.order))
    else:
        cut = Cut(kind, *check_boundaries(choices.t1, choices.t2))
    return _with_split(events, by_time(events.order, cut.t1 or 0, cut.t2 or 0)), cut.settings


def _train_lengths(
    histories: Histories, everything: EventColumns, choices: Choices, settings: dict[str, Any]
) -> np.ndarray:
    """The train part of each sequence, int32 [S], single interactions without an event included.

    everything: the events before those with an empty history were left out.
    """
    if choices.split is SplitKind.LEAVE_ONE_OUT:
        return np.maximum(histories.sizes() - 2, 0).astype(np.int32)
    if choices.split is SplitKind.GIVEN:
        return _covered(histories, everything)
    assert histories.timestamps is not None
    early = np.concatenate(([0], np.cumsum(histories.timestamps < settings["t1"])))
    return np.diff(early[histories.start]).astype(np.int32)


def _covered(histories: Histories, events: EventColumns) -> np.ndarray:
    """How far the train events of each sequence reach, their targets included, int32 [S]."""
    reach = np.zeros(len(histories.owner), np.int32)
    train = events.split == ORDER.index(Split.TRAIN)
    np.maximum.at(reach, events.sequence[train], events.length[train] + 1)
    return reach


def _with_split(events: EventColumns, codes: np.ndarray) -> EventColumns:
    return EventColumns(**(vars(events) | {"split": codes}))


def _capped(
    events: EventColumns,
    histories: Histories,
    catalogue: Catalogue,
    caps: tuple[int, int, int],
    seed: int,
    dropped: Counter[str],
) -> EventColumns:
    users = key_hashes(histories.users)[events.user]
    items = key_hashes(catalogue.keys["key"].to_list())[events.item]
    keep = under_caps(events.split, caps, seed, users, items)
    for code, split in enumerate(ORDER):
        _count(dropped, OVER_CAP + split, int((~keep & (events.split == code)).sum()))
    return events.where(keep)


def _drop(frame: pl.DataFrame, bad: pl.Expr, reason: str, dropped: Counter[str]) -> pl.DataFrame:
    kept = frame.filter(~bad.fill_null(False))
    _count(dropped, reason, frame.height - kept.height)
    return kept


def _count(dropped: Counter[str], reason: str, rows: int) -> None:
    if rows:
        dropped[reason] += rows


def _starts(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _ratings(frame: pl.DataFrame) -> np.ndarray:
    return frame["rating"].fill_null(float("nan")).to_numpy()


def _any(ratings: np.ndarray) -> np.ndarray | None:
    return None if np.isnan(ratings).all() else ratings


def _nothing_left(raw: Raw, read: int, dropped: Counter[str]) -> str:
    files = ", ".join(path.name for path in raw.files)
    log = "; ".join(f"{count:,} × {reason}" for reason, count in dropped.most_common()) or "nothing was dropped"
    if any(reason.startswith(OVER_CAP) for reason in dropped):
        step = "Raise --caps."
    elif dropped[WITHOUT_METADATA] or dropped[WITHOUT_TITLE]:
        step = "Check that both files are of the same shop and write item keys alike."
    else:
        step = "An event needs a user with at least two interactions, with different items."
    return f"{files}: 0 events left of {read:,} interactions. Left out: {log}. {step} Nothing was stored."
