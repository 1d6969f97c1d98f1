"""Counts over a dataset's items and events that its row does not hold."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from store.enums import Split


@dataclass(frozen=True)
class EventShape:
    """Events of one split: how many, of how many users, over how many targets, and the mean length of a history."""

    events: int
    users: int
    targets: int
    history: float


def event_shape(db: sqlite3.Connection, dataset_id: int, split: Split) -> EventShape:
    """The shape of a split; all zero where it is empty."""
    row = db.execute(
        "SELECT count(*), count(DISTINCT user), count(DISTINCT item), ifnull(avg(length), 0) FROM event"
        " WHERE dataset_id = ? AND split = ?",
        (dataset_id, split),
    ).fetchone()
    return EventShape(int(row[0]), int(row[1]), int(row[2]), float(row[3]))


def items_without_description(db: sqlite3.Connection, dataset_id: int) -> int:
    """Items of the catalogue that have no description, or only blanks."""
    query = "SELECT count(*) FROM item WHERE dataset_id = ? AND trim(description) = ''"
    return int(db.execute(query, (dataset_id,)).fetchone()[0])


def items_with_repeated_title(db: sqlite3.Connection, dataset_id: int) -> int:
    """Items of the catalogue whose title is also that of another."""
    query = (
        "SELECT ifnull(sum(n), 0) FROM (SELECT count(*) AS n FROM item WHERE dataset_id = ? GROUP BY title) WHERE n > 1"
    )
    return int(db.execute(query, (dataset_id,)).fetchone()[0])
