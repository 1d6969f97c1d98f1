"""Writing a dataset: block by block, visible only when complete."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from store.connection import transaction
from store.datasets import dataset, now
from store.enums import Split, SplitKind, State, Ties
from store.errors import BadInput
from store.rows import Dataset

# What `DatasetWriter.add` takes, in this order of columns; blobs are little-endian int32, int64 and float32.
COLUMNS = {
    "item": ("item", "key", "title", "description", "category", "fields"),
    "user": ("user", "key"),
    "sequence": ("sequence", "user", "train_length", "items", "timestamps", "ratings"),
    "event": ("event", "user", "sequence", "length", "item", "timestamp", "rating", "split"),
}


@dataclass(frozen=True)
class DatasetDraft:
    """What is known of a dataset before its rows are written. `request` is the hash of files and options."""

    name: str
    request: str
    platform: str
    domain: str
    synthetic: bool
    source: dict[str, Any]
    split: SplitKind
    split_settings: dict[str, Any]
    timed: bool
    ties: Ties = Ties.FILE
    tie_seed: int = 0
    arranged_from: int | None = None
    arrangement: str = ""


class DatasetWriter:
    """Writes one dataset block by block; readers see it from `finish` on.

    Use it as a context manager: leaving without `finish` takes the rows back. A killed writer leaves a row in state
    `writing`, which readers skip and `remove_unfinished` deletes.
    """

    def __init__(self, db: sqlite3.Connection, dataset_draft: DatasetDraft) -> None:
        self._db = db
        self._dataset_draft = dataset_draft
        self._finished = False
        self.id = 0  # none yet

    def __enter__(self) -> DatasetWriter:
        try:
            with transaction(self._db):
                cursor = self._db.execute(
                    "INSERT INTO dataset (name, state, request, platform, domain, synthetic, source, split,"
                    " split_settings, timed, ties, tie_seed, arranged_from, arrangement, created)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        self._dataset_draft.name,
                        State.WRITING,
                        self._dataset_draft.request,
                        self._dataset_draft.platform,
                        self._dataset_draft.domain,
                        int(self._dataset_draft.synthetic),
                        json.dumps(self._dataset_draft.source, ensure_ascii=False),
                        self._dataset_draft.split,
                        json.dumps(self._dataset_draft.split_settings),
                        int(self._dataset_draft.timed),
                        self._dataset_draft.ties,
                        self._dataset_draft.tie_seed,
                        self._dataset_draft.arranged_from,
                        self._dataset_draft.arrangement,
                        now(),
                    ),
                )
                self.id = int(cursor.lastrowid or 0)
        except BaseException:  # Ctrl-C may come right behind the commit
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self._finished:
            with transaction(self._db):
                self._db.execute("DELETE FROM dataset WHERE id = ?", (self.id,))

    def add(self, table: str, rows: Iterable[Rows[Any]]) -> None:
        """Insert one block of rows (tuples in the order of `COLUMNS[table]`) in one short transaction."""
        columns = COLUMNS[table]
        one = f"({self.id}, {', '.join('?' * len(columns))})"
        into = f"INSERT INTO {table} (dataset_id, {', '.join(columns)}) VALUES "
        # Several rows a statement: measured 1.5 times as fast as executemany with one.
        at_once = min(500, self._db.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(columns))
        source = iter(rows)
        with transaction(self._db):
            while some := list(islice(source, at_once)):
                self._db.execute(into + ", ".join([one] * len(some)), list(chain.from_iterable(some)))

    def finish(
        self,
        *,
        fingerprint: str,
        interactions: int,
        dropped: dict[str, int],
        audit: dict[str, Any],
        replace: bool,
    ) -> Dataset:
        """Make the dataset visible, in place of the one of the same name if `replace`."""
        db = self._db
        with transaction(db):
            old = db.execute(
                "SELECT id FROM dataset WHERE name = ? AND state = ?", (self._dataset_draft.name, State.READY)
            ).fetchone()
            if old is not None:
                if not replace:
                    raise BadInput(taken(self._dataset_draft.name))
                db.execute("DELETE FROM dataset WHERE id = ?", (old["id"],))
            counts = dict(
                db.execute(
                    "SELECT split, count(*) FROM event WHERE dataset_id = ? GROUP BY split", (self.id,)
                ).fetchall()
            )
            db.execute(
                "UPDATE dataset SET state = ?, fingerprint = ?, interactions = ?, dropped = ?, audit = ?, events = ?,"
                " users = (SELECT count(*) FROM user WHERE dataset_id = dataset.id),"
                " items = (SELECT count(*) FROM item WHERE dataset_id = dataset.id) WHERE id = ?",
                (
                    State.READY,
                    fingerprint,
                    interactions,
                    json.dumps(dropped),
                    json.dumps(audit),
                    json.dumps({split.value: counts.get(split.value, 0) for split in Split}),
                    self.id,
                ),
            )
        self._finished = True
        return dataset(db, self._dataset_draft.name)


def taken(name: str) -> str:
    """The message for a name that another dataset has."""
    return (
        f'There is already a dataset "{name}" made from other files or options. '
        "Choose another --name, or pass --replace to put this one in its place."
    )


def remove_unfinished(db: sqlite3.Connection) -> int:
    """Delete what killed writers left behind; call it only while holding the lock that every writer holds."""
    with transaction(db):
        return db.execute("DELETE FROM dataset WHERE state = ?", (State.WRITING,)).rowcount
