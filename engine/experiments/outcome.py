"""What an experiment shows of what is stored; nothing is computed that a reader would have to wait for."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable

from engine.experiments import curves, datasets, evaluations, order, order_use, projections, ratings
from engine.experiments.arguments import Arguments, arguments_of
from engine.experiments.definition import Definition, Kind, Scope, parse_definition
from engine.experiments.question import Question
from engine.experiments.sheet import Figure, Outcome, Sheet
from engine.experiments.steps import Readiness, Step, steps
from store.experiments import experiments

SHEETS: dict[Kind, Callable[[Question], tuple[Sheet, ...]]] = {
    Kind.EVALUATIONS: evaluations.sheets,
    Kind.CURVES: curves.sheets,
    Kind.RATINGS: ratings.sheets,
    Kind.PROJECTIONS: projections.sheets,
    Kind.DATASETS: datasets.sheets,
    Kind.ORDER: order.sheets,
    Kind.ORDER_USE: order_use.sheets,
}
FIGURES: dict[Kind, Callable[[Question], tuple[Figure, ...]]] = {
    Kind.CURVES: curves.figures,
    Kind.PROJECTIONS: projections.figures,
    Kind.ORDER: order.figures,
}


def outcome(db: sqlite3.Connection, definition: Definition, arguments: Arguments) -> Outcome:
    """The sheets and figures of an experiment over what is stored, and the command lines that are missing."""
    question = Question(db, definition, arguments)
    missing = steps(question)
    kind = Kind(definition.kind)
    figures = FIGURES[kind](question) if kind in FIGURES else ()
    return Outcome(
        name=definition.name,
        title=definition.title,
        thesis=definition.thesis,
        sheets=SHEETS[kind](question),
        figures=figures,
        missing=tuple(step.arguments for step in missing),
        notes=_notes(question, missing),
    )


def asked(db: sqlite3.Connection) -> list[tuple[Definition, Arguments]]:
    """The experiments asked for in this workspace, by name, as they were asked for last."""
    return [
        (parse_definition(stored.name, stored.definition), arguments_of(stored.arguments)) for stored in experiments(db)
    ]


def _notes(question: Question, missing: list[Step]) -> tuple[str, ...]:
    found = []
    if question.gone:
        found.append(f"No longer in this workspace: {', '.join(question.gone)}.")
    if question.left_out:
        other = question.definition.scope == Scope.OTHER_PLATFORM
        why = "of a platform that training saw" if other else "training data, or of another platform"
        found.append(f"Left out, as {why}: {', '.join(dataset.name for dataset in question.left_out)}.")
    for step in missing:
        if step.readiness is Readiness.HELD and step.words[0] == "train":
            found.append(f"Not trained here: `{step.command}` makes it, or this experiment with --train.")
    found += _knowing(question) + _unlike(question)
    held = [step for step in missing if step.readiness is Readiness.HELD]
    made = {name for step in held if step.words[0] == "train" for name in step.options}
    unmade = {step.words[1] for step in held if step.words[0] in ("evaluate", "project")} - made
    found += [f"There is no model {name} in this workspace." for name in sorted(unmade)]
    return tuple(found)


def _knowing(question: Question) -> list[str]:
    """Models that are left out of an experiment on order, because rearranging would ask what they were told."""
    if question.definition.kind != Kind.ORDER:
        return []
    return [
        f"{column.arm.label} was trained on {dataset.name}, whose last events become others where it is rearranged: "
        "left out there."
        for dataset in question.datasets
        for column in question.columns
        if question.knows_targets(column, dataset)
    ]


def _unlike(question: Question) -> list[str]:
    """Models that were there already, and made from another backbone or with another recipe than was asked for."""
    found = []
    wanted = {"backbone": question.arguments.backbone, "recipe": question.arguments.recipe}
    for column in question.columns:
        for name in column.models if column.arm.train else ():
            model = question.stored.models.get(name)
            if model is None or name == wanted["backbone"]:
                continue
            own = {"backbone": model.backbone, "recipe": model.recipe.get("recipe", "")}
            for key, value in wanted.items():
                if value and own[key] and own[key] != value:
                    words = shlex.quote(str(own[key]))
                    found.append(f"{name} was there already, with the {key} {words}, not {shlex.quote(value)}.")
    return found
