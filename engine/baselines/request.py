"""What somebody asks of a baseline, and all that can be said against it before any work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.baselines.settings import settings_for
from engine.kinds import BASELINES, ONLY, Baseline
from engine.model_name import check_name
from store import models as stored_models
from store.errors import BadInput, unknown
from store.workspace import Workspace


@dataclass(frozen=True)
class BaselineRequest:
    """Which baseline to make. features: the text model whose vectors it takes, "" for `only`; called: its name, "" for
    the usual one; seed and settings (`KEY=VALUE`) where it is trained."""

    kind: str
    features: str = ""
    called: str = ""
    seed: int | None = None
    settings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.called or (self.kind if self.features in ("", ONLY) else f"{self.kind}-{self.features}")


def check_baseline(workspace: Workspace, request: BaselineRequest) -> Baseline:
    """The kind of a request; `BadInput` for all that is wrong with it and can be seen before any work."""
    kind = BASELINES.get(request.kind)
    if kind is None:
        raise unknown("baseline", request.kind, BASELINES)
    if request.features and not kind.vectors:
        raise BadInput(f"{request.kind} reads no vectors, so --features {request.features} says nothing. Leave it out.")
    if request.features not in ("", ONLY):
        with workspace.read() as db:
            wrong = request.features in BASELINES or stored_models.model(db, request.features).kind != "text"
        if wrong:
            raise BadInput(
                f"--features {request.features}: {request.features} is no text model. `st5 models` lists them."
            )
    if not kind.trained:
        said = {"--seed": request.seed, "--name": request.called, "--set": " ".join(request.settings)}
        for option, value in said.items():
            if value not in (None, ""):
                raise BadInput(f"{request.kind} is not trained, so {option} {value} says nothing. Leave it out.")
        return kind
    check_name(request.name)
    if request.name in {ONLY, *BASELINES} - {request.kind}:
        raise BadInput(f'--name {request.name}: "{request.name}" is another model. Choose another --name.')
    recipe = recipe_of(request)
    with workspace.read() as db:
        old = stored_models.find_model(db, request.name)
    if old is not None:
        made = (old.variant, old.features, old.seed, old.recipe.get("settings"))
        wanted = (request.kind, (request.features or ONLY) if kind.vectors else "", request.seed or 0)
        if made != (*wanted, recipe["settings"]):
            raise BadInput(
                f'There is already a model "{request.name}", made in another way (`st5 models {request.name}` says '
                "how). Choose another --name."
            )
    return kind


def recipe_of(request: BaselineRequest) -> dict[str, Any]:
    """The settings in full, and what was said of them."""
    return {"settings": settings_for(request.kind, request.settings).document(), "said": list(request.settings)}
