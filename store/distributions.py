"""How a dataset's items and events are spread, by passes over all of them that a reader can break off."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from store.enums import Split

OPERATIONS = 50_000  # of SQLite's machine between two looks at whether to go on: about a millisecond


@dataclass(frozen=True)
class SplitEvents:
    """Events of one split: how many, how long before them histories are, when the first and last were, with rating.

    lengths: (items before, events), ascending. first and last are ms since 1970, None where only the order is known.
    """

    split: Split
    events: int
    rated: int
    first: int | None
    last: int | None
    lengths: tuple[tuple[int, int], ...]


@contextmanager
def interruptible(db: sqlite3.Connection, stop: Callable[[], bool]) -> Iterator[None]:
    """While inside, a query ends with `sqlite3.OperationalError` soon after `stop` says so."""
    db.set_progress_handler(lambda: int(stop()), OPERATIONS)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)


def category_counts(db: sqlite3.Connection, dataset_id: int) -> list[tuple[str, int]]:
    """(category, items), the commonest first; an item of several categories counts for each."""
    counts: dict[str, int] = {}
    for row in db.execute("SELECT category, count(*) FROM item WHERE dataset_id = ? GROUP BY category", (dataset_id,)):
        for name in set(str(row[0]).split("|")):
            counts[name] = counts.get(name, 0) + int(row[1])
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def split_events(db: sqlite3.Connection, dataset_id: int) -> list[SplitEvents]:
    """Each split that has events, in the order of the splits: one pass over all events."""
    rows = db.execute(
        "SELECT split, length, count(*), count(rating), min(timestamp), max(timestamp) FROM event"
        " WHERE dataset_id = ? GROUP BY split, length ORDER BY split, length",
        (dataset_id,),
    ).fetchall()
    found = []
    for split in Split:
        own = [row for row in rows if row[0] == split]
        if own:
            times = [time for row in own for time in (row[4], row[5]) if time is not None]
            found.append(
                SplitEvents(
                    split=split,
                    events=sum(row[2] for row in own),
                    rated=sum(row[3] for row in own),
                    first=min(times, default=None),
                    last=max(times, default=None),
                    lengths=tuple((int(row[1]), int(row[2])) for row in own),
                )
            )
    return found
