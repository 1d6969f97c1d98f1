"""Whether a dataset gives its targets away by key: a training-free model, once more with lower keys held back."""

from __future__ import annotations

import sqlite3

import numpy as np
import polars as pl
from scipy import sparse

from engine.audit.order import natural_ranks
from engine.audit.order_figures import LOWER_KEY, KeyProbe
from engine.measuring.intervals import paired, slice_means
from engine.measuring.measures import Column, values
from engine.measuring.metrics import measure
from store import datasets
from store.records import Dataset, Events
from store.words import Seen, Split

METRIC = "ndcg@10"
EVENTS = 6_000  # test events, drawn with seed 0
INTERACTIONS = 1_000_000  # of the train part that are counted: enough for a rule, and seconds at most
WINDOW = 5  # how many items further on one still follows another
NEWEST = 10  # items of a history that are asked


def key_probe(db: sqlite3.Connection, dataset: Dataset) -> KeyProbe | None:
    """The probe of a dataset's test events, seen items masked; None where it has no train or no test events."""
    count = datasets.count_events(db, dataset.id, Split.TEST)
    starts, items = datasets.train_sequences(db, dataset.id)
    if not count or not len(items):
        return None
    draw = np.random.default_rng(0)
    sample = np.sort(draw.choice(count, EVENTS, replace=False)) if count > EVENTS else None
    events = datasets.events(db, dataset.id, Split.TEST, sample)
    keys = [item.key for item in datasets.items(db, dataset.id)]
    ranks = natural_ranks(pl.Series(keys))
    follows = _follows(items, starts, dataset.items, draw)
    better, tied = _rank_pairs(events, _scores(events, follows), ranks)
    columns = [Column(measure(METRIC), Seen.MASK, better[arm], tied[arm], dataset.items) for arm in (0, 1)]
    found = values(columns)
    (gain,) = paired(found[:, 1:], found[:, :1], events.user)
    plain, held_back = slice_means(found, events.user, {"": np.ones(len(events), bool)})[""]
    return KeyProbe(
        plain.n, plain.users, plain.mean, plain.low, plain.high, held_back.mean, gain.mean, gain.low, gain.high
    )


def _follows(items: np.ndarray, starts: np.ndarray, size: int, draw: np.random.Generator) -> sparse.csr_matrix:
    """How often an item comes after another of one user, [I, I]: 1 / distance, up to `WINDOW` items further on."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    if len(items) > INTERACTIONS:
        share = INTERACTIONS / len(items)
        kept = (draw.random(len(starts) - 1) < share)[owner]
        items, owner = items[kept], owner[kept]
    total = sparse.csr_matrix((size, size))
    for distance in range(1, WINDOW + 1):
        same = owner[distance:] == owner[:-distance]
        pair = items[:-distance][same], items[distance:][same]
        total = total + sparse.csr_matrix((np.full(len(pair[0]), 1 / distance), pair), shape=(size, size))
    return total


def _scores(events: Events, follows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Scores of candidates, [E, I]: what follows the newest items of a history, the newest counting most."""
    rows, columns, weights = [], [], []
    for row in range(len(events)):
        newest = events.history(row)[-NEWEST:][::-1]
        rows.append(np.full(len(newest), row))
        columns.append(newest)
        weights.append(1 / np.arange(1, len(newest) + 1))
    parts = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return sparse.csr_matrix(parts, shape=(len(events), follows.shape[0])) @ follows


def _rank_pairs(events: Events, scores: sparse.csr_matrix, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """better and tied, int32 [2, E]: plain, and with lower keys held back; items of the history are no candidates."""
    better, tied = np.zeros((2, 2, len(events)), np.int32)
    for row in range(len(events)):
        history, target = np.unique(events.history(row)), events.item[row]
        span = slice(scores.indptr[row], scores.indptr[row + 1])
        items, found = scores.indices[span], scores.data[span]
        free = ~np.isin(items, history)
        items, found = items[free], found[free]
        lower = ranks[items] < ranks[events.history(row)[-1]]
        for arm, score in enumerate((found, np.where(lower, LOWER_KEY * found, found))):
            own = score[items == target]
            if len(own):
                better[arm, row] = int((score > own[0]).sum())
                tied[arm, row] = int((score == own[0]).sum()) - 1
            else:  # all that never followed tie at 0
                better[arm, row] = len(items)
                tied[arm, row] = len(ranks) - len(history) - len(items) - 1
    return better, tied
