"""Interactions with a rating, as rating prediction learns from them and is measured on them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from store import datasets
from store.enums import Split
from store.rows import Events

if TYPE_CHECKING:
    import numpy as np


def rated_events(db: sqlite3.Connection, dataset_id: int, split: Split) -> tuple[Events, np.ndarray]:
    """What has a rating in a split, and the ratings, float32 [E].

    valid, test: the events of that split. train: every interaction of the train part once, the first of a user
    (an empty history) included, whether it is an event or not: `event` is −1 throughout. What is the target of a valid
    or test event is never among them, whatever the files say.
    """
    import numpy as np

    if split is Split.TRAIN:
        return _rated_train(db, dataset_id)
    rows = db.execute(
        "SELECT rating FROM event WHERE dataset_id = ? AND split = ? ORDER BY event", (dataset_id, split)
    ).fetchall()
    ratings = np.array([row[0] for row in rows], dtype=np.float32)  # NULL becomes NaN
    known = np.flatnonzero(~np.isnan(ratings))
    return datasets.events(db, dataset_id, split, known), ratings[known]


def _rated_train(db: sqlite3.Connection, dataset_id: int) -> tuple[Events, np.ndarray]:
    import numpy as np

    rows = db.execute(
        "SELECT sequence, user, items, timestamps, ratings, train_length FROM sequence WHERE dataset_id = ?"
        " AND train_length > 0 AND ratings IS NOT NULL ORDER BY sequence",
        (dataset_id,),
    ).fetchall()
    sizes = np.array([row["train_length"] for row in rows], np.int64)
    user, sequence = (
        np.repeat(np.array([row[name] for row in rows], np.int32), sizes) for name in ("user", "sequence")
    )
    length = np.concatenate([np.zeros(0, np.int32), *(np.arange(size, dtype=np.int32) for size in sizes)])
    item, time, rating = (
        np.concatenate([np.zeros(0, dtype), *(_train_part(row, name, dtype) for row in rows)])
        for name, dtype in (("items", "<i4"), ("timestamps", "<i8"), ("ratings", "<f4"))
    )
    pair = user.astype(np.int64) << 32 | item
    asked = db.execute(
        "SELECT user, item FROM event WHERE dataset_id = ? AND split IN (?, ?)", (dataset_id, Split.VALID, Split.TEST)
    )
    targets = np.array([row["user"] << 32 | row["item"] for row in asked], dtype=np.int64)
    kept = np.flatnonzero(~np.isnan(rating) & ~np.isin(pair, targets))
    # A user may have several sequences that share their beginning: each interaction counts once.
    kept = kept[np.sort(np.unique(pair[kept], return_index=True)[1])]
    known = {row["sequence"]: np.frombuffer(row["items"], "<i4") for row in rows}
    events = np.full(len(kept), -1, np.int32)
    return Events(events, user[kept], sequence[kept], length[kept], item[kept], time[kept], known), rating[kept]


def _train_part(row: sqlite3.Row, name: str, dtype: str) -> np.ndarray:
    """One array of a sequence as far as the train part goes; −1 for timestamps that are unknown."""
    import numpy as np

    blob, length = row[name], int(row["train_length"])
    return np.full(length, -1, dtype) if blob is None else np.frombuffer(blob, dtype)[:length]
