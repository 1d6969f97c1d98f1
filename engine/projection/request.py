"""A request for a map; validated before any work, and cached by the content hash of its inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.projection.method import Method, Parameters, PointKind, parameters
from engine.projection.sample import shares
from engine.registry import ONLY, made_on_first_use, stored_model
from engine.text.sentences import Template
from engine.text_format import TextFormat
from store import datasets as stored_datasets
from store import models as stored_models
from store.arrays import settings_hash
from store.errors import BadInput
from store.rows import Dataset, Model
from store.workspace import Workspace

VERSION = "projection 1"  # changes when equal requests give other points or numbers


@dataclass(frozen=True)
class ProjectionRequest:
    """A map of `kind` of some datasets by one text model.

    sample: points in all, 0 for 2,000 of each dataset. overrides: settings of the method as `KEY=VALUE`. device and
    precision: `auto`, or a name.
    """

    model: str
    datasets: tuple[str, ...]
    kind: PointKind
    method: Method
    sample: int = 0
    seed: int = 0
    overrides: tuple[str, ...] = ()
    text_format: TextFormat = field(default_factory=TextFormat)
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True)
class Plan:
    """A checked request: its datasets by name, the points that each gives, and all settings of the method."""

    datasets: tuple[Dataset, ...]
    counts: tuple[int, ...]
    parameters: Parameters

    @property
    def fingerprints(self) -> dict[str, str]:
        return {dataset.name: dataset.fingerprint for dataset in self.datasets}


def plan(workspace: Workspace, request: ProjectionRequest) -> Plan:
    """What the request comes to; `BadInput` for all that is wrong with it and can be seen before any work."""
    if not request.datasets:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    if request.seed < 0:
        raise BadInput(f"--seed {request.seed}: allowed are 0 and above.")
    with workspace.read() as db:
        # In one order, so that A,B and B,A are one map.
        found = tuple(stored_datasets.dataset(db, name) for name in sorted(set(request.datasets)))
        model = stored_models.find_model(db, request.model)
        if model is None and request.model not in made_on_first_use():
            stored_model(db, request.model)  # says which names there are
        if (model.kind != "text") if model else request.model != ONLY:
            raise BadInput(f"{request.model} has no vectors of its own. Choose a text model; `st5 models` lists them.")
    sizes = [dataset.items if request.kind is PointKind.ITEMS else dataset.users for dataset in found]
    counts = tuple(shares(sizes, request.sample))
    return Plan(found, counts, parameters(request.method, request.overrides, sum(counts)))


def projection_key(request: ProjectionRequest, plan: Plan, model: Model, precision: str) -> str:
    """The content hash of all that decides a map, and of the names under which it is looked for."""
    template = request.text_format.of(model)
    return settings_hash(
        [
            VERSION,
            [model.name, list(plan.fingerprints.items())],
            [model.weights_hash, model.tokenizer_hash, model.recipe["length"], precision],
            [template.history.value, template.item_text.value],
            [request.kind.value, request.method.value, plan.parameters],
            [list(plan.counts), request.seed],
        ]
    )


def described(plan: Plan, template: Template, precision: str, library: str) -> dict[str, Any]:
    """All settings as they are stored with a map."""
    return {
        **plan.parameters,
        "library": library,
        "sample": dict(zip(plan.fingerprints, plan.counts, strict=True)),
        "history": template.history.value,
        "item_text": template.item_text.value,
        "precision": precision,
    }
