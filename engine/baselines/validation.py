"""What a model in training is measured by: exact ranks among the full catalogue."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from engine.baselines.network import SequenceNetwork
from engine.measuring.metrics import measure
from engine.ranking.rank import rank
from engine.ranking.scorers import Scorer, VectorScorer
from store import datasets
from store.enums import Split
from store.errors import BadInput
from store.rows import Dataset

METRIC = "ndcg@10"


@dataclass(frozen=True)
class ValidationSet:
    """Histories with the item that came next; scope: what they are, in words.

    masked: leave the items of a history out of its candidates.
    """

    histories: list[np.ndarray]
    targets: np.ndarray
    candidates: int
    scope: str
    masked: bool = False

    @property
    def rule(self) -> str:
        """Which items are candidates, in words."""
        return f"seen items {'masked' if self.masked else 'kept'}"

    @property
    def described(self) -> str:
        """What is asked, in words; that seen items are kept goes without saying."""
        return f"{self.scope}, {self.rule}" if self.masked else self.scope

    def ask(self, network: SequenceNetwork, device: str) -> float:
        """The mean NDCG@10 of a network over the questions."""
        return self.measured(VectorScorer(*network.vectors(self.histories, self.candidates)), device)

    def measured(self, scorer: Scorer, device: str = "cpu") -> float:
        """The mean NDCG@10 of scores over the questions."""
        lengths = [len(history) if self.masked else 0 for history in self.histories]
        starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        items = np.concatenate(self.histories) if self.masked else np.zeros(0, np.int32)
        ranked = rank(scorer, self.targets, (starts, items), top=1, device=device)
        pairs = (ranked.better_masked, ranked.tied_masked) if self.masked else (ranked.better, ranked.tied)
        return float(measure(METRIC)(*pairs).mean())


@dataclass(frozen=True)
class TrainingData:
    """What to train on (users' sequences: starts int64 [U + 1], items int32 [N]) and what to measure by."""

    starts: np.ndarray
    items: np.ndarray
    validation: ValidationSet


def load_training_data(db: sqlite3.Connection, dataset: Dataset, events: int, *, masked: bool = False) -> TrainingData:
    """A dataset's train part, and at most `events` of its valid events, the same at each call.

    masked: as of `ValidationSet`.
    Where it has none, the newest train item of each user with three or more becomes a question and is not trained
    on. `BadInput` where nothing is left to train on or to ask.
    """
    starts, items = datasets.train_sequences(db, dataset.id)
    count = datasets.count_events(db, dataset.id, Split.VALID)
    if count:
        asked = datasets.events(db, dataset.id, Split.VALID, _sample(count, events))
        histories, targets = [asked.history(row) for row in range(len(asked))], asked.item
        scope = f"{len(asked)} valid events" + (f" of {count}" if len(asked) < count else "")
    else:
        held = np.flatnonzero(np.diff(starts) >= 3)
        chosen = held if len(held) <= events else held[_sample(len(held), events)]
        histories = [items[starts[user] : starts[user + 1] - 1] for user in chosen]
        targets = items[starts[chosen + 1] - 1]
        kept = np.ones(len(items), bool)
        kept[starts[held + 1] - 1] = False
        items, starts = items[kept], np.concatenate(([0], np.cumsum(np.add.reduceat(kept, starts[:-1]))))
        scope = f"the newest train item of {len(chosen)} users: there are no valid events"
    if not len(targets) or not (np.diff(starts) > 1).any():
        raise BadInput(
            f"{dataset.name} has too little to train on: a user with two train items is needed, and a valid event or "
            "a user with three train items to choose the best epoch by. Ingest it with other split boundaries."
        )
    return TrainingData(starts, items, ValidationSet(histories, targets.astype(np.int32), dataset.items, scope, masked))


def _sample(count: int, wanted: int) -> np.ndarray | None:
    if wanted >= count:
        return None
    return np.sort(np.random.default_rng(0).choice(count, wanted, replace=False))
