"""What an unseen dataset shares with those that a model was trained on (thesis 5.1: cross-domain)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.audit.title import normal
from store import datasets, overlap
from store.enums import Split
from store.rows import Dataset


@dataclass(frozen=True)
class Shared:
    """How much of an evaluated dataset is also in any of the datasets trained on.

    items: of its `of_items`, those with the same key on the same platform; titles: those with the same title, case
    and spaces apart; users: of `of_users`, those with the same key. targets, titled_targets: of its `of_targets` test
    events, those whose item is shared by key, by title. incomparable: datasets trained on whose keys mean something
    else, so that none was compared: another platform, or numbers that each source counts for itself.
    """

    items: int
    titles: int
    users: int
    targets: int
    titled_targets: int
    of_items: int
    of_users: int
    of_targets: int
    incomparable: tuple[str, ...] = ()

    @property
    def item_share(self) -> float:
        return _share(self.items, self.of_items)

    @property
    def title_share(self) -> float:
        return _share(self.titles, self.of_items)

    @property
    def user_share(self) -> float:
        return _share(self.users, self.of_users)

    @property
    def target_share(self) -> float:
        return _share(self.targets, self.of_targets)

    @property
    def titled_target_share(self) -> float:
        return _share(self.titled_targets, self.of_targets)


def shared(db: sqlite3.Connection, trained: Sequence[Dataset], evaluated: Dataset) -> Shared:
    """Count what `evaluated` shares with any of `trained`, by key and by title.

    Keys of two datasets are compared where both are of one platform and the items that they call alike mostly have
    one title; without such items, where the keys of users are more than numbers.
    """
    own = [normal(title) for title in overlap.titles(db, evaluated.id)]
    by_key = np.zeros(evaluated.items, bool)
    by_title = np.zeros(evaluated.items, bool)
    users = np.zeros(evaluated.users, bool)
    incomparable = []
    for other in trained:
        theirs = [normal(title) for title in overlap.titles(db, other.id)]
        known = {title for title in theirs if title}
        by_title |= np.fromiter((title in known for title in own), bool, len(own))
        items = overlap.same_items(db, evaluated.id, other.id)
        people = overlap.same_users(db, evaluated.id, other.id)
        alike = [own[a] == theirs[b] for a, b in items.tolist()]
        if evaluated.platform != other.platform or not (_mostly(alike) if alike else _named(db, evaluated, people)):
            incomparable.append(other.name)
            continue
        by_key[items[:, 0]] = True
        users[people[:, 0]] = True
    wanted = overlap.targets(db, evaluated.id, Split.TEST).item
    return Shared(
        items=int(by_key.sum()),
        titles=int(by_title.sum()),
        users=int(users.sum()),
        targets=int(by_key[wanted].sum()),
        titled_targets=int(by_title[wanted].sum()),
        of_items=evaluated.items,
        of_users=evaluated.users,
        of_targets=len(wanted),
        incomparable=tuple(incomparable),
    )


def _mostly(alike: Sequence[bool]) -> bool:
    return 2 * sum(alike) > len(alike)


def _named(db: sqlite3.Connection, dataset: Dataset, people: np.ndarray) -> bool:
    """Whether the shared users' keys are more than numbers, which any source may have given to its first users."""
    keys = datasets.user_keys(db, dataset.id, people[:100, 0].tolist())
    return not any(key.isdigit() for key in keys.values())


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0
