"""What a model in training is worth: exact ranks on a fixed sample of valid events, and its loss on valid pairs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.evaluation import BaseEvaluator

from engine.encoding.device import Precision
from engine.encoding.encoder import Encoder
from engine.evaluation import history_starts
from engine.measuring.metrics import measure
from engine.ranking.rank import rank
from engine.ranking.scorers import VectorScorer
from engine.text.sentences import Renderer, Sentence, describe
from engine.training.forward import evaluating
from store import datasets
from store.enums import Split
from store.rows import Dataset

METRICS = ("ndcg@10", "hr@10")


@dataclass(frozen=True)
class ValidationSet:
    """Valid events of one dataset: what to encode, and what to find. Targets and seen items are candidates' places."""

    histories: list[Sentence]
    candidates: list[Sentence]
    targets: np.ndarray
    seen: tuple[np.ndarray, np.ndarray]


def validation_set(
    db: sqlite3.Connection, dataset: Dataset, renderer: Renderer, *, events: int, items: int, seed: int
) -> ValidationSet | None:
    """At most `events` valid events, the same for equal seeds, over the whole catalogue.

    items > 0 ranks among so many of the catalogue and the targets instead: faster, and for choosing between
    checkpoints only. None where the dataset has no valid event.
    """
    count = datasets.count_events(db, dataset.id, Split.VALID)
    if not count or not events:
        return None
    draw = np.random.default_rng(seed)
    sample = np.sort(draw.choice(count, events, replace=False)) if events < count else None
    asked = datasets.events(db, dataset.id, Split.VALID, sample)
    bodies = [describe(item, renderer.template.item_text) for item in datasets.items(db, dataset.id)]
    chosen = np.arange(len(bodies))
    if 0 < items < len(bodies):
        chosen = np.union1d(draw.choice(len(bodies), items, replace=False), asked.item)
    place = np.full(len(bodies), -1, np.int32)
    place[chosen] = np.arange(len(chosen))
    histories = [asked.history(row) for row in range(len(asked))]
    return ValidationSet(
        renderer.histories(bodies, [history.tolist() for history in histories]),
        renderer.texts([bodies[item] for item in chosen]),
        place[asked.item],
        history_starts([place[history] for history in histories]),
    )


class Validation(BaseEvaluator):
    """The trainer's evaluator. With an averaged model beside the last one, it measures both.

    Its answer holds `ndcg@10` and `hr@10` with seen items masked, and `validation loss` where `loss` is set (lower
    is better); those of the averaged model are called `… averaged`, and `chosen` is the better of the two.
    """

    def __init__(
        self,
        validation_sets: Sequence[ValidationSet],
        best_by: str,
        averaged: Any | None,
    ) -> None:
        super().__init__()
        self.primary_metric = "chosen"
        self._sets = validation_sets
        self._key = "validation loss" if best_by == "validation-loss" else METRICS[0]
        self._averaged = averaged
        self.loss: Callable[[Any], float] | None = None
        self.averaged_is_better = False

    @property
    def scope(self) -> str:
        """What the ranks are over, in words."""
        events = sum(len(part.targets) for part in self._sets)
        return f"{events} valid events among {' + '.join(str(len(part.candidates)) for part in self._sets)} items"

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        found = self._measure(model)
        if self._averaged is not None:
            average = self._measure(self._averaged.module)
            found |= {f"{name} averaged": value for name, value in average.items()}
        if self._key in found:
            sign = -1.0 if self._key == "validation loss" else 1.0
            last = sign * found[self._key]
            best = max(last, sign * found.get(f"{self._key} averaged", sign * last))
            self.averaged_is_better = best > last
            found["chosen"] = best
        return found

    def _measure(self, model: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        with evaluating(model):
            if self._sets:
                found |= _ranked(model, self._sets)
            if self.loss is not None:
                with torch.no_grad():
                    found["validation loss"] = self.loss(model)
        return found


def _ranked(model: Any, validation_sets: Sequence[ValidationSet]) -> dict[str, float]:
    encoder = Encoder(model, "the model in training", model.device, Precision.FP32)
    values: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}
    for part in validation_sets:
        scorer = VectorScorer(encoder.encode_all(part.histories), encoder.encode_all(part.candidates))
        ranked = rank(scorer, part.targets, part.seen, top=1, device=str(encoder.device))
        for name in METRICS:
            values[name].append(measure(name)(ranked.better_masked, ranked.tied_masked))
    return {name: float(np.concatenate(parts).mean()) for name, parts in values.items()}
