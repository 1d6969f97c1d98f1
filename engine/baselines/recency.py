"""recency: a history is the mean of its items' whitened text vectors, the newest weighing most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from engine.baselines.features import item_features
from engine.baselines.item_knn import newest_first
from engine.baselines.settings import RecencySettings
from engine.baselines.stored import read_weights, trained_baseline
from engine.baselines.trained import Fitted, Fitting, tell_shrunk
from engine.baselines.whitening import Whitening, fit_whitening, unit
from engine.encoding.device import choose_device, device_name
from engine.model_settings import from_document
from engine.models import open_encoder, text_model
from engine.ranking.scorers import VectorScorer
from engine.scoring import Opening, Scored, without_keys
from store import datasets
from store.arrays import content_hash
from store.errors import BadInput


def fit(given: Fitting) -> Fitted:
    """The whitening of the text vectors of the train part's items."""
    settings = from_document(RecencySettings, given.model.recipe["settings"])
    features, known = train_features(given)
    whitening = whitening_of(given, features[known], settings.power, settings.epsilon)
    return fitted(given, whitening, settings.document(), {"items": len(known)})


def train_features(given: Fitting) -> tuple[np.ndarray, np.ndarray]:
    """The text vectors of all items, float32 [I, D], and which items the train part has; `BadInput` if it has none."""
    reader = text_model(given.workspace, given.model)
    assert reader is not None
    encoder = open_encoder(given.workspace, reader, device=given.device, precision="fp32")
    with given.workspace.write() as db:
        _, items = datasets.train_sequences(db, given.dataset.id)
        if not len(items):
            raise BadInput(
                f"{given.dataset.name} has no train items, so nothing can be learned from it. "
                "Ingest it with other split boundaries."
            )
        features = item_features(db, encoder, datasets.items(db, given.dataset.id), given.observer.progress)
    return features, np.unique(items)


def whitening_of(given: Fitting, vectors: np.ndarray, power: float, epsilon: float) -> Whitening:
    """The whitening of these vectors; says where there are too few for their dimensions."""
    given.observer.progress(f"{given.model.name}: whitening", 0, 0)
    whitening, shrunk = fit_whitening(vectors, power, epsilon)
    tell_shrunk(given, len(vectors), vectors.shape[1], shrunk)
    return whitening


def fitted(
    given: Fitting,
    whitening: Whitening,
    settings: dict[str, Any],
    summary: dict[str, Any],
    *,
    weight: float | None = None,
) -> Fitted:
    """A whitening as the weights of a model, and what else of it was found rather than said."""
    tensors = {"matrix": whitening.matrix, "mean": whitening.mean}
    if weight is not None:
        tensors |= {"weight": np.array([weight])}
    return Fitted(
        write=partial(_save, tensors),
        weights_hash=_hash(tensors),
        settings=settings,
        summary=summary,
        device=f"{device_name(choose_device(given.device))}, fp32",
    )


class ItemVectors:
    """The whitened text vectors of a catalogue, and of texts that it does not have."""

    def __init__(self, given: Opening) -> None:
        self.items = given.items()
        self._whitening = stored_whitening(given)
        self._read = partial(item_features, given.db, given.encoder("fp32"), progress=given.progress, keep=given.keep)
        self.catalogue = self._whitening(self._read(self.items))
        self._longest: float | None = None

    def scorer(
        self, histories: Sequence[np.ndarray], free_texts: Sequence[str], decay: float
    ) -> tuple[VectorScorer, np.ndarray]:
        """Cosines of the items' vectors and the histories' weighted means, and items read of each history."""
        vectors = self.catalogue
        if free_texts:
            vectors = np.concatenate([vectors, self._whitening(self._read(without_keys(free_texts)))])
        scorer, read = whitened_scorer(histories, vectors, self.catalogue, decay, self._longest)
        self._longest = scorer.longest
        return scorer, read


def whitened_scorer(
    histories: Sequence[np.ndarray], vectors: np.ndarray, catalogue: np.ndarray, decay: float, longest: float | None
) -> tuple[VectorScorer, np.ndarray]:
    """Cosines of histories' means Σ decay^age · vector and a catalogue's vectors; items read of each, int32 [E]."""
    shares = newest_first(histories, len(vectors), decay)
    queries = unit(shares @ vectors)  # [E, I + T] · [I + T, D] -> [E, D], fp64, in the order of age
    return VectorScorer(queries, catalogue, longest=longest), np.diff(shares.indptr).astype(np.int32)


class RecencyScoring:
    """Scores are cosines of the weighted mean of a history's item vectors and the catalogue's."""

    def __init__(self, given: Opening) -> None:
        self._vectors = ItemVectors(given)
        self._decay = given.settings(RecencySettings).decay
        self.items = self._vectors.items
        self.device_name = f"{device_name(choose_device(given.device))}, fp32"

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories; texts are encoded like items."""
        return Scored(*self._vectors.scorer(histories, free_texts, self._decay))


def stored_whitening(given: Opening) -> Whitening:
    """What `fitted` wrote; `Failed` if it is not what was stored."""
    trained = trained_baseline(given.db, given.model, given.dataset)
    tensors = read_weights(given.workspace, given.model, trained, lambda path: load_file(str(path)), _hash)
    return Whitening(tensors["mean"], tensors["matrix"])


def _save(tensors: dict[str, np.ndarray], path: Path) -> None:
    save_file(tensors, str(path))


def _hash(tensors: dict[str, np.ndarray]) -> str:
    parts: list[bytes | str] = []
    for name, tensor in sorted(tensors.items()):
        parts += [name, str(tuple(tensor.shape)), np.ascontiguousarray(tensor).tobytes()]
    return content_hash(*parts)
