"""Which weights belong to a baseline and a dataset, and reading them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.registry import spec_of
from store.arrays import content_hash
from store.errors import BadInput, Failed
from store.rows import Dataset, Model, TrainedBaseline
from store.trained_baselines import find_trained_baseline
from store.workspace import Workspace

WEIGHTS = "model.safetensors"
W = TypeVar("W")


def trained_key(model: Model, dataset: Dataset) -> str:
    """The hash of all that decides the weights; the model's own covers settings, seed, code and features."""
    return f"{model.variant}-{content_hash(model.name, model.weights_hash, dataset.fingerprint)[:16]}"


def trained_baseline(db: sqlite3.Connection, model: Model, dataset: Dataset) -> TrainedBaseline:
    """The weights of a model for a dataset; `BadInput` with the command where it was not trained on it."""
    found = find_trained_baseline(db, trained_key(model, dataset))
    if found is None:
        raise BadInput(
            f"{model.name} has not been trained on {dataset.name} yet. Run `{command(model, dataset.name)}`."
        )
    return found


def read_weights(
    workspace: Workspace,
    model: Model,
    trained: TrainedBaseline,
    read: Callable[[Path], W],
    hash_of: Callable[[W], str],
) -> W:
    """What `read` makes of the file of a trained baseline's weights; `Failed` if that is not what was stored.

    hash_of: the content hash of what was read, to compare with the one that was stored.
    """
    folder = workspace.folder / trained.folder
    again = f"Remove the folder and run `{command(model, trained.dataset)}`."
    try:
        weights = read(folder / WEIGHTS)
    except Exception as error:  # safetensors and torch have their own classes for files that are gone or of other shape
        raise Failed(f"{folder}: the weights of {model.name} cannot be read ({error}). {again}") from error
    if hash_of(weights) != trained.weights_hash:
        raise Failed(f"{folder}: these are not the weights that were stored as {model.name}. {again}")
    return weights


def command(model: Model, dataset: str) -> str:
    """The command line that trains a model on a dataset."""
    words = ["st5 baseline", model.variant, "--datasets", dataset]
    if model.name != model.variant:
        words += ["--name", model.name]
    if model.features:
        words += ["--features", model.features]
    if (parts := model.recipe.get("parts")) and not spec_of(model).made_of:
        words += ["--parts", ",".join(parts)]
    if model.seed:
        words += ["--seed", str(model.seed)]
    for setting in model.recipe.get("said", []):
        words += ["--set", setting]
    return " ".join(words)
