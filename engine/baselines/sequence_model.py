"""Sequence models as models of a workspace: fitted to a dataset, opened again, and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from engine.baselines.features import item_features
from engine.baselines.network import SequenceNetwork
from engine.baselines.settings import SasRecSettings
from engine.baselines.stored import WEIGHTS, read_weights, trained_baseline
from engine.baselines.trained import Fitted, Fitting, tell_shrunk
from engine.baselines.trainer import Trainer
from engine.baselines.validation import METRIC, TrainingData, load_training_data
from engine.encoding.device import choose_device, device_name
from engine.model_settings import from_document
from engine.models import open_encoder, text_model
from engine.ranking.scorers import VectorScorer
from engine.registry import spec_of
from engine.scoring import Opening, Scored, without_keys, wordless
from engine.training import checkpoint
from store import datasets
from store.errors import Failed
from store.rows import Model, TrainedBaseline
from store.workspace import Workspace

# The untrained network of some settings over so many items, whose features (float32 [I, F]) are given if it reads any.
MakeNetwork = Callable[[SasRecSettings, int, np.ndarray | None], SequenceNetwork]


def fit_network(
    given: Fitting, make: MakeNetwork, *, masked: bool = False, taught: TrainedBaseline | None = None
) -> Fitted:
    """Train a network on a dataset's train part, from the newest checkpoint on.

    masked: whether the best epoch is chosen with the items of a history left out of its candidates. taught: what the
    same kind of network learned on another dataset, which is taken as it is instead of training.
    """
    workspace, model, dataset, observer = given.workspace, given.model, given.dataset, given.observer
    settings = _settings(model)
    observer.progress(f"{model.name}: preparing", 0, 0)
    with workspace.read() as db:
        learned = load_training_data(db, dataset, settings.validation_events, masked=masked)
    if "no valid events" in learned.validation.scope:
        observer.tell("validation", f"{dataset.name}: the best epoch is chosen by {learned.validation.scope}.")
    features = _features(given)
    torch_device = choose_device(given.device)
    network = _initial(model, make, dataset.items, features, str(torch_device))
    shrunk = network.settle(learned.items)
    if features is not None:
        tell_shrunk(given, len(np.unique(learned.items)), features.shape[1], shrunk)
    if taught is not None:
        return _fitted(given, network, torch_device, _take(given, network, taught, learned))
    trainer = Trainer(
        network,
        learned,
        settings,
        seed=int(model.seed or 0),
        folder=given.folder / "checkpoints",
        name=f"{model.name} on {dataset.name}",
        key=given.key,
        observer=observer,
    )
    summary = trainer.run()
    return replace(_fitted(given, network, torch_device, summary), seconds=trainer.done.seconds)


def _fitted(given: Fitting, network: SequenceNetwork, torch_device: torch.device, summary: dict[str, Any]) -> Fitted:
    return Fitted(
        write=partial(checkpoint.write_weights, module=network),
        weights_hash=network.weights_hash(),
        settings=_settings(given.model).document(),
        summary=summary,
        device=f"{device_name(torch_device)}, fp32",
    )


def _take(given: Fitting, network: SequenceNetwork, taught: TrainedBaseline, learned: TrainingData) -> dict[str, Any]:
    """Give a network what another dataset taught, all but what it has of its own dataset; what it reaches on valid."""
    folder = given.workspace.folder / taught.folder
    try:
        stored = load_file(str(folder / WEIGHTS))
        with torch.no_grad():
            for name, weights in network.named_parameters():
                weights.copy_(stored[name])
    except Exception as error:  # safetensors and torch have their own classes for files that are gone or of other shape
        raise Failed(f"{folder}: the weights of {taught.model} cannot be read ({error}). Train it again.") from error
    reached = learned.validation.ask(network, str(next(network.parameters()).device))
    given.observer.tell("validation", f"{given.dataset.name}: {METRIC} {reached:.4f} with what {taught.dataset} taught")
    return {METRIC: reached, "validation": learned.validation.described, "taught_by": taught.weights_hash}


class SequenceScoring:
    """A trained sequence model that reads the newest items of a history, those of its window."""

    def __init__(self, given: Opening, make: MakeNetwork) -> None:
        self.items = given.items()
        model, dataset = given.model, given.dataset
        trained = trained_baseline(given.db, model, dataset)
        reader = text_model(given.workspace, model)
        torch_device = choose_device(given.device)
        self.device_name = f"{device_name(torch_device)}, fp32"
        self._model, self._dataset = model, dataset
        self._open = partial(
            _stored_network, given.workspace, trained, model, make, len(self.items), device=str(torch_device)
        )
        self._features: np.ndarray | None = None
        if reader is not None:
            encoder = given.encoder("fp32")
            self._read_features = partial(item_features, given.db, encoder, progress=given.progress, keep=given.keep)
            self._features = self._read_features(self.items)
        self._network = self._open(features=self._features)
        self._catalogue: np.ndarray | None = None

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories; `BadInput` for texts where the network reads none."""
        network = self._reading(free_texts) if free_texts else self._network
        read = np.array([min(len(history), network.window) for history in histories], np.int32)
        queries, items = network.vectors(histories, len(self.items))
        if self._catalogue is None:
            self._catalogue = items  # the same for all histories: what is known of the array holds for all
        return Scored(VectorScorer(queries, self._catalogue), read)

    def _reading(self, free_texts: Sequence[str]) -> SequenceNetwork:
        """The network over the catalogue and these texts."""
        if self._features is None:
            raise wordless(self._model, self._dataset, free_texts[0])
        return self._open(features=np.concatenate([self._features, self._read_features(without_keys(free_texts))]))


def _stored_network(
    workspace: Workspace,
    trained: TrainedBaseline,
    model: Model,
    make: MakeNetwork,
    items: int,
    features: np.ndarray | None,
    device: str,
) -> SequenceNetwork:
    """A trained network, ready to be asked; `Failed` if its folder is not what was stored."""

    def read(path: Path) -> SequenceNetwork:
        network = _initial(model, make, items, features, device)
        checkpoint.read_weights(path, network)
        return network

    return read_weights(workspace, model, trained, read, SequenceNetwork.weights_hash).eval()


def _initial(model: Model, make: MakeNetwork, items: int, features: np.ndarray | None, device: str) -> SequenceNetwork:
    """A network with the initial weights that its seed gives."""
    with torch.random.fork_rng(devices=[]):  # made on the CPU, so that every device begins alike
        torch.manual_seed(int(model.seed or 0))
        return make(_settings(model), items, features).to(device)


def _settings(model: Model) -> SasRecSettings:
    kind = spec_of(model).settings
    assert kind is not None
    settings = from_document(kind, model.recipe["settings"])
    assert isinstance(settings, SasRecSettings)
    return settings


def _features(given: Fitting) -> np.ndarray | None:
    reader = text_model(given.workspace, given.model)
    if reader is None:
        return None
    encoder = open_encoder(given.workspace, reader, device=given.device, precision="fp32")
    with given.workspace.write() as db:
        return item_features(db, encoder, datasets.items(db, given.dataset.id), given.observer.progress)
