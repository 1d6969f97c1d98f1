"""Items by what their titles say: a long catalogue is looked through part by part, so that no read takes long."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from store.datasets import items_by_id
from store.rows import Item

PART = 2_000  # items looked at by one call: some milliseconds


@dataclass(frozen=True)
class FoundItems:
    """Items found in one part of a catalogue, in its order; `next` is where to go on, None at its end."""

    items: tuple[Item, ...]
    next: int | None


def find_items(db: sqlite3.Connection, dataset_id: int, words: str, *, start: int = 0, limit: int = 50) -> FoundItems:
    """The first `limit` items from `start` on whose title holds every one of the words, or whose key they are.

    Whatever their case; a word may be a part of one: `ham lamp` finds `Hammered Lampshade`.
    """
    wanted = words.casefold().split()
    rows = db.execute(
        "SELECT item, key, title FROM item WHERE dataset_id = ? AND item >= ? ORDER BY item LIMIT ?",
        (dataset_id, start, PART),
    ).fetchall()
    found: list[int] = []
    for row in rows:
        title = row["title"].casefold()
        if all(word in title for word in wanted) or row["key"].casefold() == words.casefold():
            found.append(row["item"])
            if len(found) == limit:
                break
    last = found[-1] if len(found) == limit else rows[-1]["item"] if rows else start
    ended = len(found) < limit and len(rows) < PART
    items = items_by_id(db, dataset_id, found)
    return FoundItems(tuple(items[item] for item in found), None if ended else last + 1)
