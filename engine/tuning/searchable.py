"""What can be searched, a baseline or a text model of a recipe: how a trial of it is named, checked and asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from engine.baselines.request import BaselineRequest, check_baseline, recipe_of
from engine.registry import ONLY, ModelSpec, baselines
from engine.tuning.request import SearchRequest
from store import datasets
from store.arrays import settings_hash
from store.enums import Split
from store.errors import BadInput, unknown
from store.workspace import Workspace

if TYPE_CHECKING:
    from engine.training.recipe import Recipe
    from engine.training.request import TrainRequest

RECIPE = "modern"  # of `st5 train`, if none is named


class Searched(Protocol):
    """What a search is over. settings: those of one trial, as `KEY=VALUE`."""

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""

    @property
    def seed(self) -> int | None:
        """Of training; None where nothing of it is random."""

    def check(self, workspace: Workspace, settings: tuple[str, ...]) -> str:
        """The name of the model of these settings; `BadInput` for all that is wrong before any work."""

    def training_request(self, name: str, settings: tuple[str, ...]) -> BaselineRequest | TrainRequest:
        """What makes the model of these settings under this name."""


def searched(request: SearchRequest) -> Searched:
    """What a request searches; `BadInput` for a model that does not exist, and where there is nothing to try."""
    spec = baselines().get(request.model)
    if spec is None:
        return _text(request)
    if spec.settings is None:
        raise BadInput(f"{spec.name} has no settings to try. These have: {', '.join(_with_settings())}.")
    said = {"--backbone": request.backbone, "--recipe": request.recipe}
    for option, value in said.items():
        if value:
            raise BadInput(f"{option} {value}: is for text models, and {spec.name} is none. Leave it out.")
    if request.seed is not None and not spec.random and not request.trials:
        raise BadInput(
            f"--seed {request.seed} says nothing: {spec.name} is made without chance, and every combination is tried. "
            "Leave it out, or draw some with --trials."
        )
    if not request.tries:
        keys = ", ".join(spec.settings().document())
        raise BadInput(f"Name the values to try, such as {_example(spec)}. Settings of {spec.name}: {keys}.")
    return SearchedBaseline(request, spec)


@dataclass(frozen=True)
class SearchedBaseline:
    """A baseline, made anew for each trial."""

    request: SearchRequest
    spec: ModelSpec

    @property
    def trains(self) -> bool:
        return self.spec.trained

    @property
    def seed(self) -> int | None:
        return (self.request.seed or 0) if self.spec.random else None

    def check(self, workspace: Workspace, settings: tuple[str, ...]) -> str:
        training_request = self.training_request("", settings)
        values = recipe_of(training_request, self.spec)["settings"]
        features = (self.request.features or ONLY) if self.spec.vectors else ""
        name = _name(self.spec.name, [self.spec.version, features, self.seed, values])
        check_baseline(workspace, replace(training_request, called=name))
        with workspace.read() as db:
            dataset = datasets.dataset(db, self.request.dataset)
        if self.trains and not dataset.events.get(Split.TRAIN):
            raise BadInput(
                f"{dataset.name} has no train events, so nothing can be learned from it. "
                "Ingest it with other split boundaries, or leave it out of --datasets."
            )
        return name

    def training_request(self, name: str, settings: tuple[str, ...]) -> BaselineRequest:
        return BaselineRequest(self.spec.name, self.request.features, name, self.seed, settings, trial=True)


@dataclass(frozen=True)
class SearchedText:
    """A variant, trained for each trial on the dataset alone; phases that trials share are trained once."""

    request: SearchRequest

    @property
    def trains(self) -> bool:
        return True

    @property
    def seed(self) -> int | None:
        return self.request.seed or 0

    def check(self, workspace: Workspace, settings: tuple[str, ...]) -> str:
        from engine.training.request import check, document

        try:
            training_request = self.training_request("", settings)
            with workspace.read() as db:
                dataset = datasets.dataset(db, self.request.dataset)
            name = _name(self.request.model, document(workspace, training_request, [dataset]))
            check(workspace, replace(training_request, name=name))
        except BadInput as error:  # recipes know their settings by the option of `train`
            raise BadInput(str(error).replace("--set ", "--try ")) from None
        return name

    def training_request(self, name: str, settings: tuple[str, ...]) -> TrainRequest:
        from engine.training.request import TrainRequest

        return TrainRequest(
            self.request.model,
            _recipe(self.request, settings),
            (self.request.dataset,),
            self.request.backbone,
            name,
            self.seed or 0,
            trial=True,
        )


def best_command(request: SearchRequest, settings: dict[str, str], seed: int | None, name: str) -> tuple[str, ...]:
    """The command line after `st5` that makes a model of its own of a trial's settings."""
    words = ["baseline" if request.model in baselines() else "train", request.model, "--datasets", request.dataset]
    names = {"--features": request.features, "--backbone": request.backbone, "--recipe": request.recipe}
    for option, value in names.items():
        words += [option, value] if value else []
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    words += ["--seed", str(seed)] if seed else []
    return (*words, "--name", name)


def _text(request: SearchRequest) -> SearchedText:
    recipe = _recipe(request, ())
    if request.model not in recipe.chains or not recipe.chain(request.model):
        known = (*_with_settings(), *(name for name, chain in recipe.chains.items() if chain))
        raise unknown("model to tune", request.model, known)
    if request.features:
        raise BadInput(
            f"--features {request.features}: is for baselines that read vectors. Leave it out, or take --backbone."
        )
    if not request.tries:
        raise BadInput(
            "Name the values to try, such as --try learning-rate=2e-5,1e-4 --try batch=64,128. "
            "`st5 recipes thesis` shows every setting."
        )
    return SearchedText(request)


def _recipe(request: SearchRequest, settings: tuple[str, ...]) -> Recipe:
    from engine.training.recipe import load_recipe

    return load_recipe(request.recipe or RECIPE, settings)


def _with_settings() -> list[str]:
    return [name for name, spec in baselines().items() if spec.settings is not None]


def _example(spec: ModelSpec) -> str:
    """A `--try` that the spec would take: its first number with twice its default."""
    assert spec.settings is not None
    values: dict[str, Any] = spec.settings().document()
    key = next((key for key, value in values.items() if isinstance(value, int)), next(iter(values)))
    return f"--try {key}={values[key]},{2 * values[key]}" if isinstance(values[key], int) else f"--try {key}=…"


def _name(model: str, decisive: Any) -> str:
    """The name of a trial's model: `sasrec-tune-3fa2b81c`, the same for the same settings."""
    return f"{model}-tune-{settings_hash(decisive)[:8]}"
