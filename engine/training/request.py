"""A request to train a variant, validated before any work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.encoding.backbone import backbone_source, check_folder, embedded_backbone, stored_prompts
from engine.model_name import check_name
from engine.training.pairs import check_descriptions
from engine.training.recipe import Recipe, check_losses, check_overrides
from store import datasets
from store import models as stored_models
from store.enums import Phase, Split
from store.errors import BadInput
from store.rows import Dataset
from store.workspace import Workspace


@dataclass(frozen=True)
class TrainRequest:
    """What to train. variant: a chain of the recipe; datasets: names; backbone: folder, hub name, name of a text model
    of the workspace, or "" for the embedded one; pooling: of a backbone that does not say it, for `only` alone; trial:
    for a search over settings, so that lists leave the model out."""

    variant: str
    recipe: Recipe
    datasets: tuple[str, ...]
    backbone: str
    name: str
    seed: int
    device: str = "auto"
    pooling: str = ""
    trial: bool = False

    @property
    def chain(self) -> tuple[Phase, ...]:
        return self.recipe.chain(self.variant)


def check(workspace: Workspace, request: TrainRequest) -> None:
    """`BadInput` for all that is wrong with a request and can be seen before any work: the job need not start."""
    check_name(request.name)
    chain = request.chain
    check_overrides(request.recipe, request.variant)
    check_losses(request.recipe, request.variant)
    if request.pooling and (chain or not request.backbone):
        raise BadInput(
            f"--pooling {request.pooling}: is for `st5 train only --backbone NAME`. What that makes knows its pooling "
            f"and is a backbone for {request.variant if chain else 'every variant'}."
        )
    if request.backbone:
        check_folder(backbone_source(workspace, request.backbone), request.pooling)
    else:
        embedded_backbone()
    if not chain:
        return
    if not request.datasets:
        raise BadInput(f"{request.variant} is trained, so --datasets is needed. `st5 datasets` lists them.")
    with workspace.read() as db:
        found = [datasets.dataset(db, name) for name in request.datasets]
        for dataset in found:
            if not dataset.events.get(Split.TRAIN):
                raise BadInput(
                    f"{dataset.name} has no train events, so nothing can be learned from it. "
                    "Ingest it with other split boundaries, or leave it out of --datasets."
                )
        if Phase.ITEM_DESCRIPTION in chain:
            check_descriptions(db, found)
        valid = sum(dataset.events.get(Split.VALID, 0) for dataset in found)
        for phase in chain:
            settings = request.recipe.phases[phase]
            if settings.best_by != "last" and not (valid and settings.validation_events):
                raise BadInput(
                    f"best-by = {settings.best_by} needs valid events, and there are none "
                    f"({', '.join(dataset.name for dataset in found)}). Take the last weights with --set best-by=last."
                )
        old = stored_models.find_model(db, request.name)
        if old is not None and old.recipe.get("request") != document(workspace, request, found):
            raise BadInput(
                f'There is already a model "{request.name}", made in another way (`st5 models {request.name}` says '
                "how). Choose another --name."
            )


def warnings(workspace: Workspace, request: TrainRequest) -> list[str]:
    """What a checked request asks for and will not get, a sentence each: epochs beyond the cap on pairs."""
    if not any(override.key == "epochs" for override in request.recipe.overrides):
        return []
    with workspace.read() as db:
        found = [datasets.dataset(db, name) for name in request.datasets]
    events = sum(dataset.events.get(Split.TRAIN, 0) for dataset in found)
    items = sum(dataset.items for dataset in found)
    sentences = []
    for phase in request.chain:
        settings = request.recipe.phases[phase]
        most = items if phase is Phase.ITEM_DESCRIPTION else events  # pairs of one epoch
        reached = -(-settings.pairs // max(1, min(settings.pairs, most)))
        if settings.pairs and reached < settings.epochs:
            sentences.append(
                f"{phase} may end before epochs = {settings.epochs}: the recipe stops it after pairs = "
                f"{settings.pairs:,}, and an epoch can have {min(settings.pairs, most):,}. "
                f"Pass --set {phase}.pairs=0 to train all epochs."
            )
    return sentences


def document(workspace: Workspace, request: TrainRequest, datasets: list[Dataset]) -> dict[str, Any]:
    """All that decides a model, to tell whether the same was asked before."""
    prompts = stored_prompts(workspace, request.backbone)
    if prompts is None and request.backbone:
        folder = check_folder(request.backbone)
        prompts = folder.prompts if folder is not None else None
    return {
        "variant": request.variant,
        "backbone": request.backbone,
        "seed": request.seed,
        "datasets": {dataset.name: dataset.fingerprint for dataset in sorted(datasets, key=lambda d: d.name)},
        "phases": [{"phase": str(phase)} | request.recipe.phases[phase].decisive() for phase in request.chain],
        **(prompts.document() if prompts else {}),
    }
