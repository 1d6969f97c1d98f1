"""fusion: the scores of several models added, each over its own spread among a history's candidates."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.audit.leakage import refuse_leakage
from engine.baselines.settings import FusionSettings
from engine.baselines.stored import read_weights, trained_baseline
from engine.baselines.trained import Fitted, Fitting, train_baseline
from engine.baselines.validation import METRIC, ValidationSet, load_training_data
from engine.evaluation import history_starts
from engine.measuring.metrics import measure
from engine.model_settings import from_document, numbers
from engine.ranking.moments import Moments
from engine.ranking.rank import rank
from engine.ranking.scan import compiled
from engine.ranking.scorers import Scorer
from engine.ranking.shared_scores import SharedScorer
from engine.ranking.sum_scorer import SumScorer
from engine.registry import spec_of
from engine.scoring import Opening, Scored, Scoring, scoring
from engine.text_format import TextFormat
from store import datasets
from store import models as stored_models
from store.arrays import content_hash
from store.enums import Split
from store.errors import BadInput
from store.rows import Dataset, Model
from store.workspace import Workspace

LEAST_EVENTS = 100  # valid events; weights chosen on fewer would be chance
TRIED = (0.0, *(2.0 ** (power / 2) for power in range(-8, 9)))  # weights of one part beside the others' 1
ROUNDS = 5  # of a search, at most: each tries every part
POOL = 100  # of the best items of each part, among which weights are tried


def fit(given: Fitting) -> Fitted:
    """The weight of each part: as said, or the best on valid events, or 1 where there are too few of them."""
    settings = from_document(FusionSettings, given.model.recipe["settings"])
    names = list(given.model.recipe["parts"])
    weights, summary = np.ones(len(names)), dict[str, Any]()
    if spec_of(given.model).made_of:
        with given.workspace.read() as db:
            missing = [part for part in _parts(db, given.model) if spec_of(part).trained]
        for part in missing:
            train_baseline(given.workspace, part, given.dataset.name, given.observer, device=given.device)
    with given.workspace.write() as db:
        parts = _parts(db, given.model)
        contents = [_content(given.workspace, part, given.dataset) for part in parts]
        for part in parts:
            for split in (Split.VALID, Split.TEST):
                refuse_leakage(db, part, given.dataset, split)
        count = datasets.count_events(db, given.dataset.id, Split.VALID)
        if settings.weights:
            weights = np.array(numbers(settings.weights))
        elif count < LEAST_EVENTS:
            given.observer.tell(
                "weight",
                f"{given.dataset.name} has {count} valid events, too few to choose weights on ({LEAST_EVENTS} are "
                "needed): all parts weigh the same.",
            )
        else:
            validation = load_training_data(db, given.dataset, settings.validation_events, masked=True).validation
            opened = [
                scoring(
                    given.workspace, db, part, given.dataset, TextFormat(), given.observer.progress,
                    device=given.device, precision="fp32",
                )
                for part in parts
            ]  # fmt: skip
            weights, summary = _chosen(given, names, opened, validation)
        device = "; ".join(dict.fromkeys(part.device_name for part in opened)) if summary else "exact counts"
    said = {name: round(float(weight), 6) for name, weight in zip(names, weights, strict=True)}
    if summary:
        best = max(names, key=lambda name: summary["alone"][name])
        given.observer.tell(
            "weight",
            f"{given.dataset.name}: {', '.join(f'{name} {weight:g}' for name, weight in said.items())}; "
            f"{METRIC.upper()} on valid {summary[METRIC]:.4f}, of the best part alone ({best}) "
            f"{summary['alone'][best]:.4f}.",
        )
    tensors = {"weights": weights}
    return Fitted(
        write=lambda path: save_file(tensors, str(path)),
        weights_hash=_hash(weights, contents),
        settings=settings.document() | {"weights": ",".join(f"{weight:g}" for weight in weights)},
        summary=summary | {"parts": said},
        device=device,
    )


class FusionScoring:
    """Scores are Σ weight · (a part's score − its mean) / its standard deviation, both over a history's candidates."""

    def __init__(self, given: Opening) -> None:
        trained = trained_baseline(given.db, given.model, given.dataset)
        parts = _parts(given.db, given.model)
        contents = [_content(given.workspace, part, given.dataset) for part in parts]
        weights = read_weights(given.workspace, given.model, trained, _read, lambda weights: _hash(weights, contents))
        self.items = given.items()
        self._moments = Moments()
        self._parts: dict[str, Scoring] = {
            part.name: scoring(
                given.workspace, given.db, part, given.dataset, TextFormat(), given.progress,
                device=given.device, precision="fp32", keep=given.keep,
            )
            for part, weight in zip(parts, weights, strict=True)
            if weight
        }  # fmt: skip
        self._weights = weights[weights > 0]
        self.device_name = "; ".join(dict.fromkeys(part.device_name for part in self._parts.values()))

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories; `BadInput` for texts that are no items where a part reads no text."""
        scored = [part.score(histories, free_texts) for part in self._parts.values()]
        scorer = standardised([one.scorer for one in scored], self._weights, self._moments, tuple(self._parts))
        return Scored(scorer, np.max([one.visible for one in scored], axis=0))


def standardised(parts: Sequence[Scorer], weights: np.ndarray, moments: Moments, names: Sequence[str]) -> SumScorer:
    """The weighted sum of the parts' scores, each less its mean and over its deviation among all candidates.

    A part that scores all candidates alike says nothing. What is the same for every history is a count, of which few
    are large: its logarithm is added. Measured on valid, five parts: 0.0607 instead of 0.0571 on books_2014, 0.1092
    instead of 0.1075 on industrial_scientific_2018.
    """
    parts = [_logarithm(part) if isinstance(part, SharedScorer) else part for part in parts]
    found = [moments(part) for part in parts]
    means, deviations = np.stack([mean for mean, _ in found], 1), np.stack([deviation for _, deviation in found], 1)
    scales = np.divide(weights, deviations, out=np.zeros_like(deviations), where=deviations > 0)
    return SumScorer(parts, scales, -scales * means, names)


def _logarithm(shared: SharedScorer) -> SharedScorer:
    return SharedScorer(shared.events, np.log1p(shared.scores - shared.scores.min()))


def _chosen(
    given: Fitting, names: list[str], opened: list[Scoring], validation: ValidationSet
) -> tuple[np.ndarray, dict[str, Any]]:
    """The weights that are best on the questions, seen items masked, and what came of them."""
    moments, seen = Moments(), history_starts(validation.histories)
    scorers = [part.score(validation.histories).scorer for part in opened]
    best_of = []
    alone = {}
    for number, (name, scorer) in enumerate(zip(names, scorers, strict=True)):
        given.observer.progress(f"{given.model.name}: ranking valid events by {name}", number, len(names) + 1)
        ranked = rank(scorer, validation.targets, seen, top=min(POOL, validation.candidates))
        alone[name] = float(measure(METRIC)(ranked.better_masked, ranked.tied_masked).mean())
        best_of.append(ranked.top_items_masked)
    rows, ids = _pool(best_of, validation.targets)
    whole = standardised(scorers, np.ones(len(names)), moments, names)
    value = _pooled(whole.shares(rows, ids), rows, ids, validation.targets)
    best = int(np.argmax(list(alone.values())))
    starts = np.ones(len(names)), np.eye(len(names))[best]
    weights = max((search(value, start) for start in starts), key=lambda found: found[1])[0]
    weights /= weights.max()
    given.observer.progress(f"{given.model.name}: ranking valid events", len(names), len(names) + 1)
    reached = validation.measured(standardised(scorers, weights, moments, names))
    return weights, {METRIC: reached, "validation": validation.described, "alone": alone}


def search(value: Callable[[np.ndarray], float], start: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinate search: each weight in turn becomes the tried one that is best beside the others, until none moves.

    value: what is to be large. Where several are equally good the weight of before stays, or the least wins.
    """
    weights, best = start.astype(np.float64), value(start)
    for _ in range(ROUNDS):
        before = best
        for number in range(len(weights)):
            for tried in TRIED:
                other = weights.copy()
                other[number] = tried
                if other.any() and (found := value(other)) > best:
                    weights, best = other, found
        if best == before:
            break
    return weights, best


def _pool(best_of: Sequence[np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of an event and an item that some part has among its best, or that is the target: int64 [N], int32 [N]."""
    columns = np.concatenate([*best_of, targets[:, None]], axis=1).astype(np.int64)
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])[columns.ravel() >= 0]  # fewer candidates than places
    width = int(columns.max()) + 1
    pairs = np.unique(rows * width + columns[columns >= 0])
    return pairs // width, (pairs % width).astype(np.int32)


def _pooled(
    shares: np.ndarray, rows: np.ndarray, ids: np.ndarray, targets: np.ndarray
) -> Callable[[np.ndarray], float]:
    """The metric of weights among the pooled items; shares [N, K] are those of weight 1, rows ascending."""
    own = np.flatnonzero(ids == targets[rows])  # one of each event
    starts = np.searchsorted(rows, np.arange(len(targets) + 1))

    def value(weights: np.ndarray) -> float:
        better, tied = np.zeros(len(targets), np.int32), np.zeros(len(targets), np.int32)
        count_above(shares, weights, starts, own, better, tied)
        return float(measure(METRIC)(better, tied).mean())

    return value


@compiled
def count_above(
    shares: np.ndarray, weights: np.ndarray, starts: np.ndarray, own: np.ndarray, better: np.ndarray, tied: np.ndarray
) -> None:
    """Of each event, how many rows starts[e] … of shares [N, K] are above row own[e] when weighed, and beside it."""
    for event in range(len(own)):
        score = 0.0
        for part in range(shares.shape[1]):
            score += shares[own[event], part] * weights[part]
        target = np.float32(score)
        for row in range(starts[event], starts[event + 1]):
            total = 0.0
            for part in range(shares.shape[1]):
                total += shares[row, part] * weights[part]
            if row == own[event]:
                continue
            if np.float32(total) > target:
                better[event] += 1
            elif np.float32(total) == target:
                tied[event] += 1


def _parts(db: sqlite3.Connection, model: Model) -> list[Model]:
    """The models that a fusion was made of; `BadInput` where one is not what it was."""
    found = []
    for name, content in model.recipe["parts"].items():
        part = stored_models.find_model(db, name)
        if part is None or part.weights_hash != content:
            raise BadInput(
                f"{model.name} was made of {name}, which {'is gone' if part is None else 'was made anew since'}. Make "
                f"another one: `st5 baseline fusion --parts {','.join(model.recipe['parts'])} --datasets … --name …`."
            )
        found.append(part)
    return found


def _content(workspace: Workspace, part: Model, dataset: Dataset) -> str:
    """What stands for a part's weights on a dataset; `BadInput` with the command where it was not trained there."""
    if not spec_of(part).trained:
        return part.weights_hash
    with workspace.read() as db:
        return trained_baseline(db, part, dataset).weights_hash


def _hash(weights: np.ndarray, contents: Sequence[str]) -> str:
    return content_hash(np.ascontiguousarray(weights, np.float64).tobytes(), *contents)


def _read(path: Path) -> np.ndarray:
    weights: np.ndarray = load_file(str(path))["weights"]
    return weights
