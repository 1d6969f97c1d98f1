"""Ways to divide events: each slice is a set of masks over the same rows."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass

import numpy as np

from store import datasets
from store.records import Dataset, Events, Item
from store.words import Slice

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


def slices(
    db: sqlite3.Connection, dataset: Dataset, catalogue: list[Item], events: Events, visible: np.ndarray
) -> list[Part]:
    """Every slice of these events that holds at least one of them; visible int32 [E] is what the model read.

    A target is warm where it occurs in the train part, a user where they did something in it. A target's text is a
    duplicate where another item has the same title.
    """
    warm_items = np.zeros(dataset.items, bool)
    warm_items[datasets.train_interactions(db, dataset.id)[0]] = True
    titles = Counter(item.title for item in catalogue)
    repeated = np.array([titles[item.title] > 1 for item in catalogue])
    warm_users = np.isin(events.user, datasets.train_users(db, dataset.id))
    everything = np.ones(len(events), bool)
    parts = [Part(Slice.ALL, "all", everything), Part(Slice.DOMAIN, dataset.domain, everything)]
    parts += _categories(catalogue, events.item)
    parts += _lengths(Slice.HISTORY_LENGTH, events.length)
    parts += _lengths(Slice.VISIBLE_LENGTH, visible) if visible.any() else []
    parts += _either(Slice.TARGET, "warm", "cold", warm_items[events.item])
    parts += _either(Slice.USER, "warm", "cold", warm_users)
    parts += _either(Slice.DUPLICATE_TEXT, "duplicate", "unique", repeated[events.item])
    return [part for part in parts if part.mask.any()]


def _categories(catalogue: list[Item], targets: np.ndarray) -> list[Part]:
    """By the target's categories, most frequent first; a target of several counts in each."""
    rows: dict[str, list[int]] = {}
    own = [item.category.split("|") for item in catalogue]
    for row, target in enumerate(targets.tolist()):
        for category in own[target]:
            rows.setdefault(category, []).append(row)
    ordered = sorted(rows, key=lambda category: (-len(rows[category]), category))
    parts = [Part(Slice.CATEGORY, name, _mask(rows[name], len(targets))) for name in ordered[:CATEGORIES_SHOWN]]
    rest = [row for name in ordered[CATEGORIES_SHOWN:] for row in rows[name]]
    return [*parts, Part(Slice.CATEGORY, OTHER_CATEGORIES, _mask(rest, len(targets)))]


def _lengths(name: Slice, lengths: np.ndarray) -> list[Part]:
    parts = [Part(name, str(length), lengths == length) for length in range(1, EXACT_LENGTHS + 1)]
    for low, high in LONGER:
        inside = (lengths >= low) & (lengths <= (high or np.iinfo(np.int32).max))
        parts.append(Part(name, f"{low}-{high}" if high else f"{low}+", inside))
    return parts


def _either(name: Slice, yes: str, no: str, mask: np.ndarray) -> list[Part]:
    return [Part(name, yes, mask), Part(name, no, ~mask)]


def _mask(rows: list[int], count: int) -> np.ndarray:
    mask = np.zeros(count, bool)
    mask[rows] = True
    return mask
