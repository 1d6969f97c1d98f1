"""Datasets: catalogue, users, sequences and events, as readers ask for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from store.enums import Split, SplitKind, State, Ties
from store.errors import unknown
from store.rows import Dataset, Event, Events, Item, Sequence

if TYPE_CHECKING:
    import numpy as np


def datasets(db: sqlite3.Connection) -> list[Dataset]:
    """All complete datasets, by name; rearranged copies of a dataset are left out."""
    query = "SELECT * FROM dataset WHERE state = ? AND arranged_from IS NULL ORDER BY name"
    return [_dataset(row) for row in db.execute(query, (State.READY,))]


def arrangements(db: sqlite3.Connection, dataset_id: int | None = None) -> list[Dataset]:
    """The complete datasets that are this one, or any, with its events of one time in another order; oldest first."""
    query = "SELECT * FROM dataset WHERE state = ?1 AND arranged_from = ifnull(?2, arranged_from) ORDER BY id"
    return [_dataset(row) for row in db.execute(query, (State.READY, dataset_id))]


def dataset(db: sqlite3.Connection, name: str) -> Dataset:
    """The dataset of this name; `BadInput` with the nearest names if it does not exist."""
    row = db.execute("SELECT * FROM dataset WHERE name = ? AND state = ?", (name, State.READY)).fetchone()
    if row is None:
        raise unknown("dataset", name, (d.name for d in datasets(db)), "Make one with `st5 ingest …`.")
    return _dataset(row)


def find_request(db: sqlite3.Connection, name: str) -> str | None:
    """The request hash of the dataset of this name, or None if missing."""
    row = db.execute("SELECT request FROM dataset WHERE name = ? AND state = ?", (name, State.READY)).fetchone()
    return None if row is None else str(row["request"])


def items(db: sqlite3.Connection, dataset_id: int) -> list[Item]:
    """The whole catalogue, in the order of item ids."""
    rows = db.execute("SELECT * FROM item WHERE dataset_id = ? ORDER BY item", (dataset_id,))
    return [_item(row) for row in rows]


def items_by_id(db: sqlite3.Connection, dataset_id: int, ids: Iterable[int]) -> dict[int, Item]:
    """Some items of the catalogue by id; unknown ids (−1 included) are left out."""
    found: dict[int, Item] = {}
    wanted = sorted({int(i) for i in ids})
    for start in range(0, len(wanted), 500):  # well below SQLite's limit of bound values
        part = wanted[start : start + 500]
        rows = db.execute(
            f"SELECT * FROM item WHERE dataset_id = ? AND item IN ({', '.join('?' * len(part))})",
            (dataset_id, *part),
        )
        found.update((row["item"], _item(row)) for row in rows)
    return found


def categories(db: sqlite3.Connection, dataset_id: int) -> list[str]:
    """Each item's category, in the order of item ids; several are joined with `|`."""
    rows = db.execute("SELECT category FROM item WHERE dataset_id = ? ORDER BY item", (dataset_id,))
    return [row["category"] for row in rows]


def users(
    db: sqlite3.Connection,
    dataset_id: int,
    *,
    prefix: str = "",
    after: str = "",
    limit: int = 200,
    among: Iterable[int] | None = None,
) -> list[tuple[int, str]]:
    """(id, key) of users whose key starts with `prefix`, by key, from `after` on: one page of a long list.

    among: ids of the only users wanted, where not all are.
    """
    only, ids = _among(among)
    rows = db.execute(
        f"SELECT user, key FROM user WHERE dataset_id = ? AND key >= ? AND key < ? AND key > ?{only}"
        " ORDER BY key LIMIT ?",
        (dataset_id, prefix, prefix + "\U0010ffff", after, *ids, limit),
    )
    return [(row["user"], row["key"]) for row in rows]


def count_users(
    db: sqlite3.Connection, dataset_id: int, *, prefix: str = "", among: Iterable[int] | None = None
) -> int:
    """How many users have a key that starts with `prefix`: the whole of which `users` gives a page."""
    only, ids = _among(among)
    query = f"SELECT count(*) FROM user WHERE dataset_id = ? AND key >= ? AND key < ?{only}"
    return int(db.execute(query, (dataset_id, prefix, prefix + "\U0010ffff", *ids)).fetchone()[0])


def user_id(db: sqlite3.Connection, of: Dataset, key: str) -> int:
    """The id of the user with this key; `BadInput` with near keys if it does not exist."""
    row = db.execute("SELECT user FROM user WHERE dataset_id = ? AND key = ?", (of.id, key)).fetchone()
    if row is None:
        near = [k for _, k in users(db, of.id, prefix=key[:3], limit=200)] or [k for _, k in users(db, of.id, limit=5)]
        raise unknown(f"user of {of.name}", key, near, f"{of.users} users in all.")
    return int(row["user"])


def user_keys(db: sqlite3.Connection, dataset_id: int, ids: Iterable[int] | None = None) -> dict[int, str]:
    """Keys by user id, of all users or of some."""
    if ids is None:
        rows = db.execute("SELECT user, key FROM user WHERE dataset_id = ?", (dataset_id,))
        return {row["user"]: row["key"] for row in rows}
    query = "SELECT key FROM user WHERE dataset_id = ? AND user = ?"
    found = {int(i): db.execute(query, (dataset_id, int(i))).fetchone() for i in ids}
    return {user: row["key"] for user, row in found.items() if row is not None}


def newest_sequence(db: sqlite3.Connection, dataset_id: int, user: int) -> Sequence:
    """All that is known of a user, oldest first: the longest of their sequences."""
    rows = db.execute(
        "SELECT * FROM sequence INDEXED BY sequence_user WHERE dataset_id = ? AND user = ?", (dataset_id, user)
    ).fetchall()
    return max((_sequence(row) for row in rows), key=lambda sequence: len(sequence.items))


def newest_sequences(db: sqlite3.Connection, dataset_id: int) -> Iterator[tuple[int, np.ndarray]]:
    """(user, items int32 [L]) of every user's longest sequence, by user id."""
    best: tuple[int, np.ndarray] | None = None
    rows = db.execute("SELECT user, items FROM sequence WHERE dataset_id = ? ORDER BY user, sequence", (dataset_id,))
    for row in rows:
        items = _int32(row["items"])
        if best is not None and best[0] != row["user"]:
            yield best
            best = None
        if best is None or len(items) > len(best[1]):
            best = (row["user"], items)
    if best is not None:
        yield best


def user_sequences(db: sqlite3.Connection, dataset_id: int) -> Iterator[tuple[int, Sequence]]:
    """(user, sequence) of all sequences of a dataset, by user id; a user may have several."""
    rows = db.execute("SELECT * FROM sequence WHERE dataset_id = ? ORDER BY user, sequence", (dataset_id,))
    return ((row["user"], _sequence(row)) for row in rows)


def user_events(db: sqlite3.Connection, dataset_id: int, user: int) -> list[Event]:
    """A user's events, oldest first."""
    rows = db.execute(
        "SELECT * FROM event INDEXED BY event_user WHERE dataset_id = ? AND user = ? ORDER BY length, event",
        (dataset_id, user),
    )
    return [_event(row) for row in rows]


def split_events(db: sqlite3.Connection, dataset_id: int, split: Split) -> list[Event]:
    """All events of a split, by event number."""
    rows = db.execute("SELECT * FROM event WHERE dataset_id = ? AND split = ? ORDER BY event", (dataset_id, split))
    return [_event(row) for row in rows]


def event(db: sqlite3.Connection, dataset_id: int, number: int) -> Event:
    """The event with this number, which must exist."""
    row = db.execute("SELECT * FROM event WHERE dataset_id = ? AND event = ?", (dataset_id, number)).fetchone()
    return _event(row)


def find_event(db: sqlite3.Connection, dataset_id: int, number: int) -> Event | None:
    """The event with this number, or None if missing."""
    row = db.execute("SELECT * FROM event WHERE dataset_id = ? AND event = ?", (dataset_id, number)).fetchone()
    return None if row is None else _event(row)


def event_beside(
    db: sqlite3.Connection, dataset_id: int, number: int, split: Split, *, forward: bool = True
) -> int | None:
    """The number of the next event of a split after `number` (or before it), or None at the end."""
    order, relation = ("ASC", ">") if forward else ("DESC", "<")
    row = db.execute(
        f"SELECT event FROM event WHERE dataset_id = ? AND event {relation} ? AND split = ? ORDER BY event {order}"
        " LIMIT 1",
        (dataset_id, number, split),
    ).fetchone()
    return None if row is None else int(row["event"])


def event_at(db: sqlite3.Connection, dataset_id: int, split: Split, fraction: float) -> int | None:
    """The number of an event of a split, by where it lies among all events: 0 the first, 1 the last; None where
    the split is empty. Reads no more than it passes on the way to the nearest event of the split."""
    row = db.execute("SELECT min(event), max(event) FROM event WHERE dataset_id = ?", (dataset_id,)).fetchone()
    if row[0] is None:
        return None
    start = int(row[0] + fraction * (row[1] - row[0]))
    after = event_beside(db, dataset_id, start - 1, split)
    return after if after is not None else event_beside(db, dataset_id, start, split, forward=False)


def sequence(db: sqlite3.Connection, dataset_id: int, number: int) -> Sequence:
    """The sequence with this number, which must exist."""
    row = db.execute("SELECT * FROM sequence WHERE dataset_id = ? AND sequence = ?", (dataset_id, number)).fetchone()
    return _sequence(row)


def events(db: sqlite3.Connection, dataset_id: int, split: Split, sample: np.ndarray | None = None) -> Events:
    """The events of a split as columns, by event number; `sample` (sorted row indices) picks some of them."""
    import numpy as np

    rows = db.execute(
        "SELECT event, user, sequence, length, item, ifnull(timestamp, -1) FROM event"
        " WHERE dataset_id = ? AND split = ? ORDER BY event",
        (dataset_id, split),
    )
    table = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 6)
    if sample is not None:
        table = table[sample]
    small = np.ascontiguousarray(table[:, :5].T.astype(np.int32))
    event, user, sequence, length, item = small
    return Events(
        event, user, sequence, length, item, table[:, 5].copy(), _sequences(db, dataset_id, set(sequence.tolist()))
    )


def event_column(db: sqlite3.Connection, dataset_id: int, split: Split, name: Literal["item", "user"]) -> np.ndarray:
    """The targets of a split's events, or their users: int32 [E], by event number."""
    import numpy as np

    rows = db.execute(
        f"SELECT {name} FROM event WHERE dataset_id = ? AND split = ? ORDER BY event", (dataset_id, split)
    )
    return np.fromiter((row[0] for row in rows), np.int32)


def count_events(db: sqlite3.Connection, dataset_id: int, split: Split) -> int:
    """How many events a split has."""
    query = "SELECT count(*) FROM event WHERE dataset_id = ? AND split = ?"
    return int(db.execute(query, (dataset_id, split)).fetchone()[0])


def count_ratings(db: sqlite3.Connection, dataset_id: int, split: Split) -> int:
    """How many events of a split have a rating."""
    query = "SELECT count(rating) FROM event WHERE dataset_id = ? AND split = ?"
    return int(db.execute(query, (dataset_id, split)).fetchone()[0])


def train_interactions(db: sqlite3.Connection, dataset_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The train part, one row per interaction: items int32 [N], times int64 ms [N] (−1 where unknown), newest bool [N].

    It is everything that users did before the valid part begins, also where a user has no train event because there
    was only one item. `newest` marks the last of each user.
    """
    _, items, times, newest = _train_rows(db, dataset_id)
    return items, times, newest


def train_sequences(db: sqlite3.Connection, dataset_id: int) -> tuple[np.ndarray, np.ndarray]:
    """What each user did in the train part, oldest first: starts int64 [U + 1] and items int32 [N], user after user.

    User u has items[starts[u]:starts[u + 1]]; users who did nothing there are left out. Interactions are those of
    `train_interactions`, each once.
    """
    import numpy as np

    users, items, _, _ = _train_rows(db, dataset_id)
    order = np.argsort(users, kind="stable")
    counts = np.unique(users, return_counts=True)[1]
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), items[order]


def has_descriptions(db: sqlite3.Connection, dataset_id: int) -> bool:
    """Whether any item of the catalogue has a description."""
    query = "SELECT EXISTS (SELECT 1 FROM item WHERE dataset_id = ? AND trim(description) <> '')"
    return bool(db.execute(query, (dataset_id,)).fetchone()[0])


def stray_train_event(db: sqlite3.Connection, dataset_id: int) -> tuple[int, str, int, int] | None:
    """The first train event whose target is not in the train part of a sequence of its user, or that has no history.

    (event number, user key, length of the history, length of the train part), or None where all are in order.
    """
    row = db.execute(
        "SELECT event.event, ifnull(user.key, event.user), event.length, ifnull(sequence.train_length, 0) FROM event"
        " LEFT JOIN sequence USING (dataset_id, sequence) LEFT JOIN user ON user.dataset_id = event.dataset_id"
        " AND user.user = event.user WHERE event.dataset_id = ? AND event.split = ?"
        " AND (sequence.user IS NOT event.user OR event.length < 1 OR event.length >= sequence.train_length"
        " OR event.length >= length(sequence.items) / 4) ORDER BY event.event LIMIT 1",
        (dataset_id, Split.TRAIN),
    ).fetchone()
    return None if row is None else (int(row[0]), str(row[1]), int(row[2]), int(row[3]))


def train_users(db: sqlite3.Connection, dataset_id: int) -> np.ndarray:
    """Ids (int32, sorted) of the users who did something in the train part."""
    import numpy as np

    rows = db.execute(
        "SELECT DISTINCT user FROM sequence WHERE dataset_id = ? AND train_length > 0 ORDER BY user", (dataset_id,)
    )
    return np.array([row[0] for row in rows], dtype=np.int32)


def now() -> str:
    """The present moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _train_rows(db: sqlite3.Connection, dataset_id: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """users int64 [N], items int32 [N], times int64 [N] and newest bool [N] of the train part: `train_interactions`."""
    import numpy as np

    rows = db.execute(
        "SELECT user, items, timestamps, train_length FROM sequence WHERE dataset_id = ? AND train_length > 0"
        " ORDER BY sequence",
        (dataset_id,),
    )
    users, items, times = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for row in rows:
        stamps = row["timestamps"]
        known = _int32(row["items"])[: row["train_length"]]
        users.append(np.full(len(known), row["user"]))
        items.append(known)
        times.append(np.full(len(known), -1) if stamps is None else np.frombuffer(stamps, "<i8")[: len(known)])
    lengths = [len(part) for part in items[1:]]
    user, item = np.concatenate(users), np.concatenate(items)
    newest = np.zeros(len(item), bool)
    newest[np.cumsum(lengths, dtype=np.int64) - 1] = True
    # A user may have several sequences that share their beginning: each interaction counts once.
    first = np.sort(np.unique(user << 32 | item, return_index=True)[1])
    return user[first], item[first], np.concatenate(times)[first], newest[first]


def _among(ids: Iterable[int] | None) -> tuple[str, tuple[str, ...]]:
    """A condition that leaves only these users, and its value. The `+` keeps SQLite on the index that is in order."""
    if ids is None:
        return "", ()
    return " AND +user IN (SELECT value FROM json_each(?))", (json.dumps([int(i) for i in ids]),)


def _sequences(db: sqlite3.Connection, dataset_id: int, wanted: set[int]) -> dict[int, np.ndarray]:
    rows = db.execute("SELECT sequence, items FROM sequence WHERE dataset_id = ?", (dataset_id,))
    found = {row["sequence"]: _int32(row["items"]) for row in rows if row["sequence"] in wanted}
    if len(found) < len(wanted):
        raise sqlite3.DatabaseError("malformed: events name sequences that are not there")
    return found


def _int32(blob: bytes) -> np.ndarray:
    import numpy as np

    return np.frombuffer(blob, dtype="<i4")


def _dataset(row: sqlite3.Row) -> Dataset:
    return Dataset(
        id=row["id"],
        name=row["name"],
        platform=row["platform"],
        domain=row["domain"],
        synthetic=bool(row["synthetic"]),
        source=json.loads(row["source"]),
        split=SplitKind(row["split"]),
        split_settings=json.loads(row["split_settings"]),
        timed=bool(row["timed"]),
        fingerprint=row["fingerprint"],
        users=row["users"],
        items=row["items"],
        interactions=row["interactions"],
        events=json.loads(row["events"]),
        dropped=json.loads(row["dropped"]),
        audit=json.loads(row["audit"]),
        created=row["created"],
        ties=Ties(row["ties"]),
        tie_seed=row["tie_seed"],
        arranged_from=row["arranged_from"],
        arrangement=row["arrangement"],
    )


def _item(row: sqlite3.Row) -> Item:
    return Item(
        row["item"],
        row["key"],
        row["title"],
        row["description"],
        row["category"],
        json.loads(row["fields"] or "{}"),
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(
        row["event"],
        row["user"],
        row["sequence"],
        row["length"],
        row["item"],
        row["timestamp"],
        row["rating"],
        Split(row["split"]),
    )


def _sequence(row: sqlite3.Row) -> Sequence:
    import numpy as np

    return Sequence(
        items=_int32(row["items"]),
        timestamps=None if row["timestamps"] is None else np.frombuffer(row["timestamps"], "<i8"),
        ratings=None if row["ratings"] is None else np.frombuffer(row["ratings"], "<f4"),
    )
