"""A request to train or evaluate a baseline, validated before any work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.model_name import check_name
from engine.model_settings import numbers, with_overrides
from engine.registry import ONLY, ModelSpec, baselines, made_on_first_use, registry, stored_model
from store import models as stored_models
from store.errors import BadInput, unknown
from store.workspace import Workspace


@dataclass(frozen=True)
class BaselineRequest:
    """Which baseline to make. features: the text model whose vectors it takes, "" for `only`; called: its name, "" for
    the usual one; settings as `KEY=VALUE` where it has some, seed where it is trained with chance; parts: the models
    that it is made of, where it is. trial: for a search over settings, so that lists leave it out."""

    kind: str
    features: str = ""
    called: str = ""
    seed: int | None = None
    settings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    trial: bool = False

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.called or (self.kind if self.features in ("", ONLY) else f"{self.kind}-{self.features}")


def check_baseline(workspace: Workspace, request: BaselineRequest) -> ModelSpec:
    """The kind of a request; `BadInput` for all that is wrong with it and can be seen before any work."""
    spec = baselines().get(request.kind)
    if spec is None:
        faults = (fault for fault in registry().faults if fault.startswith(f"The model {request.kind} "))
        raise unknown("baseline", request.kind, baselines(), " ".join(faults))
    if request.features and not spec.vectors:
        raise BadInput(f"{request.kind} reads no vectors, so --features {request.features} says nothing. Leave it out.")
    if request.features not in ("", ONLY):
        with workspace.read() as db:
            wrong = request.features in baselines() or stored_model(db, request.features).kind != "text"
        if wrong:
            raise BadInput(
                f"--features {request.features}: {request.features} is no text model. `st5 models` lists them."
            )
    _refuse_what_says_nothing(request, spec)
    _check_parts(workspace, request, spec)
    if spec.settings is None:
        return spec
    check_name(request.name)
    if request.name in {ONLY, *baselines()} - {request.kind}:
        raise BadInput(f'--name {request.name}: "{request.name}" is another model. Choose another --name.')
    recipe = recipe_of(request, spec)
    with workspace.read() as db:
        old = stored_models.find_model(db, request.name)
    if old is not None:
        made = (old.variant, old.features, old.seed or 0, old.recipe.get("settings"), *old.recipe.get("parts", ()))
        wanted = (request.kind, (request.features or ONLY) if spec.vectors else "", request.seed or 0)
        if made != (*wanted, recipe["settings"], *(part.name for part in parts_of(request, spec))):
            raise BadInput(
                f'There is already a model "{request.name}", made in another way (`st5 models {request.name}` says '
                "how). Choose another --name."
            )
    return spec


def _check_parts(workspace: Workspace, request: BaselineRequest, spec: ModelSpec) -> None:
    _check_named_parts(workspace, request, spec)
    if not spec.parts or spec.settings is None:
        return
    weights = with_overrides(spec.settings, spec.name, request.settings).document().get("weights", "")
    names = [part.name for part in parts_of(request, spec)]
    if weights and len(numbers(weights)) != len(names):
        raise BadInput(
            f"weights = {weights}: {len(numbers(weights))} for {len(names)} parts ({','.join(names)}). Give one for "
            "each, in their order, or none to have them found."
        )


def _check_named_parts(workspace: Workspace, request: BaselineRequest, spec: ModelSpec) -> None:
    said = ",".join(request.parts)
    if not spec.parts or spec.made_of:
        if request.parts:
            why = f"is made of {', '.join(spec.made_of)}" if spec.made_of else "is not made of other models"
            raise BadInput(f"{request.kind} {why}, so --parts {said} says nothing. Leave it out.")
        return
    if len(set(request.parts)) < max(2, len(request.parts)) or request.name in request.parts:
        raise BadInput(
            f"--parts {said or '(nothing)'}: {request.kind} is made of two or more other models, each named once. Say "
            "which, such as --parts last-item,pop-recent; `st5 models` lists them."
        )
    with workspace.read() as db:
        for name in request.parts:
            if name not in made_on_first_use():
                stored_model(db, name)


def parts_of(request: BaselineRequest, spec: ModelSpec) -> list[BaselineRequest]:
    """What a model is made of, in the order of its weights; of models that are stored already, the name alone."""
    if not spec.made_of:
        return [BaselineRequest("", called=name) for name in request.parts]
    return [_part(request, name) for name in spec.made_of]


def _part(request: BaselineRequest, kind: str) -> BaselineRequest:
    spec = baselines()[kind]
    part = BaselineRequest(kind, request.features if spec.vectors else "")
    if not spec.random or not request.seed:
        return part
    return replace(part, called=f"{part.name}-seed{request.seed}", seed=request.seed)


def recipe_of(request: BaselineRequest, spec: ModelSpec) -> dict[str, Any]:
    """The settings in full, and what was said of them; nothing of a model that has none."""
    if spec.settings is None:
        return {}
    settings = with_overrides(spec.settings, spec.name, request.settings)
    return {"settings": settings.document(), "said": list(request.settings)}


def _refuse_what_says_nothing(request: BaselineRequest, spec: ModelSpec) -> None:
    said = {"--seed": request.seed, "--name": request.called, "--set": " ".join(request.settings)}
    if spec.random:
        return
    for option, value in said.items():
        if value not in (None, "") and (spec.settings is None or option == "--seed"):
            why = "is trained without chance" if spec.trained else "is not trained"
            raise BadInput(f"{request.kind} {why}, so {option} {value} says nothing. Leave it out.")
