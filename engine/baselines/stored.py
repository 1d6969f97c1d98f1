"""Which weights belong to a baseline and a dataset."""

from __future__ import annotations

import sqlite3

from engine.registry import spec_of
from store.arrays import content_hash
from store.errors import BadInput
from store.records import Dataset, Model, TrainedBaseline
from store.trained_baselines import find_trained_baseline


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
