"""How far a dataset's order can be trusted, measured while it is prepared: ties in time, and keys that rise by rows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from engine.preparation.ties import Blocks
from engine.sources.source_data import FRACTION

CONFIDENCE = 0.95
# A unit of time in ms, the coarsest first; times that leave one remainder by it were cut to it.
UNITS = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "s": 1000}
_ONE_RUN = r"^(\D*)(\d{1,18})(\D*)$"


def measure_rows(frame: pl.DataFrame, blocks: Blocks, items: pl.Series, *, timed: bool) -> dict[str, Any]:
    """The figures of the interactions, once each, as the file orders them.

    frame: sorted by user and time, rows of one time in file order; items: keys by id. Returns resolution and
    median_span_ms (of users with two events and more; None without times), neighbours (pairs of events of a user, one
    after the other) and those tied, largest_block, users (with two events and more), one_block_users, and rising_tied
    and rising_other: among tied and other neighbours, in how many the later row has the higher key, as
    `rising, n, low, high`. Without times also position_gaps: neighbours that lie further apart than one, where each
    user's positions begin at 0 or 1 (else None).
    """
    follows, tied = blocks.follows, blocks.tied
    item, order = frame["item"].to_numpy(), frame["order"].to_numpy()
    later = np.flatnonzero(follows)
    rank = natural_ranks(items)
    rises = rank[item[later]] > rank[item[later - 1]]
    among = tied[later]
    first = np.flatnonzero(~follows)
    sizes = np.diff(np.append(first, len(item)))
    several = sizes > 1
    starts, ends = first[several], (first + sizes - 1)[several]
    block = np.bincount(blocks.numbers) if len(item) else np.zeros(1, int)
    return {
        "timed": timed,
        "resolution": _resolution(frame) if timed else None,
        "median_span_ms": int(np.median(order[ends] - order[starts])) if timed and len(starts) else None,
        "neighbours": len(later),
        "tied": int(among.sum()),
        "largest_block": int(block.max()),
        "users": int(several.sum()),
        "one_block_users": int((blocks.earlier[ends] == 0).sum()),
        "rising_tied": rising(int(rises[among].sum()), int(among.sum())),
        "rising_other": rising(int(rises[~among].sum()), int((~among).sum())),
    } | ({} if timed else {"position_gaps": _gaps(order, later, first)})


def first_times(frame: pl.DataFrame, items: int) -> np.ndarray:
    """The time of each item's first event in ms, int64 [I]; of an item without an event the largest number."""
    first = np.full(items, np.iinfo(np.int64).max)
    np.minimum.at(first, frame["item"].to_numpy(), frame["order"].to_numpy())
    return first


def unborn_share(first: np.ndarray, times: np.ndarray) -> float | None:
    """The median over events, at `times`, of the share of the catalogue whose first event is later.

    first: of each item, int64 [I]. Items that have no event at all do not count as later. None without events.
    """
    if not len(times) or not len(first):
        return None
    known = np.sort(first[first != np.iinfo(np.int64).max])
    return float(np.median(len(known) - np.searchsorted(known, times, side="right"))) / len(first)


def rising(count: int, of: int) -> dict[str, Any]:
    """How many of so many neighbours rise, with the exact (Clopper-Pearson) 95 % interval of the share.

    >>> {name: round(value, 3) for name, value in rising(9, 10).items()}
    {'rising': 9, 'n': 10, 'low': 0.555, 'high': 0.997}
    """
    if not of:
        return {"rising": 0, "n": 0, "low": 0.0, "high": 1.0}
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return {"rising": count, "n": of, "low": low, "high": high}


def natural_ranks(keys: pl.Series) -> np.ndarray:
    """The place of each key in natural order, int64 [I]: i9 before i10; keys of one length as text.

    keys: sorted as text.
    """
    lengths = keys.str.len_chars()
    if not len(keys) or lengths.min() == lengths.max():
        return np.arange(len(keys))
    parts = keys.to_frame("key").select(pl.col("key").str.extract_groups(_ONE_RUN)).unnest("key")
    if parts["2"].null_count():
        order = pl.Series(sorted(range(len(keys)), key=keys.map_elements(_padded, pl.String).to_list().__getitem__))
    else:
        numbered = parts.with_columns(pl.col("2").cast(pl.Int64)).with_row_index("row")
        order = numbered.sort("1", "2", "3", "row")["row"]
    ranks = np.empty(len(keys), np.int64)
    ranks[order.to_numpy()] = np.arange(len(keys))
    return ranks


def _padded(key: str) -> str:
    return re.sub(r"\d+", lambda run: run.group().lstrip("0").zfill(20), key)


def _resolution(frame: pl.DataFrame) -> str:
    if FRACTION in frame.columns and (frame[FRACTION] != 0).any():
        return "us" if not (frame[FRACTION] % 1000 != 0).any() else "ns"
    order = frame["order"]
    if not len(order):
        return "ms"
    since = order - order[0]
    return next((name for name, unit in UNITS.items() if not (since % unit != 0).any()), "ms")


def _gaps(order: np.ndarray, later: np.ndarray, first: np.ndarray) -> int | None:
    if not len(first) or order[first].max() > 1:
        return None
    return int((order[later] - order[later - 1] > 1).sum())
