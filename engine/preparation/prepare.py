"""From a source's rows to a catalogue, users' sequences and events; every row that is left out is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from engine.audit.order import first_times, measure_rows, unborn_share
from engine.preparation.catalogue import ABSENT, UNTITLED, Catalogue, dictionary, item_ids, read_catalogue
from engine.preparation.cleaning import Alphabet
from engine.preparation.dropped import (
    EMPTY_HISTORY,
    INCOMPLETE,
    NEGATIVE,
    NOTHING_EARLIER,
    OVER_CAP,
    RATING_UNKNOWN,
    REPEATED,
    UNORDERED,
    WITHOUT_METADATA,
    WITHOUT_TITLE,
    count,
    drop,
)
from engine.preparation.histories import (
    EventColumns,
    Histories,
    covered,
    given_histories,
    train_lengths,
    whole_histories,
)
from engine.preparation.splits import (
    ORDER,
    Cut,
    by_time,
    check_boundaries,
    key_hashes,
    leave_one_out,
    quantile_boundaries,
    under_caps,
)
from engine.preparation.ties import Blocks, one_rating_each, refuse_tied_positions, shuffled
from engine.sources.source_data import FRACTION, SourceData
from store.enums import Split, SplitKind, Ties
from store.errors import BadInput


@dataclass(frozen=True)
class Choices:
    """The options of the preparation; `caps` are the most events of train, valid and test.

    `or_quantiles`: where the dates t1 and t2 leave a part without events, quantiles are taken instead. `ties` decides
    between events of one user and time, with `seed`; with `positions_differ`, equal positions are refused.
    """

    split: SplitKind
    t1: int | None = None
    t2: int | None = None
    caps: tuple[int, int, int] | None = None
    seed: int = 0
    alphabet: Alphabet = Alphabet.ASCII
    or_quantiles: bool = False
    ties: Ties = Ties.FILE
    positions_differ: bool = True


@dataclass(frozen=True)
class Prepared:
    """A dataset ready to be stored. interactions_read counts the rows the reader handed over.

    train_length int32 [S]: how many interactions of each sequence, from its beginning, belong to the train part.
    split: the division that was made. order: how far the order of events can be trusted (`audit.order`).
    """

    catalogue: Catalogue
    histories: Histories
    train_length: np.ndarray
    events: EventColumns
    interactions_read: int
    interactions: int
    dropped: Counter[str]
    split: SplitKind
    split_settings: dict[str, Any]
    order: dict[str, Any]


def prepare(raw: SourceData, choices: Choices) -> Prepared:
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
    by_file = choices.ties is Ties.FILE
    if not by_file:
        frame = one_rating_each(frame)
    frame = drop(frame, pl.struct("user", "item").is_first_distinct().not_(), REPEATED, dropped)
    blocks = Blocks.of(frame)
    if not raw.timed and choices.positions_differ:
        refuse_tied_positions(frame, blocks, users, _files(raw))
    keys = catalogue.keys["key"]
    order = measure_rows(frame, blocks, keys, timed=raw.timed)
    first = first_times(frame, len(keys))
    if given:
        frame, histories, events = given_histories(raw, frame, users, catalogue, dropped)
    else:
        if not by_file:
            frame = shuffled(frame, blocks, users, keys, choices.seed)
        histories, events = whole_histories(frame, users, raw.timed, blocks)
    everything = events
    filled = events.length > 0
    count(dropped, EMPTY_HISTORY, int((~filled).sum()))
    events = events.where(filled)
    kind = choices.split
    if len(events.item):
        events, kind, settings = _divided(events, histories, raw, choices)
    if choices.ties is Ties.STRICT:
        events = _strictly_earlier(events, dropped)
    if len(events.item) and choices.caps is not None:
        events = _capped(events, histories, catalogue, choices.caps, choices.seed, dropped)
        settings |= {"caps": list(choices.caps), "seed": choices.seed}
    if not len(events.item):
        raise BadInput(_nothing_left(raw, read, dropped))
    train = covered(histories, events) if choices.caps else train_lengths(histories, everything, kind, settings)
    order |= _of_events(events, first if raw.timed else None)
    return Prepared(catalogue, histories, train, events, read, frame.height, dropped, kind, settings, order)


def _coded(raw: SourceData, given: bool) -> pl.DataFrame:
    """The interactions with keys as codes, so that a row costs 28 bytes however long its keys are."""
    columns = [
        pl.col("row"),
        dictionary("user"),
        dictionary("item"),
        pl.col("order").cast(pl.Int64),
        pl.col("rating").cast(pl.Float32),
    ]
    if given:
        columns.append(pl.col("split").cast(pl.Enum([split.value for split in ORDER])).to_physical())
    if FRACTION in raw.interactions.collect_schema():
        columns.append(pl.col(FRACTION))
    return raw.interactions.with_row_index("row").select(columns).collect(engine="streaming")


def _usable(frame: pl.DataFrame, catalogue: Catalogue, raw: SourceData, dropped: Counter[str]) -> pl.DataFrame:
    """Rows with user, time and a known item; `item` becomes its id; ratings that are none become null."""
    frame = drop(frame, pl.col("user").is_null() | pl.col("item").is_null(), INCOMPLETE, dropped)
    frame = drop(frame, pl.col("order").is_null(), UNORDERED, dropped)
    if raw.timed:
        frame = drop(frame, pl.col("order") < 0, NEGATIVE, dropped)
    frame = frame.with_columns(item=item_ids(frame["item"], catalogue))
    frame = drop(frame, pl.col("item") == ABSENT, WITHOUT_METADATA, dropped)
    frame = drop(frame, pl.col("item") == UNTITLED, WITHOUT_TITLE, dropped)
    if raw.platform != "table":  # the scales of the known platforms begin above 0; a table may have any scale
        count(dropped, RATING_UNKNOWN, int((frame["rating"] == 0).sum()))
        frame = frame.with_columns(pl.when(pl.col("rating") != 0).then("rating"))
    return frame.with_columns(pl.when(pl.col("rating").is_finite()).then("rating"))


def _ordered(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Rows by user and time, rows of the same moment as in the file; user ids count in the order of the keys."""
    distinct = frame["user"].unique()
    if not len(distinct):
        return frame.with_columns(user=pl.lit(0, dtype=pl.Int32)), []
    seen = pl.DataFrame({"code": distinct.to_physical(), "key": distinct.cast(pl.String)}).sort("key")
    codes = seen["code"].to_numpy()
    ids = np.zeros(int(codes.max()) + 1, dtype=np.int32)
    ids[codes] = np.arange(len(codes), dtype=np.int32)
    users = seen["key"].to_list()
    frame = frame.with_columns(user=pl.Series(ids[frame["user"].to_physical().to_numpy()]))
    finer = [FRACTION] if FRACTION in frame.columns else []
    return frame.sort("user", "order", *finer, "row"), users


def _divided(
    events: EventColumns, histories: Histories, raw: SourceData, choices: Choices
) -> tuple[EventColumns, SplitKind, dict[str, Any]]:
    """The events with their parts, how they were divided, and what the dataset records about it."""
    kind = choices.split
    if kind in (SplitKind.TIMESTAMP, SplitKind.QUANTILE) and not raw.timed:
        named = ", or name the column of timestamps with --order" if raw.platform == "table" else ""
        raise BadInput(
            f"--split {kind}: this data has an order but no timestamps. Pass --split leave-one-out (it leaks across "
            f"users, and is labelled so){named}."
        )
    if kind is SplitKind.GIVEN:
        return events, kind, {"own_sequences": len(histories.owner) - len(histories.users)}
    if kind is SplitKind.LEAVE_ONE_OUT:
        sizes = histories.sizes()
        codes = leave_one_out(events.length, sizes[events.sequence])
        settings = Cut(kind).settings | {"users_below_3_interactions": int((sizes < 3).sum())}
        return _with_split(events, codes), kind, settings
    if kind is SplitKind.TIMESTAMP:
        t1, t2 = check_boundaries(choices.t1, choices.t2)
        codes = by_time(events.order, t1, t2)
        parts = np.bincount(codes, minlength=len(ORDER))
        if parts.all() or not choices.or_quantiles:
            return _with_split(events, codes), kind, Cut(kind, t1, t2).settings
        empty = " and ".join(split for split, size in zip(ORDER, parts, strict=True) if not size)
        settings = {"note": f"quantiles, because the public dates leave no events for {empty}"}
    else:
        settings = {}
    cut = Cut(SplitKind.QUANTILE, *quantile_boundaries(events.order))
    return _with_split(events, by_time(events.order, cut.t1 or 0, cut.t2 or 0)), cut.kind, cut.settings | settings


def _strictly_earlier(events: EventColumns, dropped: Counter[str]) -> EventColumns:
    """Histories of valid and test events cut before the first event of the target's time."""
    held_out = events.split != ORDER.index(Split.TRAIN)
    length = np.where(held_out, events.earlier, events.length).astype(np.int32)
    filled = length > 0
    count(dropped, NOTHING_EARLIER, int((~filled).sum()))
    return replace(events, length=length).where(filled)


def _of_events(events: EventColumns, first: np.ndarray | None) -> dict[str, Any]:
    """Targets of valid and test and those tied with the event before; the share of the catalogue that came later.

    first: when each item had its first event, None without times.
    """
    found: dict[str, Any] = {"targets": {}, "tied_targets": {}}
    for split in (Split.VALID, Split.TEST):
        of = events.split == ORDER.index(split)
        found["targets"][split.value] = int(of.sum())
        found["tied_targets"][split.value] = int(events.tied[of].sum())
    times = events.order[events.split == ORDER.index(Split.TEST)]
    return found | {"unborn": None if first is None else unborn_share(first, times)}


def _with_split(events: EventColumns, codes: np.ndarray) -> EventColumns:
    return replace(events, split=codes)


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
        count(dropped, OVER_CAP + split, int((~keep & (events.split == code)).sum()))
    return events.where(keep)


def _files(raw: SourceData) -> str:
    return ", ".join(path.name for path in raw.files)


def _nothing_left(raw: SourceData, read: int, dropped: Counter[str]) -> str:
    log = "; ".join(f"{count:,} × {reason}" for reason, count in dropped.most_common()) or "nothing was dropped"
    if any(reason.startswith(OVER_CAP) for reason in dropped):
        step = "Raise --caps."
    elif dropped[WITHOUT_METADATA] or dropped[WITHOUT_TITLE]:
        step = "Check that both files are of the same shop and write item keys alike."
    else:
        step = "An event needs a user with at least two interactions, with different items."
    return f"{_files(raw)}: 0 events left of {read:,} interactions. Left out: {log}. {step} Nothing was stored."
