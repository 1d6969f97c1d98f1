"""From a model and histories to a scorer: one class for each kind of model, `scoring` chooses."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engine.encoding.device import choose_device, device_name
from engine.encoding.embedding import Vectors
from engine.encoding.encoder import Encoder
from engine.models import open_encoder, text_model
from engine.progress import Progress, silent
from engine.ranking.scorers import Scorer, VectorScorer
from engine.reading import Reading
from engine.text.sentences import Template, describe
from store import datasets
from store.errors import BadInput
from store.records import Dataset, Item, Model
from store.workspace import Workspace

if TYPE_CHECKING:
    from engine.baselines.network import SequenceNetwork

HISTORIES_AT_ONCE = 20_000  # rendered and encoded together: some 25 MB of text and 30 MB of vectors
RECENT_SHARE = 0.1  # of the train interactions, the newest


@dataclass(frozen=True)
class Scored:
    """A scorer for some histories, and how many items of each its model read (int32 [E])."""

    scorer: Scorer
    visible: np.ndarray


class Scoring(Protocol):
    """One model over one dataset's catalogue; `score` is called with block after block of histories (none empty).

    `device_name` says in words what computes the scores.
    """

    items: list[Item]
    device_name: str

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer whose events are these histories: places among the catalogue's items, and then among the texts.

        `BadInput` where the model knows no words and is asked with texts.
        """
        ...


def scoring(
    workspace: Workspace,
    db: sqlite3.Connection,
    model: Model,
    dataset: Dataset,
    reading: Reading,
    progress: Progress = silent,
    *,
    device: str = "auto",
    precision: str = "auto",
    keep: bool = True,
) -> Scoring:
    """The scoring of a model by its kind.

    reading, precision: of text models (and last-item). keep: store the vectors of what is read; without, the
    connection is only read. `BadInput` where the model was not trained on the dataset.
    """
    if model.kind == "baseline" and model.variant in ("pop", "pop-recent"):
        return CountScoring(db, dataset, recent=model.variant == "pop-recent")
    if model.kind == "baseline" and model.variant == "bm25":
        return TitleScoring(db, dataset)
    if model.kind == "baseline" and model.variant in ("sasrec", "unisrec"):
        return SequenceScoring(workspace, db, model, dataset, progress, device, keep=keep)
    reader = text_model(workspace, model)
    assert reader is not None
    encoder = open_encoder(workspace, reader, device=device, precision=precision)
    kind = LastItemScoring if model.variant == "last-item" else TextScoring
    return kind(db, dataset, encoder, reading.of(reader), progress, keep=keep)


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
        *,
        keep: bool = True,
    ) -> None:
        self.items = datasets.items(db, dataset.id)
        self.device_name = encoder.device_name
        self._renderer = encoder.renderer(template)
        self._bodies = self._described(self.items)
        self._vectors = Vectors(db, encoder, progress, keep=keep)
        self.catalogue = self._vectors.of_items(self._renderer, self._bodies)
        self._longest: float | None = None

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        vectors, kept = self._read(histories, free_texts)
        scorer = VectorScorer(vectors, self.catalogue, longest=self._longest)
        self._longest = scorer.longest
        return Scored(scorer, kept)

    def queries(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        """The vectors that stand for these histories, float32 [E, D]."""
        starts = range(0, len(histories), HISTORIES_AT_ONCE)
        return np.concatenate([self._read(histories[start : start + HISTORIES_AT_ONCE])[0] for start in starts])

    def _read(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
        bodies = [*self._bodies, *self._described(_without_keys(free_texts))] if free_texts else self._bodies
        sentences = self._renderer.histories(bodies, [history.tolist() for history in histories])
        vectors = self._vectors.of(sentences, "encoding histories")
        return vectors, np.array([sentence.kept for sentence in sentences], np.int32)

    def _described(self, items: Sequence[Item]) -> list[str]:
        return [describe(item, self._renderer.template.item_text) for item in items]


class LastItemScoring(TextScoring):
    """The vector of the newest item stands for the history."""

    def _read(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
        vectors = self.catalogue
        if free_texts:
            read = self._vectors.of_items(self._renderer, self._described(_without_keys(free_texts)))
            vectors = np.concatenate([vectors, read])
        return vectors[[int(history[-1]) for history in histories]], np.ones(len(histories), np.int32)


class CountScoring:
    """Scores are counts of the train part, the same for every history (thesis 3.5.1)."""

    device_name = "exact counts"

    def __init__(self, db: sqlite3.Connection, dataset: Dataset, *, recent: bool) -> None:
        self.items = datasets.items(db, dataset.id)
        self._counts = popularity(db, dataset, recent=recent).astype(np.float32)[:, None]

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        queries = np.ones((len(histories), 1), np.float32)
        return Scored(VectorScorer(queries, self._counts), np.zeros(len(histories), np.int32))


class TitleScoring:
    """Scores are BM25 of an item's title for the words of all titles of the history."""

    device_name = "CPU"

    def __init__(self, db: sqlite3.Connection, dataset: Dataset) -> None:
        from engine.baselines.bm25 import Bm25Index  # half a second of imports that other models do without

        self.items = datasets.items(db, dataset.id)
        self._index = Bm25Index([item.title for item in self.items])

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        return Scored(
            self._index.scorer(histories, free_texts), np.array([len(history) for history in histories], np.int32)
        )


class SequenceScoring:
    """A trained sequence model that reads the newest items of a history, those of its window."""

    def __init__(
        self,
        workspace: Workspace,
        db: sqlite3.Connection,
        model: Model,
        dataset: Dataset,
        progress: Progress = silent,
        device: str = "auto",
        *,
        keep: bool = True,
    ) -> None:
        from engine.baselines.features import item_features
        from engine.baselines.stored import trained_baseline
        from engine.baselines.trained import open_network

        self.items = datasets.items(db, dataset.id)
        trained = trained_baseline(db, model, dataset)
        reader = text_model(workspace, model)
        place = choose_device(device)
        self.device_name = f"{device_name(place)}, fp32"
        self._wordless = f"{model.name} reads no text, and {dataset.name} has no item"
        self._open = partial(open_network, workspace, trained, model, len(self.items), device=str(place))
        self._features: np.ndarray | None = None
        if reader is not None:
            encoder = open_encoder(workspace, reader, device=device, precision="fp32")
            self._read_features = partial(item_features, db, encoder, progress=progress, keep=keep)
            self._features = self._read_features(self.items)
        self._network = self._open(features=self._features)

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        network = self._reading(free_texts) if free_texts else self._network
        read = np.array([min(len(history), network.window) for history in histories], np.int32)
        return Scored(VectorScorer(*network.vectors(histories, len(self.items))), read)

    def _reading(self, free_texts: Sequence[str]) -> SequenceNetwork:
        """The network over the catalogue and these texts."""
        if self._features is None:
            raise BadInput(
                f"{self._wordless} «{free_texts[0]}». "
                "Give titles or keys of its items, or ask a model that reads text; `st5 models` lists them."
            )
        return self._open(features=np.concatenate([self._features, self._read_features(_without_keys(free_texts))]))


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
