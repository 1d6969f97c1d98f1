"""How many pairs of items follow each other more often than chance lets them, before and after shuffling."""

from __future__ import annotations

import sqlite3

import numpy as np

from engine.audit.order_figures import CONFIDENCE, SUPPORT, Rules
from store import datasets
from store.rows import Dataset

SHUFFLES = 5


def sequential_rules(db: sqlite3.Connection, dataset: Dataset) -> Rules:
    """The two-item rules of users' whole sequences, and those that are there once each sequence is shuffled."""
    parts = list(datasets.newest_sequences(db, dataset.id))
    owner = np.repeat(np.arange(len(parts)), [len(items) for _, items in parts])
    items = np.concatenate([np.zeros(0, np.int32), *(items for _, items in parts)]).astype(np.int64)
    shuffled = []
    for seed in range(SHUFFLES):
        order = np.lexsort((np.random.default_rng(seed).random(len(items)), owner))
        shuffled.append(count_rules(items[order], owner))
    return Rules(count_rules(items, owner), tuple(shuffled))


def count_rules(items: np.ndarray, owner: np.ndarray) -> int:
    """Distinct pairs (a, b) with b right after a at least `SUPPORT` times, and after `CONFIDENCE` of all a's.

    items, owner: int64 [N], sequence after sequence, each of one owner. Source: Klenitskiy et al. 2024, section 3
    (whose code asks for strictly more than both thresholds).
    """
    if len(items) < 2:
        return 0
    size = int(items.max()) + 1
    same = owner[1:] == owner[:-1]
    pairs, support = np.unique(items[:-1][same] * size + items[1:][same], return_counts=True)
    times = np.bincount(items, minlength=size)
    return int(((support >= SUPPORT) & (support >= CONFIDENCE * times[pairs // size])).sum())
