"""What an experiment shows of what is stored; nothing is computed that a reader would have to wait for."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable

from engine.experiments import curves, datasets, evaluations, order, order_use, projections, ratings
from engine.experiments.arguments import Arguments, arguments_of
from engine.experiments.context import ExperimentContext
from engine.experiments.definition import Definition, ExperimentKind, Scope, parse_definition
from engine.experiments.sheet import Figure, Outcome, Sheet
from engine.experiments.steps import Readiness, Step, steps
from store.experiments import experiments

SHEETS: dict[ExperimentKind, Callable[[ExperimentContext], tuple[Sheet, ...]]] = {
    ExperimentKind.EVALUATIONS: evaluations.sheets,
    ExperimentKind.CURVES: curves.sheets,
    ExperimentKind.RATINGS: ratings.sheets,
    ExperimentKind.PROJECTIONS: projections.sheets,
    ExperimentKind.DATASETS: datasets.sheets,
    ExperimentKind.ORDER: order.sheets,
    ExperimentKind.ORDER_USE: order_use.sheets,
}
FIGURES: dict[ExperimentKind, Callable[[ExperimentContext], tuple[Figure, ...]]] = {
    ExperimentKind.CURVES: curves.figures,
    ExperimentKind.PROJECTIONS: projections.figures,
    ExperimentKind.ORDER: order.figures,
}


def outcome(db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> Outcome:
    """The sheets and figures of an experiment over what is stored, and the command lines that are missing."""
    context = ExperimentContext(db, definition, arguments)
    missing = steps(context)
    kind = ExperimentKind(definition.kind)
    figures = FIGURES[kind](context) if kind in FIGURES else ()
    return Outcome(
        name=definition.name,
        title=definition.title,
        thesis=definition.thesis,
        sheets=SHEETS[kind](context),
        figures=figures,
        missing=tuple(step.arguments for step in missing),
        notes=_notes(context, missing),
    )


def requested_experiments(db: sqlite3.Connection) -> list[tuple[Definition, Arguments]]:
    """The experiments asked for in this workspace, by name, as they were asked for last."""
    return [
        (parse_definition(stored.name, stored.definition), arguments_of(stored.arguments)) for stored in experiments(db)
    ]


def _notes(context: ExperimentContext, missing: list[Step]) -> tuple[str, ...]:
    found = []
    if context.gone:
        found.append(f"No longer in this workspace: {', '.join(context.gone)}.")
    if context.left_out:
        other = context.definition.scope == Scope.OTHER_PLATFORM
        why = "of a platform that training saw" if other else "training data, or of another platform"
        found.append(f"Left out, as {why}: {', '.join(dataset.name for dataset in context.left_out)}.")
    for step in missing:
        if step.readiness is Readiness.HELD and step.words[0] == "train":
            found.append(f"Not trained here: `{step.command}` makes it, or this experiment with --train.")
    found += _knowing(context) + _unlike(context)
    held = [step for step in missing if step.readiness is Readiness.HELD]
    made = {name for step in held if step.words[0] == "train" for name in step.options}
    unmade = {step.words[1] for step in held if step.words[0] in ("evaluate", "project")} - made
    found += [f"There is no model {name} in this workspace." for name in sorted(unmade)]
    return tuple(found)


def _knowing(context: ExperimentContext) -> list[str]:
    """Models that are left out of an experiment on order, because rearranging would ask what they were told."""
    if context.definition.kind != ExperimentKind.ORDER:
        return []
    return [
        f"{column.arm.label} was trained on {dataset.name}, whose last events become others where it is rearranged: "
        "left out there."
        for dataset in context.datasets
        for column in context.columns
        if context.knows_targets(column, dataset)
    ]


def _unlike(context: ExperimentContext) -> list[str]:
    """Models that were there already, and made from another backbone or with another recipe than was asked for."""
    found = []
    wanted = {"backbone": context.arguments.backbone, "recipe": context.arguments.recipe}
    for column in context.columns:
        for name in column.models if column.arm.train else ():
            model = context.stored.models.get(name)
            if model is None or name == wanted["backbone"]:
                continue
            own = {"backbone": model.backbone, "recipe": model.recipe.get("recipe", "")}
            for key, value in wanted.items():
                if value and own[key] and own[key] != value:
                    words = shlex.quote(str(own[key]))
                    found.append(f"{name} was there already, with the {key} {words}, not {shlex.quote(value)}.")
    return found
