"""From a model and histories to a scorer: one class for each kind of model, `scoring` chooses."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.baselines.bm25 import Bm25Index
from engine.baselines.features import item_features
from engine.baselines.stored import trained_baseline
from engine.baselines.trained import open_network
from engine.encoding.device import choose_device, device_name
from engine.encoding.embedding import embed, embed_items
from engine.encoding.encoder import Encoder
from engine.models import open_encoder, text_model
from engine.progress import Progress, silent
from engine.ranking.scorers import Scorer, VectorScorer
from engine.reading import Reading
from engine.text.sentences import Template, describe
from store import datasets, embeddings
from store.errors import BadInput
from store.records import Dataset, Item, Model
from store.workspace import Workspace

HISTORIES_AT_ONCE = 20_000  # rendered and encoded together: some 25 MB of text and 30 MB of vectors
RECENT_SHARE = 0.1  # of the train interactions, the newest


@dataclass(frozen=True)
class Scored:
    """A scorer for some histories, and how many items of each its model read (int32 [E])."""

    scorer: Scorer
    visible: np.ndarray


class Scoring(Protocol):
    """One model over one dataset's catalogue; `score` is called with block after block of histories (none empty).

    A history is a list of places: the catalogue's items first, in their order, then any free texts that the scoring
    was made with. `device_name` says in words what computes the scores.
    """

    items: list[Item]
    device_name: str

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        """A scorer whose events are these histories."""
        ...


def scoring(
    workspace: Workspace,
    db: sqlite3.Connection,
    model: Model,
    dataset: Dataset,
    reading: Reading,
    progress: Progress = silent,
    *,
    free_texts: Sequence[str] = (),
    device: str = "auto",
    precision: str = "auto",
) -> Scoring:
    """The scoring of a model by its kind.

    reading, precision: of text models (and last-item). `BadInput` where the model was not trained on the dataset, or
    knows no words and is asked with free texts.
    """
    if model.kind == "baseline" and model.variant in ("pop", "pop-recent"):
        return CountScoring(db, dataset, recent=model.variant == "pop-recent")
    if model.kind == "baseline" and model.variant == "bm25":
        return TitleScoring(db, dataset, free_texts)
    if model.kind == "baseline" and model.variant in ("sasrec", "unisrec"):
        return SequenceScoring(workspace, db, model, dataset, progress, free_texts, device)
    reader = text_model(workspace, model)
    assert reader is not None
    encoder = open_encoder(workspace, reader, device=device, precision=precision)
    kind = LastItemScoring if model.variant == "last-item" else TextScoring
    return kind(db, dataset, encoder, reading.of(reader), progress, free_texts)


class TextScoring:
    """Histories and items are sentences; scores are cosines of their vectors (thesis 4.2).

    catalogue: the items' vectors, float32 [I, D].
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        dataset: Dataset,
        encoder: Encoder,
        template: Template,
        progress: Progress = silent,
        free_texts: Sequence[str] = (),
    ) -> None:
        self._db, self._encoder, self._progress = db, encoder, progress
        self.items = datasets.items(db, dataset.id)
        self.device_name = encoder.device_name
        self._renderer = encoder.renderer(template)
        self._bodies = [describe(item, template.item_text) for item in [*self.items, *_without_keys(free_texts)]]
        keys = embed_items(db, encoder, self._renderer, self._bodies, progress)
        self._vectors = embeddings.VectorIndex(db, encoder.name).read(keys)
        self.catalogue = self._vectors[: len(self.items)]

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        vectors, kept = self._read(histories)
        return Scored(VectorScorer(vectors, self.catalogue), kept)

    def queries(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        """The vectors that stand for these histories, float32 [E, D]."""
        starts = range(0, len(histories), HISTORIES_AT_ONCE)
        return np.concatenate([self._read(histories[start : start + HISTORIES_AT_ONCE])[0] for start in starts])

    def _read(self, histories: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        sentences = self._renderer.histories(self._bodies, [history.tolist() for history in histories])
        keys = embed(self._db, self._encoder, sentences, self._progress, "encoding histories")
        vectors = embeddings.VectorIndex(self._db, self._encoder.name).read(keys)
        return vectors, np.array([sentence.kept for sentence in sentences], np.int32)


class LastItemScoring(TextScoring):
    """The vector of the newest item stands for the history."""

    def _read(self, histories: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return self._vectors[[int(history[-1]) for history in histories]], np.ones(len(histories), np.int32)


class CountScoring:
    """Scores are counts of the train part, the same for every history (thesis 3.5.1)."""

    device_name = "exact counts"

    def __init__(self, db: sqlite3.Connection, dataset: Dataset, *, recent: bool) -> None:
        self.items = datasets.items(db, dataset.id)
        self._counts = popularity(db, dataset, recent=recent).astype(np.float32)[:, None]

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        queries = np.ones((len(histories), 1), np.float32)
        return Scored(VectorScorer(queries, self._counts), np.zeros(len(histories), np.int32))


class TitleScoring:
    """Scores are BM25 of an item's title for the words of all titles of the history."""

    device_name = "CPU"

    def __init__(self, db: sqlite3.Connection, dataset: Dataset, free_texts: Sequence[str] = ()) -> None:
        self.items = datasets.items(db, dataset.id)
        self._index = Bm25Index([item.title for item in self.items], free_texts)

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        return Scored(self._index.scorer(histories), np.array([len(history) for history in histories], np.int32))


class SequenceScoring:
    """A trained sequence model that reads the newest items of a history, those of its window."""

    def __init__(
        self,
        workspace: Workspace,
        db: sqlite3.Connection,
        model: Model,
        dataset: Dataset,
        progress: Progress = silent,
        free_texts: Sequence[str] = (),
        device: str = "auto",
    ) -> None:
        self.items = datasets.items(db, dataset.id)
        trained = trained_baseline(db, model, dataset)
        reader = text_model(workspace, model)
        features = None
        if reader is not None:
            encoder = open_encoder(workspace, reader, device=device, precision="fp32")
            features = item_features(db, encoder, [*self.items, *_without_keys(free_texts)], progress)
        elif free_texts:
            raise BadInput(
                f"{model.name} reads no text, and {dataset.name} has no item «{free_texts[0]}». "
                "Give titles or keys of its items, or ask a model that reads text; `st5 models` lists them."
            )
        place = choose_device(device)
        self.device_name = f"{device_name(place)}, fp32"
        self._network = open_network(workspace, trained, model, len(self.items), features, str(place))

    def score(self, histories: Sequence[np.ndarray]) -> Scored:
        read = np.array([min(len(history), self._network.window) for history in histories], np.int32)
        return Scored(VectorScorer(*self._network.vectors(histories, len(self.items))), read)


def popularity(db: sqlite3.Connection, dataset: Dataset, *, recent: bool) -> np.ndarray:
    """How often each item occurs in the train part, int64 [I]; with `recent`, in its newest tenth by time.

    Where a dataset has only an order, each user's newest train interaction counts as recent.
    """
    items, times, newest = datasets.train_interactions(db, dataset.id)
    if recent and len(items):
        chosen = times >= np.quantile(times, 1 - RECENT_SHARE, method="higher") if dataset.timed else newest
        items = items[chosen]
    return np.bincount(items, minlength=dataset.items)


def _without_keys(texts: Sequence[str]) -> list[Item]:
    """Texts as items that no catalogue has."""
    return [Item(-1, "", text, "", "") for text in texts]
