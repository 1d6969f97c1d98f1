"""What the workspace holds, read once: models, datasets, and the evaluation that fills a cell."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from engine.registry import spec_of
from engine.text_format import TextFormat
from store import datasets, evaluations, models
from store.enums import Split
from store.rows import Dataset, Evaluation, Model
from store.trained_baselines import trained_baselines

SAMPLE_SEED = 0  # one sample for all models, so that they are compared on the same events
SHUFFLE_SEEDS = (0, 1, 2, 3, 4)  # orders in which histories are read, to see what a model loses


@dataclass(frozen=True)
class Wanted:
    """What an evaluation has to be of: test events, all (sample 0) or `sample` of them where there are more.

    shuffle: the seed of the order in which histories are read, None for their own.
    """

    model: str
    dataset: str
    text_format: TextFormat
    sample: int
    shuffle: int | None = None


class Stored:
    """Models, datasets and evaluations by name, as they were when this was made."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.models: dict[str, Model] = {model.name: model for model in models.models(db)}
        self.datasets: dict[str, Dataset] = {dataset.name: dataset for dataset in datasets.datasets(db)}
        self._weights: dict[tuple[str, str], str] = {
            (trained.model, trained.dataset): trained.weights_hash for trained in trained_baselines(db)
        }
        self._evaluations: dict[tuple[str, str], list[Evaluation]] = {}
        self._arrangements: dict[int, dict[str, Dataset]] = {}
        for arranged in datasets.arrangements(db):
            self._arrangements.setdefault(arranged.arranged_from or 0, {})[arranged.arrangement] = arranged
        every = [*self.datasets.values(), *(one for own in self._arrangements.values() for one in own.values())]
        self._events = {dataset.name: dataset.events.get(Split.TEST, 0) for dataset in every}
        for evaluation in evaluations.evaluations(db, every=True):
            self._evaluations.setdefault((evaluation.model, evaluation.dataset), []).append(evaluation)

    def evaluation(self, wanted: Wanted) -> Evaluation | None:
        """The newest evaluation that answers the question with the weights that the model has now, or None."""
        for evaluation in reversed(self._evaluations.get((wanted.model, wanted.dataset), [])):
            if evaluation.split is Split.TEST and self._answers(evaluation, wanted):
                return evaluation
        return None

    def arrangements(self, dataset: Dataset) -> dict[str, Dataset]:
        """The dataset with its events of one time in other orders, as far as they are made, by the order in words."""
        return self._arrangements.get(dataset.id, {})

    def is_trained(self, model: str, dataset: str) -> bool:
        """Whether a baseline with weights of its own has them for this dataset."""
        return (model, dataset) in self._weights

    def can_rank(self, model: str, dataset: str) -> bool:
        """Whether a model needs no training to rank a dataset's items."""
        found = self.models.get(model)
        return found is None or not spec_of(found).trained or self.is_trained(model, dataset)

    def trained_on(self, model: str) -> dict[str, str]:
        """Datasets that a text model's phases were trained on, those of its backbone included: fingerprint by name."""
        found: dict[str, str] = {}
        seen: set[str] = set()
        while model in self.models and model not in seen:
            seen.add(model)
            for phase in self.models[model].lineage:
                found |= phase.get("datasets", {})
            model = self.models[model].backbone
        return found

    def events(self, dataset: str) -> int:
        """Test events of a dataset."""
        return int(self._events.get(dataset, 0))

    def _answers(self, evaluation: Evaluation, wanted: Wanted) -> bool:
        rules = evaluation.protocol
        if rules.get("shuffled") != wanted.shuffle:
            return False
        sample = wanted.sample if 0 < wanted.sample < self.events(wanted.dataset) else 0
        if rules.get("sample", 0) != sample or (sample and rules.get("sample_seed") != SAMPLE_SEED):
            return False
        model = self.models[wanted.model]
        read = wanted.text_format.of(model if model.kind == "text" else self.models.get(model.features, model))
        if rules.get("item_text", read.item_text) != read.item_text:
            return False
        if model.kind == "text" and rules.get("history") != read.history:
            return False
        return rules.get("weights", "") in ("", *self._weights_of(model, wanted.dataset))

    def _weights_of(self, model: Model, dataset: str) -> tuple[str, ...]:
        """Hashes of the weights that this model's scores may come from: its own, or those of what it reads."""
        reads = self.models.get(model.features)
        return (
            model.weights_hash,
            *([reads.weights_hash] if reads else []),
            *([self._weights[model.name, dataset]] if self.is_trained(model.name, dataset) else []),
        )
