"""From a model and histories to a scorer; the registry says how for each kind of model."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from engine.encoding.embedding import Vectors
from engine.encoding.encoder import Encoder
from engine.model_settings import Settings, from_document
from engine.models import open_encoder, text_model
from engine.progress import Progress, silent
from engine.ranking.scorers import Scorer, VectorScorer
from engine.ranking.shared_scores import SharedScorer
from engine.registry import load, spec_of
from engine.text.sentences import Template, describe
from engine.text_format import TextFormat
from store import datasets
from store.errors import BadInput
from store.rows import Dataset, Item, Model
from store.workspace import Workspace

HISTORIES_AT_ONCE = 20_000  # rendered and encoded together: some 25 MB of text and 30 MB of vectors
RECENT_SHARE = 0.1  # of the train interactions, the newest
S = TypeVar("S", bound=Settings)


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


@dataclass(frozen=True)
class Opening:
    """A model that is to score one dataset's catalogue.

    text_format: what of models that read sentences; precision: of text models, `auto` or a name. keep: store the
    vectors of what is read; without, the connection is only read.
    """

    workspace: Workspace
    db: sqlite3.Connection
    model: Model
    dataset: Dataset
    text_format: TextFormat = field(default_factory=TextFormat)
    progress: Progress = silent
    device: str = "auto"
    precision: str = "auto"
    keep: bool = True

    def items(self) -> list[Item]:
        """The catalogue; an item's place in it is its id."""
        return datasets.items(self.db, self.dataset.id)

    def settings(self, kind: type[S]) -> S:
        """The settings that the model was made with."""
        return from_document(kind, self.model.recipe["settings"])

    def encoder(self, precision: str = "") -> Encoder:
        """The text model whose vectors this model needs, ready to encode."""
        reader = text_model(self.workspace, self.model)
        assert reader is not None
        return open_encoder(self.workspace, reader, device=self.device, precision=precision or self.precision)

    def template(self) -> Template:
        """How sentences are written for that text model."""
        reader = text_model(self.workspace, self.model)
        assert reader is not None
        return self.text_format.of(reader)


def scoring(
    workspace: Workspace,
    db: sqlite3.Connection,
    model: Model,
    dataset: Dataset,
    text_format: TextFormat,
    progress: Progress = silent,
    *,
    device: str = "auto",
    precision: str = "auto",
    keep: bool = True,
) -> Scoring:
    """The scoring of a model as its kind has it; arguments as of `Opening`.

    `BadInput` where the model was not trained on the dataset.
    """
    given = Opening(workspace, db, model, dataset, text_format, progress, device, precision, keep)
    return load(spec_of(model).scoring)(given)


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
        bodies = [*self._bodies, *self._described(without_keys(free_texts))] if free_texts else self._bodies
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
            read = self._vectors.of_items(self._renderer, self._described(without_keys(free_texts)))
            vectors = np.concatenate([vectors, read])
        return vectors[[int(history[-1]) for history in histories]], np.ones(len(histories), np.int32)


class CountScoring:
    """Scores are counts of the train part, the same for every history (thesis 3.5.1)."""

    device_name = "exact counts"

    def __init__(self, given: Opening, *, recent: bool) -> None:
        self.items = given.items()
        self._counts = popularity(given.db, given.dataset, recent=recent).astype(np.float32)

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        return Scored(SharedScorer(len(histories), self._counts), np.zeros(len(histories), np.int32))


def text(given: Opening) -> Scoring:
    """Of text models."""
    return TextScoring(given.db, given.dataset, given.encoder(), given.template(), given.progress, keep=given.keep)


def last_item(given: Opening) -> Scoring:
    """Of `last-item`."""
    return LastItemScoring(given.db, given.dataset, given.encoder(), given.template(), given.progress, keep=given.keep)


def popular(given: Opening) -> Scoring:
    """Of `pop`."""
    return CountScoring(given, recent=False)


def recently_popular(given: Opening) -> Scoring:
    """Of `pop-recent`."""
    return CountScoring(given, recent=True)


def popularity(db: sqlite3.Connection, dataset: Dataset, *, recent: bool) -> np.ndarray:
    """How often each item occurs in the train part, int64 [I]; with `recent`, in its newest tenth by time.

    Where a dataset has only an order, each user's newest train interaction counts as recent.
    """
    items, times, newest = datasets.train_interactions(db, dataset.id)
    if recent and len(items):
        chosen = times >= np.quantile(times, 1 - RECENT_SHARE, method="higher") if dataset.timed else newest
        items = items[chosen]
    return np.bincount(items, minlength=dataset.items)


def wordless(model: Model, dataset: Dataset, text: str) -> BadInput:
    """What to say of a text that is no item to a model that reads no words."""
    return BadInput(
        f"{model.name} reads no text, and {dataset.name} has no item «{text}». "
        "Give titles or keys of its items, or ask a model that reads text; `st5 models` lists them."
    )


def without_keys(texts: Sequence[str]) -> list[Item]:
    """Texts as items that no catalogue has."""
    return [Item(-1, "", text, "", "") for text in texts]
