"""What the forms offer: the workspace's datasets and models, the program's recipes and experiments."""

from __future__ import annotations

from store import datasets as dataset_store
from store import experiments as experiment_store
from store import models as model_store
from store.errors import Problem
from store.workspace import Workspace
from workbench.launch.job_form import FormOptions
from workbench.ui.numbers import count

TRAINED = ("nopre", "itempre", "final")  # variants that every recipe can train


def read_form_options(workspace: Workspace) -> FormOptions:
    """Everything to choose from; what cannot be read is said in `trouble`, the rest is offered."""
    from engine.experiments.definition import definition_names, load_definition
    from engine.registry import baselines, made_on_first_use
    from engine.training.recipe import load_recipe, recipe_names

    datasets, models, text_models, requested_experiments, trouble = [], [], [], [], ""
    if workspace.exists():
        try:
            with workspace.read() as db:
                datasets = [
                    (one.name, f"{count(one.events.get('train', 0))} train events")
                    for one in dataset_store.datasets(db)
                ]
                stored = model_store.models(db)
                requested_experiments = [(one.name, "") for one in experiment_store.experiments(db)]
            models = [(model.name, "") for model in stored]
            text_models = [(model.name, model.backbone) for model in stored if model.kind == "text"]
        except (Problem, ValueError, KeyError, TypeError) as error:
            trouble = f"Datasets and models cannot be read: {error}"
    known = {name for name, _ in models}
    models += [(name, "made when it is first used") for name in made_on_first_use() if name not in known]
    if "only" not in known:
        text_models.append(("only", "made when it is first used"))
    return FormOptions(
        datasets=tuple(datasets),
        models=tuple(models),
        text_models=tuple(text_models),
        recipes=tuple((name, load_recipe(name).summary) for name in recipe_names()),
        baselines=tuple((name, kind.summary) for name, kind in baselines().items()),
        tunable=(
            *((name, kind.summary) for name, kind in baselines().items() if kind.settings is not None),
            *((name, "a text model") for name in TRAINED),
        ),
        experiments=tuple((name, load_definition(name).title) for name in definition_names()),
        requested_experiments=tuple(requested_experiments),
        trouble=trouble,
    )
