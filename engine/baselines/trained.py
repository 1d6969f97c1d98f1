"""A baseline's weights for one dataset: found in the store, or trained and kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from time import monotonic

import numpy as np
import torch

from engine import __version__
from engine.baselines.features import item_features
from engine.baselines.network import SequenceNetwork
from engine.baselines.sasrec import SasRec
from engine.baselines.settings import UniSRecSettings, stored_settings
from engine.baselines.stored import command, trained_key
from engine.baselines.trainer import Trainer
from engine.baselines.unisrec import UniSRec
from engine.baselines.validation import material
from engine.encoding.device import choose_device, device_name
from engine.models import open_encoder, text_model
from engine.progress import Observer
from engine.training import checkpoint
from store import datasets
from store.datasets import now
from store.errors import Failed
from store.records import Dataset, Model, TrainedBaseline
from store.trained_baselines import find_trained_baseline, put_trained_baseline
from store.workspace import Workspace

WEIGHTS, SETTINGS = "model.safetensors", "settings.json"


def train_baseline(
    workspace: Workspace, model: Model, dataset_name: str, observer: Observer, *, device: str = "auto"
) -> TrainedBaseline:
    """The weights of a model for a dataset: found, or trained from the newest checkpoint on and stored."""
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
    key = trained_key(model, dataset)
    with workspace.lock(f"baseline-{key}"):
        with workspace.read() as db:
            found = find_trained_baseline(db, key)
        if found is not None and (workspace.folder / found.folder / WEIGHTS).is_file():
            observer.tell("baseline", f"{model.name} is trained on {dataset.name} already.")
            return found
        return _train(workspace, model, dataset, key, observer, device)


def open_network(
    workspace: Workspace, trained: TrainedBaseline, model: Model, items: int, features: np.ndarray | None, device: str
) -> SequenceNetwork:
    """A trained network, ready to be asked; `Failed` where its folder is not what was stored."""
    folder = workspace.folder / trained.folder
    again = f"Remove the folder and run `{command(model, trained.dataset)}`."
    try:
        network = _network(model, items, features, device)
        checkpoint.read_weights(folder / WEIGHTS, network)
    except Exception as error:  # safetensors and torch have their own classes for files that are gone or of other shape
        raise Failed(f"{folder}: the weights of {model.name} cannot be read ({error}). {again}") from error
    if network.weights_hash() != trained.weights_hash:
        raise Failed(f"{folder}: these are not the weights that were stored as {model.name}. {again}")
    return network.eval()


def _train(
    workspace: Workspace, model: Model, dataset: Dataset, key: str, observer: Observer, device: str
) -> TrainedBaseline:
    started = monotonic()
    settings = stored_settings(model.variant, model.recipe["settings"])
    observer.progress(f"{model.name}: preparing", 0, 0)
    with workspace.read() as db:
        given = material(db, dataset, settings.validation_events)
    if "no valid events" in given.questions.scope:
        observer.tell("validation", f"{dataset.name}: the best epoch is chosen by {given.questions.scope}.")
    features = _features(workspace, model, dataset, observer, device)
    place = choose_device(device)
    network = _network(model, dataset.items, features, str(place))
    if isinstance(network, UniSRec):
        network.settle(given.items)
    trainer = Trainer(
        network,
        given,
        settings,
        seed=int(model.seed or 0),
        folder=workspace.phases / key / "checkpoints",
        name=f"{model.name} on {dataset.name}",
        key=key,
        observer=observer,
    )
    summary = trainer.run()
    folder = workspace.models / model.name / dataset.name
    _write(network, model, folder)
    done = TrainedBaseline(
        key=key,
        model=model.name,
        dataset=dataset.name,
        folder=str(folder.relative_to(workspace.folder)),
        weights_hash=network.weights_hash(),
        settings=settings.document(),
        summary=summary,
        seconds=trainer.done.seconds or monotonic() - started,
        device=f"{device_name(place)}, fp32",
        code_version=__version__,
        created=now(),
    )
    with workspace.write() as db:
        put_trained_baseline(db, done)
    shutil.rmtree(workspace.phases / key, ignore_errors=True)
    return done


def _network(model: Model, items: int, features: np.ndarray | None, device: str) -> SequenceNetwork:
    """A network with the initial weights that its seed gives."""
    settings = stored_settings(model.variant, model.recipe["settings"])
    with torch.random.fork_rng(devices=[]):  # made on the CPU, so that every device begins alike
        torch.manual_seed(int(model.seed or 0))
        if isinstance(settings, UniSRecSettings):
            assert features is not None
            return UniSRec(settings, features).to(device)
        return SasRec(settings, items).to(device)


def _features(
    workspace: Workspace, model: Model, dataset: Dataset, observer: Observer, device: str
) -> np.ndarray | None:
    reader = text_model(workspace, model)
    if reader is None:
        return None
    encoder = open_encoder(workspace, reader, device=device, precision="fp32")
    with workspace.write() as db:
        return item_features(db, encoder, datasets.items(db, dataset.id), observer.progress)


def _write(network: SequenceNetwork, model: Model, folder: Path) -> None:
    """Weights and settings under a folder that is complete or not there."""
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        checkpoint.write_weights(part / WEIGHTS, network)
        about = {"baseline": model.variant, "seed": model.seed, "features": model.features} | model.recipe
        (part / SETTINGS).write_text(json.dumps(about, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except Exception as error:  # safetensors has a class of its own for a full disk
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(
            f"{folder}: the weights cannot be written ({error}). Free some space, and run the same command again."
        ) from error
