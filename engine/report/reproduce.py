"""The command lines that make a report's results again, in the order in which they can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.registry import EMBEDDED, ONLY
from engine.report.document import Command
from engine.report.provenance import Sources
from store.errors import BadInput
from store.rows import Model


def reproduction_commands(sources: Sources, experiments: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[Command, ...]:
    """Trainings in the order in which they were done, then the experiments (title, arguments), then the report."""
    made = [Command(_trained(model), f"{model.name}, weights {model.weights_hash[:12]}:") for model in _own(sources)]
    made += [Command(arguments, f"{title}:") for title, arguments in experiments]
    return (*made, Command(("report", "--out", "report"), "This report:"))


def _own(sources: Sources) -> Iterator[Model]:
    """Text models that were trained by a command; baselines and the untouched encoder are made by the experiments."""
    for model in sources.models:
        if model.kind == "text" and not (model.name == ONLY and model.backbone == EMBEDDED):
            yield model


def _trained(model: Model) -> tuple[str, ...]:
    """The `train` command of a text model, from what is stored of its request."""
    request = model.recipe.get("request", {})
    words = ["train", model.variant]
    if request.get("datasets"):
        words += ["--datasets", ",".join(request["datasets"])]
    if model.backbone != EMBEDDED:
        words += ["--backbone", model.backbone]
    if model.recipe.get("pooling"):
        words += ["--pooling", model.recipe["pooling"]]
    if "recipe" in model.recipe:
        words += ["--recipe", model.recipe["recipe"]]
    for phase in request.get("phases", []):
        words += _changed(model.recipe["recipe"], phase)
    words += ["--name", model.name]
    return (*words, *(("--seed", str(model.seed)) if model.seed else ()))


def _changed(recipe: str, stored: dict[str, Any]) -> list[str]:
    """`--set PHASE.KEY=VALUE` for what a phase was trained with and its recipe, as it is now, says otherwise."""
    from engine.training.recipe import DEFAULTS, load_recipe
    from store.enums import Phase

    try:
        now = DEFAULTS | load_recipe(recipe).phases[Phase(stored["phase"])].decisive()
    except BadInput:  # a recipe of one's own, in a file that is not here
        return []
    changed = {key: value for key, value in stored.items() if key != "phase" and now.get(key, value) != value}
    return [word for key, value in changed.items() for word in ("--set", f"{stored['phase']}.{key}={_spoken(value)}")]


def _spoken(value: object) -> str:
    """A setting as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
