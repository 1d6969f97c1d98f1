"""The command lines that an experiment still needs, in the order in which they can run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.audit.order_figures import stored_figures
from engine.experiments.context import ExperimentColumn, ExperimentContext, is_trained
from engine.experiments.definition import Arm, ExperimentKind, Scope
from engine.experiments.stored import SAMPLE_SEED, SHUFFLE_SEEDS
from engine.registry import ONLY, made_on_first_use
from store.rows import Dataset


class Readiness(StrEnum):
    """Whether a step can run."""

    READY = "ready"
    WAITS = "waits"  # for a model that an earlier step makes
    HELD = "held"  # for a training, which is run only where it was asked for


@dataclass(frozen=True)
class Step:
    """One command line of `st5`: words, `--datasets`, options. joint: it is about its datasets together."""

    words: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    readiness: Readiness = Readiness.READY
    joint: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows `st5`."""
        named = ("--datasets", ",".join(self.datasets)) if self.datasets else ()
        return (*self.words, *named, *self.options)

    @property
    def command(self) -> str:
        return shlex.join(["st5", *self.arguments])

    def parts(self) -> list[Step]:
        """The same for one dataset after another, to find the one that fails; a joint step has no parts."""
        return [] if self.joint else [replace(self, datasets=(name,)) for name in self.datasets]


def steps(context: ExperimentContext) -> list[Step]:
    """What is missing, each command line once; trainings and what they would serve are held unless asked for."""
    makers = {
        ExperimentKind.EVALUATIONS: _evaluations,
        ExperimentKind.CURVES: _evaluations,
        ExperimentKind.RATINGS: _ratings,
        ExperimentKind.PROJECTIONS: _projections,
        ExperimentKind.DATASETS: lambda _: iter(()),
        ExperimentKind.ORDER: _rearranged,
        ExperimentKind.ORDER_USE: _shuffled,
    }
    found = makers[ExperimentKind(context.definition.kind)](context)
    return list({step.arguments: step for step in found}.values())


def _evaluations(context: ExperimentContext) -> Iterator[Step]:
    for column in context.columns:
        for seed, model in zip(column.seeds, column.models, strict=True):
            missing = [
                dataset
                for dataset in context.datasets
                if context.applies(column, dataset) and context.evaluation(column, model, dataset) is None
            ]
            if missing:
                yield from _measured(context, column, model, seed, missing)


def _rearranged(context: ExperimentContext) -> Iterator[Step]:
    """The arrangements of each dataset, then every model on each of them."""
    for dataset in filter(context.can_rearrange, context.datasets):
        arrangements = context.arrangements(dataset).values()
        unmade = {one.name for one in arrangements if not one.id}
        if unmade:
            yield Step(("ingest", "arrangements", dataset.name))
        for column in (column for column in context.columns if context.applies(column, dataset)):
            for seed, model in zip(column.seeds, column.models, strict=True):
                missing = [one for one in arrangements if context.evaluation(column, model, one) is None]
                for step in _measured(context, column, model, seed, missing) if missing else ():
                    waits = step.readiness is Readiness.READY and unmade & set(step.datasets)
                    yield replace(step, readiness=Readiness.WAITS) if waits else step


def _shuffled(context: ExperimentContext) -> Iterator[Step]:
    """Sequential rules of each dataset; every model on it with histories as they are, and in the order of each seed."""
    for dataset in context.datasets:
        if not stored_figures(context.db, dataset).known:
            yield Step(("datasets", dataset.name))
    seeds = ",".join(map(str, SHUFFLE_SEEDS))
    for column in context.columns:
        model = column.models[0]
        fitting = [dataset for dataset in context.datasets if context.applies(column, dataset)]
        for shuffles, options in (((None,), ()), (SHUFFLE_SEEDS, ("--shuffle", seeds))):
            missing = [
                dataset
                for dataset in fitting
                if any(context.evaluation(column, model, dataset, shuffle) is None for shuffle in shuffles)
            ]
            if missing:
                words = (*_evaluation_options(context, column.arm), *options)
                yield Step(("evaluate", model), _names(missing), words)


def _measured(
    context: ExperimentContext, column: ExperimentColumn, model: str, seed: int, missing: list[Dataset]
) -> Iterator[Step]:
    """The steps that end with this model evaluated on these datasets."""
    arm = column.arm
    makes_itself = is_trained(arm) or (arm.features and model not in context.stored.models)
    if arm.baseline and makes_itself:
        untrained = [dataset for dataset in missing if not context.stored.is_trained(model, dataset.name)]
        if untrained:
            yield Step(("baseline", arm.baseline), _names(untrained), _baseline_options(context, arm, model, seed))
        missing = [dataset for dataset in missing if dataset not in untrained]
        readiness = Readiness.READY
    else:
        making, readiness = _model(context, arm.train, model, seed)
        yield from making
    if missing:
        yield Step(("evaluate", model), _names(missing), _evaluation_options(context, arm), readiness)


def _ratings(context: ExperimentContext) -> Iterator[Step]:
    from store.ratings import rating_runs

    there = {(run.predictor, run.features, run.dataset) for run in rating_runs(context.db)}
    for column in context.columns:
        arm = column.arm
        missing = [d for d in context.datasets if (arm.predictor, arm.features, d.name) not in there]
        if not missing:
            continue
        making, readiness = _model(context, arm.train, arm.features, 0) if arm.features else ((), Readiness.READY)
        yield from making
        options = [*(["--features", arm.features] if arm.features else []), *_seed(column.seeds[0])]
        for setting in context.settings_of(arm.predictor):
            options += ["--set", setting]
        yield Step(("rate", arm.predictor), _names(missing), tuple(options), readiness)


def _projections(context: ExperimentContext) -> Iterator[Step]:
    from engine.experiments.projections import stored_map

    for column in context.columns:
        for kind in context.definition.maps:
            for method in context.definition.methods:
                if stored_map(context, column, kind, method) is not None or not context.datasets:
                    continue
                making, readiness = _model(context, column.arm.train, column.models[0], column.seeds[0])
                yield from making
                sample = ("--sample", str(context.sample)) if context.sample else ()
                options = ("--kind", kind, "--method", method, *sample, *_seed(column.seeds[0]))
                yield Step(("project", column.models[0]), _names(context.datasets), options, readiness, joint=True)


def _model(context: ExperimentContext, variant: str, model: str, seed: int) -> tuple[Sequence[Step], Readiness]:
    """The step that makes a model where it is not there, and whether what needs it can run."""
    backbone = context.arguments.backbone
    if model in context.stored.models or (model in made_on_first_use() and not (variant == ONLY and backbone)):
        return (), Readiness.READY
    if not variant:
        return (), Readiness.HELD
    options = [*(["--backbone", backbone] if backbone else [])]
    if variant == ONLY:
        return (Step(("train", ONLY), (), (*options, "--name", model)),), Readiness.WAITS
    options += ["--recipe", context.arguments.recipe] if context.arguments.recipe else []
    for setting in context.training_settings():
        options += ["--set", setting]
    datasets = _training_data(context)
    run = context.arguments.train and bool(datasets)
    step = Step(
        ("train", variant),
        _names(datasets),
        (*options, "--name", model, *_seed(seed)),
        Readiness.READY if run else Readiness.HELD,
        joint=True,
    )
    return (step,) if datasets else (), Readiness.WAITS if run else Readiness.HELD


def _training_data(context: ExperimentContext) -> list[Dataset]:
    """What a variant is trained on: the experiment's datasets, or those that it is not about where they must differ."""
    if context.definition.scope == Scope.ANY:
        return context.datasets
    others = [dataset for dataset in context.stored.datasets.values() if dataset not in context.requested_datasets]
    platforms = {dataset.platform for dataset in context.requested_datasets}
    unseen = context.definition.scope == Scope.UNSEEN
    return [dataset for dataset in others if (dataset.platform in platforms) == unseen]


def _baseline_options(context: ExperimentContext, arm: Arm, model: str, seed: int) -> tuple[str, ...]:
    options = [*(["--features", arm.features] if arm.features else []), *_seed(seed)]
    options += ["--name", model] if model != arm.baseline else []
    for setting in (*arm.settings, *context.settings_of(arm.baseline)):
        options += ["--set", setting]
    return (*options, *(("--sample", str(context.sample)) if context.sample else ()))


def _evaluation_options(context: ExperimentContext, arm: Arm) -> tuple[str, ...]:
    options = ["--sample", str(context.sample), "--seed", str(SAMPLE_SEED)] if context.sample else []
    options += ["--history", arm.history] if arm.history else []
    options += ["--item-text", arm.item_text] if arm.item_text else []
    return tuple(options)


def _names(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    return tuple(dataset.name for dataset in datasets)


def _seed(seed: int) -> tuple[str, ...]:
    return ("--seed", str(seed)) if seed else ()
