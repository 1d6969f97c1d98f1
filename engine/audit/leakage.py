"""Whether a model was trained on the very events that it is to predict."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from engine.audit.lineage import learned_from
from engine.audit.title import normal
from store import datasets, overlap
from store.enums import Split
from store.errors import BadInput
from store.rows import Dataset, Model

SAME_MS = 24 * 60 * 60 * 1000  # sources cut times to seconds or days, and some shift them to a zone


@dataclass(frozen=True)
class Audit:
    """What one training dataset knew of a split: `overlap` of its `of` events are in that dataset's train part.

    trained: the training dataset's name when the model was trained. unknown: its name again where it is not in the
    workspace any more, or not with that content: then nothing could be counted. example: keys of a user and an item.
    """

    trained: str
    overlap: int
    of: int
    unknown: tuple[str, ...] = ()
    example: tuple[str, str] | None = None


def audit_leakage(db: sqlite3.Connection, model: Model, dataset: Dataset, split: Split = Split.TEST) -> list[Audit]:
    """One audit for each dataset whose interactions the model learned from, by name; none for an untrained model.

    An event was known where the train part has the same user and item, by key, and the same time within a day; where
    one of the datasets has no times, the same title instead: sources that number users and items from 0 would
    otherwise seem to share them all.
    """
    present = {other.fingerprint: other for other in (*datasets.arrangements(db), *datasets.datasets(db))}
    of = dataset.events.get(split, 0)
    found = []
    for fingerprint, name in sorted(learned_from(db, model).items(), key=lambda pair: pair[1]):
        trained = present.get(fingerprint)
        if trained is None:
            found.append(Audit(name, 0, of, unknown=(name,)))
            continue
        users, items = _known(db, trained, dataset, split)
        example = None
        if len(users):
            user = datasets.user_keys(db, dataset.id, [int(users[0])])[int(users[0])]
            example = (user, datasets.items_by_id(db, dataset.id, [int(items[0])])[int(items[0])].key)
        found.append(Audit(name, len(users), of, example=example))
    return found


def refuse_leakage(db: sqlite3.Connection, model: Model, dataset: Dataset, split: Split = Split.TEST) -> None:
    """`BadInput` where the model was trained on events of this split of the dataset; not for train events.

    A training dataset that is not here to be looked at is no reason to refuse; `audit_leakage` names it.
    """
    if split is Split.TRAIN:
        return
    leaks = [audit for audit in audit_leakage(db, model, dataset, split) if audit.overlap]
    if not leaks:
        return
    worst = max(leaks, key=lambda audit: audit.overlap)
    user, item = worst.example or ("", "")
    through = " and ".join(audit.trained for audit in leaks)
    raise BadInput(
        f"{model.name} was trained on {split} events of {dataset.name}: {worst.overlap:,} of {worst.of:,} are in the "
        f'train part of {worst.trained}, such as user "{user}" with item "{item}". '
        f"It would be asked what it was told. Evaluate it on another dataset, or train one without {through}."
    )


def _known(db: sqlite3.Connection, trained: Dataset, other: Dataset, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Users and items (ids in `other`, int64 [N]) of the events of `other` that the train part of `trained` holds."""
    user_of = _lookup(overlap.same_users(db, other.id, trained.id), other.users)
    timed = other.timed and trained.timed
    item_of = _lookup(_items(db, other, trained, same_title=not timed), other.items)
    events = overlap.targets(db, other.id, split)
    shared = np.flatnonzero((user_of[events.user] >= 0) & (item_of[events.item] >= 0))
    if len(shared) == 0:
        return events.user[shared], events.item[shared]
    part = overlap.train_part(db, trained.id)
    wanted = user_of[events.user[shared]] << 32 | item_of[events.item[shared]]
    codes, first = np.unique(part.user << 32 | part.item, return_index=True)
    hit = np.isin(wanted, codes)
    shared, row = shared[hit], first[np.searchsorted(codes, wanted[hit])]
    if timed:
        shared = shared[np.abs(part.time[row] - events.time[shared]) <= SAME_MS]
    return events.user[shared], events.item[shared]


def _items(db: sqlite3.Connection, one: Dataset, other: Dataset, *, same_title: bool) -> np.ndarray:
    pairs = overlap.same_items(db, one.id, other.id)
    if not same_title or one.id == other.id or len(pairs) == 0:
        return pairs
    left, right = overlap.titles(db, one.id), overlap.titles(db, other.id)
    return pairs[[normal(left[a]) == normal(right[b]) for a, b in pairs.tolist()]]


def _lookup(pairs: np.ndarray, size: int) -> np.ndarray:
    """The other dataset's id by this one's, int64 [size], −1 where it has none."""
    table = np.full(size, -1, np.int64)
    table[pairs[:, 0]] = pairs[:, 1]
    return table
