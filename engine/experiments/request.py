"""What was asked for, checked before any work: datasets, models and settings that are not there are said at once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from engine.arrangements import unfit
from engine.experiments.arguments import Arguments
from engine.experiments.definition import Definition, ExperimentKind
from engine.registry import made_on_first_use
from store import datasets, models
from store.enums import Split
from store.errors import BadInput, unknown
from store.rows import Dataset


def checked(db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> Arguments:
    """The arguments with the datasets that they mean: those named, else all that the experiment can be about.

    `BadInput` for unknown datasets and models, an empty workspace, ratings if there are none, and settings that
    nothing takes.
    """
    chosen = _datasets(db, definition, arguments)
    _check_models(db, definition, arguments)
    if arguments.sample is not None and arguments.sample < 0:
        raise BadInput(f"--sample {arguments.sample}: allowed are 0 (all events) and above.")
    if not arguments.seeds or min(arguments.seeds) < 0 or len(set(arguments.seeds)) < len(arguments.seeds):
        raise BadInput(f"--seeds {','.join(map(str, arguments.seeds))}: allowed are different numbers from 0 up.")
    _check_training(definition, arguments)
    return replace(arguments, datasets=tuple(dataset.name for dataset in chosen))


def _datasets(db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> list[Dataset]:
    every = datasets.datasets(db)
    if not every:
        raise BadInput(
            "There is no dataset in this workspace yet, so there is nothing to compare on. "
            "Make one with `st5 ingest …` (`st5 ingest --help`), or both data and models with `st5 demo`."
        )
    chosen = [datasets.dataset(db, name) for name in arguments.datasets] or every
    if definition.kind == ExperimentKind.ORDER:
        return _with_ties(definition, arguments, chosen)
    if definition.kind != ExperimentKind.RATINGS:
        return chosen
    without = [dataset.name for dataset in chosen if not datasets.count_ratings(db, dataset.id, Split.TEST)]
    rated = [dataset for dataset in chosen if dataset.name not in without]
    if without and (arguments.datasets or not rated):
        there = [dataset.name for dataset in every if datasets.count_ratings(db, dataset.id, Split.TEST)]
        raise BadInput(
            f"{definition.name} predicts ratings, and the events of {', '.join(without)} have none. "
            f"Datasets with ratings: {', '.join(there) or 'none yet; `st5 ingest` reads them where a source has them'}."
        )
    return rated


def _with_ties(definition: Definition, arguments: Arguments, chosen: list[Dataset]) -> list[Dataset]:
    """Those whose events of one time can be rearranged; `BadInput` where one that was named cannot, or none can."""
    reasons = {dataset.name: reason for dataset in chosen if (reason := unfit(dataset))}
    if reasons and (arguments.datasets or len(reasons) == len(chosen)):
        words = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise BadInput(
            f"{definition.name} compares orders of events that share a user and a time, and cannot here ({words}). "
            "Allowed are datasets with times that several events share: `st5 datasets NAME` counts them, and "
            "`st5 ingest synthetic --tied-share 0.3` makes some."
        )
    return [dataset for dataset in chosen if dataset.name not in reasons]


def _check_models(db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> None:
    known = {name for arm in definition.arms for name in (arm.label, arm.model, arm.features) if name}
    known |= {model.name for model in models.models(db)} | set(made_on_first_use())
    for name in arguments.models:
        if name not in known:
            raise unknown("model", name, known, "`st5 models` lists those that are stored.")


def _check_training(definition: Definition, arguments: Arguments) -> None:
    """`BadInput` for a recipe, or a setting of it, that does not exist; and where nothing would take them."""
    named = {name for arm in definition.arms for name in (arm.baseline, arm.predictor) if name}
    settings = [setting for setting in arguments.settings if setting.partition(".")[0] not in named]
    if not arguments.recipe and not settings:
        return
    if not any(arm.train for arm in definition.arms):
        raise BadInput(
            f"{definition.name} trains no text model, so --recipe and --set {' '.join(settings)} say nothing. "
            f"--set NAME.KEY=VALUE is for one of {', '.join(sorted(named)) or 'its baselines (there are none)'}."
        )
    from engine.training.recipe import load_recipe

    load_recipe(arguments.recipe or "modern", settings)
