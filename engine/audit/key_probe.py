"""Whether a dataset gives its targets away by key: item-knn, and once more with lower keys held back."""

from __future__ import annotations

import sqlite3

import numpy as np
import polars as pl
from scipy import sparse

from engine.audit.order import natural_ranks
from engine.audit.order_figures import LOWER_KEY, KeyProbe
from engine.baselines.item_knn import neighbours, newest_first
from engine.baselines.settings import ItemKnnSettings
from engine.measuring.intervals import paired, slice_means
from engine.measuring.measures import MetricColumn, values
from engine.measuring.metrics import measure
from store import datasets
from store.enums import Seen, Split
from store.rows import Dataset, Events

METRIC = "ndcg@10"
EVENTS = 6_000  # test events, drawn with seed 0
INTERACTIONS = 1_000_000  # of the train part that are counted, of users drawn: enough for a rule, and seconds at most
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
    settings = ItemKnnSettings()
    together = neighbours(*_some(starts, items, draw), dataset.items, settings)
    newest = newest_first([events.history(row)[-NEWEST:] for row in range(len(events))], dataset.items, settings.decay)
    better, tied = _rank_pairs(events, newest, together, ranks)
    columns = [MetricColumn(measure(METRIC), Seen.MASK, better[arm], tied[arm], dataset.items) for arm in (0, 1)]
    found = values(columns)
    (gain,) = paired(found[:, 1:], found[:, :1], events.user)
    plain, held_back = slice_means(found, events.user, {"": np.ones(len(events), bool)})[""]
    return KeyProbe(
        plain.n, plain.users, plain.mean, plain.low, plain.high, held_back.mean, gain.mean, gain.low, gain.high
    )


def _some(starts: np.ndarray, items: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The sequences of so many users that `INTERACTIONS` are counted: starts int64 [U + 1] and items int32 [N]."""
    lengths = np.diff(starts)
    kept = draw.random(len(lengths)) < INTERACTIONS / max(len(items), 1)
    return np.concatenate(([0], np.cumsum(lengths[kept]))), items[np.repeat(kept, lengths)]


def _rank_pairs(
    events: Events, newest: sparse.csr_matrix, together: sparse.csr_matrix, ranks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """better and tied, int32 [2, E]: plain, and with lower keys held back; items of the history are no candidates."""
    better, tied = np.zeros((2, 2, len(events)), np.int32)
    for row in range(len(events)):
        history, target = np.unique(events.history(row)), events.item[row]
        scores = newest[row] @ together
        items, found = scores.indices, scores.data
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
