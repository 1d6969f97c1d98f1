"""What two datasets have in common: users and items by key, and the interactions behind them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.enums import Split

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Interactions:
    """Who chose what, N rows: user and item int64 (ids of their dataset), time int64 in ms (−1 where unknown)."""

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray


def train_part(db: sqlite3.Connection, dataset_id: int) -> Interactions:
    """Everything that users did before the valid part begins: all that a training can have read.

    A user's sequences may share their beginnings; a row stands here as often as in them.
    """
    import numpy as np

    rows = db.execute(
        "SELECT user, items, timestamps, train_length FROM sequence WHERE dataset_id = ? AND train_length > 0",
        (dataset_id,),
    ).fetchall()
    items = np.frombuffer(b"".join(row["items"][: 4 * row["train_length"]] for row in rows), "<i4")
    lengths = np.array([min(len(row["items"]) // 4, row["train_length"]) for row in rows], np.int64)
    unknown = np.int64(-1).tobytes()
    times = b"".join(
        unknown * int(length) if row["timestamps"] is None else row["timestamps"][: 8 * int(length)]
        for row, length in zip(rows, lengths, strict=True)
    )
    users = np.repeat(np.array([row["user"] for row in rows], np.int64), lengths)
    return Interactions(users, items.astype(np.int64), np.frombuffer(times, "<i8"))


def targets(db: sqlite3.Connection, dataset_id: int, split: Split) -> Interactions:
    """The events of a split, without their histories, in the order of event numbers."""
    import numpy as np

    rows = db.execute(
        "SELECT user, item, ifnull(timestamp, -1) FROM event WHERE dataset_id = ? AND split = ? ORDER BY event",
        (dataset_id, split),
    )
    table = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 3)
    return Interactions(table[:, 0], table[:, 1], table[:, 2])


def same_users(db: sqlite3.Connection, one: int, other: int) -> np.ndarray:
    """(id in `one`, id in `other`) of users with equal keys, int64 [N, 2]; the arguments are ids of datasets."""
    return _pairs(db, "user", one, other)


def same_items(db: sqlite3.Connection, one: int, other: int) -> np.ndarray:
    """The same of items."""
    return _pairs(db, "item", one, other)


def titles(db: sqlite3.Connection, dataset_id: int) -> list[str]:
    """The titles of a catalogue in the order of item ids."""
    rows = db.execute("SELECT title FROM item WHERE dataset_id = ? ORDER BY item", (dataset_id,))
    return [row["title"] for row in rows]


def _pairs(db: sqlite3.Connection, table: str, one: int, other: int) -> np.ndarray:
    import numpy as np

    rows = db.execute(
        f"SELECT a.{table}, b.{table} FROM {table} AS a JOIN {table} AS b ON b.dataset_id = ? AND b.key = a.key"
        f" WHERE a.dataset_id = ? ORDER BY a.{table}",
        (other, one),
    )
    return np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
