"""star: what is like the history's items in its text, and what came with them, added (STAR, Lee et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.baselines.item_knn import CoOccurrence
from engine.baselines.recency import ItemVectors, fitted, train_features, whitened_scorer, whitening_of
from engine.baselines.settings import StarSettings
from engine.baselines.stored import trained_baseline
from engine.baselines.trained import Fitted, Fitting
from engine.baselines.validation import METRIC, TrainingData, load_training_data
from engine.encoding.device import choose_device, device_name
from engine.model_settings import from_document
from engine.ranking.sum_scorer import SumScorer
from engine.scoring import Opening, Scored

WEIGHTS = tuple(2.0**power for power in range(-7, 6))  # tried for co-occurrence, beside a cosine


def fit(given: Fitting) -> Fitted:
    """The whitening of the text vectors, and the weight of co-occurrence that is best on valid events."""
    settings = from_document(StarSettings, given.model.recipe["settings"])
    features, known = train_features(given)
    whitening = whitening_of(given, features[known], settings.power, settings.epsilon)
    document = settings.document()
    summary: dict[str, Any] = {"items": len(known)}
    if not settings.weight:
        with given.workspace.read() as db:
            learned = load_training_data(db, given.dataset, settings.validation_events, masked=True)
        found = _tried(given, whitening(features), learned, settings)
        best = max(found, key=lambda weight: (found[weight], -weight))
        document["weight"] = best
        summary |= {METRIC: found[best], "validation": learned.validation.described}
        given.observer.tell("weight", f"{given.dataset.name}: co-occurrence weighs {best:g} beside a cosine.")
    return fitted(given, whitening, document, summary, weight=document["weight"])


class StarScoring:
    """Scores are the cosine of `recency` and the weighted score of `item-knn`."""

    def __init__(self, given: Opening) -> None:
        self._vectors = ItemVectors(given)
        self.items = self._vectors.items
        self.settings = from_document(StarSettings, trained_baseline(given.db, given.model, given.dataset).settings)
        self._together = CoOccurrence.of(given, self.settings)
        self.device_name = f"{device_name(choose_device(given.device))}, fp32"

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories; a text that is no item comes with nothing."""
        text, read = self._vectors.scorer(histories, free_texts, self.settings.text_decay)
        together = self._together.scorer(histories, len(free_texts))
        weights = np.array([1.0, self.settings.weight])
        return Scored(SumScorer((text, together), weights, names=("text", "co-occurrence")), read)


def _tried(given: Fitting, vectors: np.ndarray, learned: TrainingData, settings: StarSettings) -> dict[float, float]:
    """NDCG@10 on the questions, seen items masked, of each weight."""
    validation = learned.validation
    together = CoOccurrence(learned.starts, learned.items, validation.candidates, settings)
    parts = (
        whitened_scorer(validation.histories, vectors, vectors, settings.text_decay, None)[0],
        together.scorer(validation.histories),
    )
    found = {}
    for done, weight in enumerate(WEIGHTS):
        given.observer.progress(f"{given.model.name}: weights on valid events", done, len(WEIGHTS))
        found[weight] = validation.measured(SumScorer(parts, np.array([1.0, weight])))
    return found
