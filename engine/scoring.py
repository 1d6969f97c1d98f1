"""From a model and histories to a scorer: which vectors, counts or texts answer for which model."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.encoding.embedding import embed, embed_items
from engine.encoding.encoder import Encoder
from engine.progress import Progress, silent
from engine.ranking.scorers import Scorer, VectorScorer
from engine.text.sentences import Template, describe
from store import datasets, embeddings
from store.records import Dataset, Item, Model

HISTORIES_AT_ONCE = 20_000  # rendered and encoded together: some 25 MB of text and 30 MB of vectors
RECENT_SHARE = 0.1  # of the train interactions, the newest


@dataclass(frozen=True)
class Scored:
    """A scorer for some histories, and how many items of each its model read (int32 [E])."""

    scorer: Scorer
    visible: np.ndarray


class Scoring:
    """One model over one dataset's catalogue; `score` is called with block after block of histories.

    A history is a list of places in `bodies`: the catalogue's items first, in their order, then any free texts.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        model: Model,
        dataset: Dataset,
        encoder: Encoder | None,
        template: Template,
        progress: Progress = silent,
        free_texts: Sequence[str] = (),
    ) -> None:
        self._db = db
        self._model = model
        self._encoder = encoder
        self._progress = progress
        self.items = datasets.items(db, dataset.id)
        if encoder is None:
            counts = popularity(db, dataset, recent=model.variant == "pop-recent")
            self.catalogue = counts.astype(np.float32)[:, None]
            return
        self._renderer = encoder.renderer(template)
        extra = [Item(-1, "", text, "", "") for text in free_texts]
        self._bodies = [describe(item, template.item_text) for item in [*self.items, *extra]]
        keys = embed_items(db, encoder, self._renderer, self._bodies, progress)
        vectors = embeddings.VectorIndex(db, encoder.name).read(keys)
        self.catalogue = vectors[: len(self.items)]
        self._item_vectors = vectors

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        """A scorer whose events are these histories (none empty)."""
        return Scored(*self._queries(histories))

    def queries(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        """The vectors that stand for these histories, float32 [E, D]."""
        parts = [
            self._history_vectors(histories[start : start + HISTORIES_AT_ONCE])[0]
            for start in range(0, len(histories), HISTORIES_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _queries(self, histories: Sequence[np.ndarray]) -> tuple[Scorer, np.ndarray]:
        if self._encoder is None:
            queries = np.ones((len(histories), 1), np.float32)
            return VectorScorer(queries, self.catalogue), np.zeros(len(histories), np.int32)
        if self._model.variant == "last-item":
            newest = self._item_vectors[[int(history[-1]) for history in histories]]
            return VectorScorer(newest, self.catalogue), np.ones(len(histories), np.int32)
        vectors, kept = self._history_vectors(histories)
        return VectorScorer(vectors, self.catalogue), kept

    def _history_vectors(self, histories: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        assert self._encoder is not None
        sentences = self._renderer.histories(self._bodies, [history.tolist() for history in histories])
        keys = embed(self._db, self._encoder, sentences, self._progress, "encoding histories")
        vectors = embeddings.VectorIndex(self._db, self._encoder.name).read(keys)
        return vectors, np.array([sentence.kept for sentence in sentences], np.int32)


def popularity(db: sqlite3.Connection, dataset: Dataset, *, recent: bool) -> np.ndarray:
    """How often each item occurs in the train part, int64 [I]; with `recent`, in its newest tenth by time.

    Where a dataset has only an order, each user's newest train interaction counts as recent.
    """
    items, times, newest = datasets.train_interactions(db, dataset.id)
    if recent and len(items):
        chosen = times >= np.quantile(times, 1 - RECENT_SHARE, method="higher") if dataset.timed else newest
        items = items[chosen]
    return np.bincount(items, minlength=dataset.items)
