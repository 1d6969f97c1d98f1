"""A definition with its arguments over what is stored: columns, datasets, and the evaluation for each cell."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.arrangements import ARRANGEMENTS, unfit
from engine.experiments.arguments import Arguments
from engine.experiments.definition import Arm, Definition, ExperimentKind, Scope
from engine.experiments.stored import Stored, Wanted
from engine.published.thesis import MODELS, category_of, edition_note
from engine.registry import ONLY, baselines
from engine.text.sentences import HistoryFormat, ItemText
from engine.text_format import TextFormat
from store.enums import Seen, SplitKind
from store.rows import Dataset, Evaluation


@dataclass(frozen=True)
class ExperimentColumn:
    """An arm, and the models whose numbers it shows: one for each seed, in the order of `seeds`."""

    arm: Arm
    models: tuple[str, ...]
    seeds: tuple[int, ...]


class ExperimentContext:
    """What an experiment compares in this workspace.

    Datasets that are gone are left out, and named in `gone`. editions: the thesis' category of each dataset, None for
    none, and a note where the dataset is another edition of it.
    """

    def __init__(self, db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> None:
        self.db = db
        self.definition = definition
        self.arguments = arguments
        self.stored = Stored(db)
        self.columns = _columns(definition, arguments, self.stored)
        self.sample = definition.sample if arguments.sample is None else arguments.sample
        self.seen: tuple[Seen, ...] = (arguments.seen,) if arguments.seen else tuple(Seen)
        self.requested_datasets = [
            self.stored.datasets[name] for name in arguments.datasets if name in self.stored.datasets
        ]
        self.gone = [name for name in arguments.datasets if name not in self.stored.datasets]
        self.datasets = self._in_scope()
        self.editions = {dataset.name: (category_of(dataset), edition_note(dataset)) for dataset in self.datasets}

    def evaluation(
        self, column: ExperimentColumn, model: str, dataset: Dataset, shuffle: int | None = None
    ) -> Evaluation | None:
        """The stored evaluation of one of a column's models that belongs into its cell of a dataset's row.

        shuffle: the seed of the order in which it reads histories, None for their own.
        """
        if model not in self.stored.models:
            return None
        arm = column.arm
        history = HistoryFormat(arm.history) if arm.history else None
        item_text = ItemText(arm.item_text) if arm.item_text else None
        return self.stored.evaluation(Wanted(model, dataset.name, TextFormat(history, item_text), self.sample, shuffle))

    def evaluations(self, column: ExperimentColumn, dataset: Dataset) -> list[Evaluation]:
        """Those of all seeds that are stored; none where the column says nothing about the dataset."""
        if not self.applies(column, dataset):
            return []
        found = (self.evaluation(column, model, dataset) for model in column.models)
        return [evaluation for evaluation in found if evaluation is not None]

    def applies(self, column: ExperimentColumn, dataset: Dataset) -> bool:
        """Whether the experiment is about this model on this dataset: trained ones only where its scope says so."""
        trained = self._trained_on(column)
        if self.definition.kind == ExperimentKind.ORDER_USE:
            return all(self.stored.can_rank(model, dataset.name) for model in column.models)
        if self.definition.kind == ExperimentKind.ORDER:
            return not self.knows_targets(column, dataset)
        if self.definition.scope == Scope.ANY or not trained:
            return True
        if dataset.name in trained:
            return False
        platforms = {self.stored.datasets[name].platform for name in trained if name in self.stored.datasets}
        if not platforms:
            return True
        return (dataset.platform in platforms) == (self.definition.scope == Scope.UNSEEN)

    def can_rearrange(self, dataset: Dataset) -> bool:
        """Whether events of one time have another order."""
        return not unfit(dataset)

    def knows_targets(self, column: ExperimentColumn, dataset: Dataset) -> bool:
        """Whether targets of a rearranged dataset are among what a text model of the column was trained on."""
        return dataset.split is SplitKind.LEAVE_ONE_OUT and dataset.name in self._trained_on(column)

    def arrangements(self, dataset: Dataset) -> dict[str, Dataset]:
        """The dataset in each order of its events of one time, by the order in words.

        Where one is not made yet, id 0 stands for it, under the name that it will have.
        """
        made = self.stored.arrangements(dataset)
        return {
            one.words: made.get(one.words) or replace(dataset, id=0, name=one.name(dataset.name))
            for one in ARRANGEMENTS
        }

    def trained_on(self) -> list[tuple[ExperimentColumn, list[Dataset]]]:
        """Columns that were trained, with those of their datasets that are still here."""
        found = [(column, self._trained_on(column)) for column in self.columns]
        return [
            (column, [self.stored.datasets[name] for name in names if name in self.stored.datasets])
            for column, names in found
            if names
        ]

    @property
    def left_out(self) -> list[Dataset]:
        """Datasets asked for that no trained model of the experiment may be shown on."""
        return [dataset for dataset in self.requested_datasets if dataset not in self.datasets]

    def sampled(self, dataset: Dataset) -> bool:
        """Whether only a sample of the dataset's test events is evaluated."""
        return 0 < self.sample < self.stored.events(dataset.name)

    def settings_of(self, name: str) -> list[str]:
        """The settings for the baseline or predictor of this name, as `KEY=VALUE`."""
        own = (setting for setting in self.arguments.settings if setting.startswith(f"{name}."))
        return [setting.removeprefix(f"{name}.") for setting in own]

    def training_settings(self) -> list[str]:
        """The settings for trainings: those that name no baseline and no predictor."""
        named = {name for arm in self.definition.arms for name in (arm.baseline, arm.predictor) if name}
        return [setting for setting in self.arguments.settings if setting.partition(".")[0] not in named]

    def _trained_on(self, column: ExperimentColumn) -> dict[str, str]:
        return {name: mark for model in column.models for name, mark in self.stored.trained_on(model).items()}

    def _in_scope(self) -> list[Dataset]:
        trained = [column for column in self.columns if self._trained_on(column)]
        if self.definition.scope == Scope.ANY or not trained:
            return self.requested_datasets
        return [
            dataset for dataset in self.requested_datasets if any(self.applies(column, dataset) for column in trained)
        ]


def is_trained(arm: Arm) -> bool:
    """Whether it is a baseline with weights of its own."""
    return arm.baseline in baselines() and baselines()[arm.baseline].trained


def _is_random(arm: Arm) -> bool:
    return arm.baseline in baselines() and baselines()[arm.baseline].random


def _columns(definition: Definition, arguments: Arguments, stored: Stored) -> tuple[ExperimentColumn, ...]:
    if definition.kind == ExperimentKind.RATINGS:
        arms = _predictors(definition.arms, arguments.models)
    else:
        arms = [_over_backbone(arm, arguments, stored) for arm in _arms(definition, arguments.models, stored)]
    return tuple(_seeded(arm, arguments.seeds, stored) for arm in arms)


def _arms(definition: Definition, models: Sequence[str], stored: Stored) -> list[Arm]:
    """The definition's arms for the models that were asked for: each open arm with each of them, or one for each."""
    if any(not arm.model for arm in definition.arms):
        chosen = models or (definition.model,)
        return [
            arm if arm.model else _filled(arm, model, definition.model, stored, alone=len(chosen) == 1)
            for model in chosen
            for arm in definition.arms
        ]
    if definition.kind == ExperimentKind.ORDER_USE and not definition.arms:
        return [_added(model, stored) for model in models or stored.models]
    if not models:
        return list(definition.arms)
    known = {arm.model: arm for arm in definition.arms} | {arm.label: arm for arm in definition.arms}
    return [known.get(model) or _added(model, stored) for model in models]


def _filled(arm: Arm, model: str, default: str, stored: Stored, *, alone: bool) -> Arm:
    """An open arm with a model; the published numbers are those of the definition's own."""
    found = stored.models.get(model)
    same = model == default or (found is not None and found.variant == default)
    label = arm.label if alone else f"{model}, {arm.label}"
    return replace(arm, model=model, label=label, published=arm.published if same else "")


def _added(model: str, stored: Stored) -> Arm:
    """A column for a model that the definition does not have."""
    found = stored.models.get(model)
    return Arm(label=model, model=model, published=MODELS.get(found.variant, "") if found else "")


def _predictors(arms: Sequence[Arm], models: Sequence[str]) -> list[Arm]:
    """Predictors; those that read a text model once for each that was asked for."""
    found: dict[str, Arm] = {}
    for arm in arms:
        if not arm.features or not models or arm.features in models:
            found[arm.label] = arm
    for arm in arms:
        for model in models if arm.features else ():
            label = f"{arm.predictor} ({model})"
            found.setdefault(label, Arm(label=label, predictor=arm.predictor, features=model))
    return list(found.values())


def _over_backbone(arm: Arm, arguments: Arguments, stored: Stored) -> Arm:
    """`only` is the backbone as it is: where that is a text model of the workspace, that model."""
    backbone = stored.models.get(arguments.backbone)
    if arm.model == ONLY and backbone is not None and backbone.kind == "text":
        return replace(arm, model=backbone.name)
    return arm


def _seeded(arm: Arm, seeds: Sequence[int], stored: Stored) -> ExperimentColumn:
    """A column with a model for each seed, where seeds make a difference: NAME for 0, NAME-seed1 for 1."""
    name = arm.model
    made = _is_random(arm) or arm.train not in ("", ONLY)
    named = {seed: name if seed == 0 else f"{name}-seed{seed}" for seed in seeds}
    chosen = {seed: own for seed, own in named.items() if made or own in stored.models}
    if arm.predictor or not chosen:
        return ExperimentColumn(arm, (name,), (seeds[0],))
    return ExperimentColumn(arm, tuple(chosen.values()), tuple(chosen))
