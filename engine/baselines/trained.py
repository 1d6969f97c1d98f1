"""A model's weights for one dataset: found in the store, or fitted and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from engine import __version__
from engine.baselines.stored import WEIGHTS, trained_key
from engine.progress import Observer
from engine.registry import load, spec_of
from store import datasets
from store.datasets import now
from store.errors import Failed
from store.rows import Dataset, Model, TrainedBaseline
from store.trained_baselines import find_trained_baseline, put_trained_baseline
from store.workspace import Workspace

SETTINGS = "settings.json"


@dataclass(frozen=True)
class Fitting:
    """A model that is to learn weights from a dataset's train part.

    key: stands for all that decides the weights. What is written under `folder` survives an interruption and is
    removed in the end. device: `auto`, or a name.
    """

    workspace: Workspace
    model: Model
    dataset: Dataset
    key: str
    observer: Observer
    device: str = "auto"

    @property
    def folder(self) -> Path:
        return self.workspace.phases / self.key


@dataclass(frozen=True)
class Fitted:
    """What was learned: `write` puts it into a safetensors file, of the content `weights_hash`.

    settings as they were used, summary: what came of it, both as JSON holds it; device in words; seconds of work, 0
    for those between beginning and end.
    """

    write: Callable[[Path], None]
    weights_hash: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    device: str
    seconds: float = 0.0


def tell_shrunk(given: Fitting, items: int, width: int, shrunk: float) -> None:
    """Say where a whitening had so few train items that their covariance was shrunk (0: not at all)."""
    if shrunk:
        given.observer.tell(
            "whitening",
            f"{given.dataset.name} has {items} train items, fewer than the {width} dimensions of "
            f"{given.model.features}: their covariance is drawn towards the identity by {shrunk:.0%}.",
        )


def train_baseline(
    workspace: Workspace, model: Model, dataset_name: str, observer: Observer, *, device: str = "auto"
) -> TrainedBaseline:
    """The weights of a model for a dataset: found, or fitted from where an interruption left it, and stored."""
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
    key = trained_key(model, dataset)
    with workspace.lock(f"baseline-{key}"):
        with workspace.read() as db:
            found = find_trained_baseline(db, key)
        if found is not None and (workspace.folder / found.folder / WEIGHTS).is_file():
            observer.tell("baseline", f"{model.name} is trained on {dataset.name} already.")
            return found
        return _fit(Fitting(workspace, model, dataset, key, observer, device))


def _fit(given: Fitting) -> TrainedBaseline:
    started = monotonic()
    workspace, model, dataset = given.workspace, given.model, given.dataset
    fitted: Fitted = load(spec_of(model).fit)(given)
    folder = workspace.models / model.name / dataset.name
    _write(fitted, model, folder)
    done = TrainedBaseline(
        key=given.key,
        model=model.name,
        dataset=dataset.name,
        folder=str(folder.relative_to(workspace.folder)),
        weights_hash=fitted.weights_hash,
        settings=fitted.settings,
        summary=fitted.summary,
        seconds=fitted.seconds or monotonic() - started,
        device=fitted.device,
        code_version=__version__,
        created=now(),
    )
    with workspace.write() as db:
        put_trained_baseline(db, done)
    shutil.rmtree(given.folder, ignore_errors=True)
    return done


def _write(fitted: Fitted, model: Model, folder: Path) -> None:
    """Weights and settings under a folder that is complete or not there."""
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        fitted.write(part / WEIGHTS)
        about = {"baseline": model.variant, "seed": model.seed, "features": model.features} | model.recipe
        (part / SETTINGS).write_text(json.dumps(about, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except Exception as error:  # safetensors has a class of its own for a full disk
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(
            f"{folder}: the weights cannot be written ({error}). Free some space, and run the same command again."
        ) from error
