"""Ways to divide events: each slice is a set of masks over the same rows; and conditions that events must meet."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

import numpy as np

from store import datasets, evaluations
from store.enums import Slice
from store.errors import BadInput, unknown
from store.evaluations import EvaluatedEvents
from store.rows import Dataset, Events, Item

EXACT_LENGTHS = 10  # history lengths shown one by one, as in thesis figure 5.4; longer ones in ranges
LONGER = ((11, 20), (21, 50), (51, None))
CATEGORIES_SHOWN = 40
OTHER_CATEGORIES = "(other)"


@dataclass(frozen=True)
class Part:
    """One slice value and its events: mask bool [E]."""

    slice: Slice
    value: str
    mask: np.ndarray


@dataclass(frozen=True)
class Condition:
    """What an event must be to count: `target=cold`."""

    slice: Slice
    value: str

    def __str__(self) -> str:
        return f"{self.slice}={self.value}"


def condition(text: str) -> Condition:
    """The condition that a person wrote as SLICE=VALUE; `BadInput` with the nearest slices if it does not exist."""
    name, equals, value = text.partition("=")
    known = [str(kind) for kind in Slice if kind is not Slice.ALL]
    if not equals or not value.strip():
        raise BadInput(f'"{text}" is no condition. Write SLICE=VALUE such as target=cold; slices: {", ".join(known)}.')
    if name.strip().lower() not in known:
        raise unknown("slice", name.strip(), known)
    return Condition(Slice(name.strip().lower()), value.strip())


def slices(
    db: sqlite3.Connection, dataset: Dataset, catalogue: list[Item], events: Events, visible: np.ndarray
) -> list[Part]:
    """Every slice of these events that holds at least one of them; visible int32 [E] is what the model read."""
    categories = [item.category for item in catalogue]
    return [part for kind in Slice for part in divide(db, dataset, kind, events, visible, categories)]


def divide(
    db: sqlite3.Connection,
    dataset: Dataset,
    kind: Slice,
    events: Events | EvaluatedEvents,
    visible: np.ndarray,
    categories: list[str] | None = None,
) -> list[Part]:
    """One way of slicing, of those values that hold at least one event.

    visible: int32 [E], what the model read of each history, all 0 where it reads none; categories: of all items,
    read where they are not given. A target is warm where it occurs in the train part, a user where they did something
    in it. A target's text is a duplicate where another item has the same title.
    """
    if kind is Slice.ALL:
        parts = [Part(kind, "all", np.ones(len(events), bool))]
    elif kind is Slice.DOMAIN:
        parts = [Part(kind, dataset.domain, np.ones(len(events), bool))]
    elif kind is Slice.CATEGORY:
        parts = _most_frequent(_Categories(db, dataset, events, categories))
    elif kind is Slice.HISTORY_LENGTH:
        parts = _lengths(kind, events.length)
    elif kind is Slice.VISIBLE_LENGTH:
        parts = _lengths(kind, visible) if visible.any() else []
    elif kind is Slice.TARGET:
        parts = _either(kind, "warm", "cold", evaluations.trained_items(db, dataset)[events.item])
    elif kind is Slice.USER:
        parts = _either(kind, "warm", "cold", np.isin(events.user, datasets.train_users(db, dataset.id)))
    else:
        parts = _either(kind, "duplicate", "unique", evaluations.repeated_titles(db, dataset)[events.item])
    return [part for part in parts if part.mask.any()]


def meeting(
    db: sqlite3.Connection,
    dataset: Dataset,
    conditions: Sequence[Condition],
    events: Events | EvaluatedEvents,
    visible: np.ndarray,
) -> np.ndarray:
    """Which events meet all conditions, bool [E]; `BadInput` with the nearest values where one knows no such value.

    A condition on the category takes any category, not only those that are shown one by one.
    """
    masks = [_mask(db, dataset, each, events, visible) for each in conditions]
    return reduce(and_, masks, np.ones(len(events), bool))


def _mask(
    db: sqlite3.Connection, dataset: Dataset, wanted: Condition, events: Events | EvaluatedEvents, visible: np.ndarray
) -> np.ndarray:
    if wanted.slice is Slice.CATEGORY and wanted.value != OTHER_CATEGORIES:
        found = _Categories(db, dataset, events)
        if wanted.value not in found.names:
            raise _unknown(dataset, wanted, found.names)
        return found.mask([wanted.value])
    parts = {part.value: part.mask for part in divide(db, dataset, wanted.slice, events, visible)}
    if wanted.value not in parts:
        raise _unknown(dataset, wanted, list(parts))
    return parts[wanted.value]


def _unknown(dataset: Dataset, wanted: Condition, known: list[str]) -> BadInput:
    return unknown(f"value of {wanted.slice} among the events of {dataset.name}", wanted.value, known)


class _Categories:
    """The targets' categories, most frequent first; a target of several counts in each."""

    def __init__(
        self,
        db: sqlite3.Connection,
        dataset: Dataset,
        events: Events | EvaluatedEvents,
        categories: list[str] | None = None,
    ) -> None:
        own = datasets.categories(db, dataset.id) if categories is None else categories
        targets, self._target_index = np.unique(events.item, return_inverse=True)
        counts = np.bincount(self._target_index, minlength=len(targets))
        self._having: dict[str, list[int]] = {}
        often: Counter[str] = Counter()
        for place, target in enumerate(targets.tolist()):
            for category in dict.fromkeys(own[target].split("|")):
                self._having.setdefault(category, []).append(place)
                often[category] += int(counts[place])
        self._targets = len(targets)
        self.names = sorted(often, key=lambda name: (-often[name], name))

    def mask(self, names: list[str]) -> np.ndarray:
        """The events whose target has one of these, bool [E]."""
        flags = np.zeros(self._targets, bool)
        for name in names:
            flags[self._having[name]] = True
        return flags[self._target_index]


def _most_frequent(categories: _Categories) -> list[Part]:
    """The first of them one by one, and the rest together."""
    shown = [Part(Slice.CATEGORY, name, categories.mask([name])) for name in categories.names[:CATEGORIES_SHOWN]]
    return [*shown, Part(Slice.CATEGORY, OTHER_CATEGORIES, categories.mask(categories.names[CATEGORIES_SHOWN:]))]


def _lengths(name: Slice, lengths: np.ndarray) -> list[Part]:
    parts = [Part(name, str(length), lengths == length) for length in range(1, EXACT_LENGTHS + 1)]
    for low, high in LONGER:
        inside = (lengths >= low) & (lengths <= (high or np.iinfo(np.int32).max))
        parts.append(Part(name, f"{low}-{high}" if high else f"{low}+", inside))
    return parts


def _either(name: Slice, yes: str, no: str, mask: np.ndarray) -> list[Part]:
    return [Part(name, yes, mask), Part(name, no, ~mask)]
