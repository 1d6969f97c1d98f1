"""A variant from its phases: each trained or found again, the last one's weights saved under a name (thesis 5.1.1)."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import __version__
from engine.encoding.backbone import check_folder, embedded_backbone
from engine.kinds import EMBEDDED
from engine.models import backbone_model, backbone_source, check_name, make_only
from engine.progress import Observer
from engine.training.recipe import Recipe
from store import datasets
from store import models as stored_models
from store.errors import BadInput, Failed
from store.records import Dataset, Model, TrainedPhase
from store.words import Phase, Split
from store.workspace import Workspace


@dataclass(frozen=True)
class TrainRequest:
    """What to train. variant: a chain of the recipe; datasets: names; backbone: folder, hub name, name of a text model
    of the workspace, or "" for the embedded one; pooling: of a backbone that does not say it, for `only` alone."""

    variant: str
    recipe: Recipe
    datasets: tuple[str, ...]
    backbone: str
    name: str
    seed: int
    device: str = "auto"
    pooling: str = ""

    @property
    def chain(self) -> tuple[Phase, ...]:
        return self.recipe.chain(self.variant)


def check(workspace: Workspace, request: TrainRequest) -> None:
    """`BadInput` for all that is wrong with a request and can be seen before any work: the job need not start."""
    check_name(request.name)
    chain = request.chain
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
    from engine.training.pairs import check_descriptions

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
        if old is not None and old.recipe.get("request") != _document(request, found):
            raise BadInput(
                f'There is already a model "{request.name}", made in another way (`st5 models {request.name}` says '
                "how). Choose another --name."
            )


def find(workspace: Workspace, request: TrainRequest) -> Model | None:
    """The model of a checked request where it is there with its weights."""
    with workspace.read() as db:
        found = stored_models.find_model(db, request.name)
    return found if found is not None and (workspace.folder / found.folder).is_dir() else None


def train(workspace: Workspace, request: TrainRequest, observer: Observer) -> Model:
    """The model of a checked request: the stored one where nothing changed, else trained phase after phase."""
    if not request.chain:
        return make_only(
            workspace, name=request.name, backbone=request.backbone, pooling=request.pooling, device=request.device
        )
    old = find(workspace, request)
    if old is not None:
        observer.tell("model", f"{request.name} is there already, trained in the same way.")
        return old
    with workspace.read() as db:
        found = [datasets.dataset(db, name) for name in sorted(set(request.datasets))]
    from engine.training.phase import PhaseRequest, train_phase, weights_of

    source, parent, reads = backbone_source(workspace, request.backbone) or embedded_backbone(), "", 0
    untrained = not _trained(workspace, request.backbone)
    done: list[TrainedPhase] = []
    for phase in request.chain:
        settings = request.recipe.phases[phase]
        fresh = untrained and not done
        step = PhaseRequest(phase, settings, found, request.seed, source, parent, request.device, reads, fresh)
        done.append(train_phase(workspace, step, observer))
        source, parent = str(weights_of(workspace, done[-1].key)), done[-1].key
        reads = done[-1].summary.get("reads", 0)  # phases of earlier versions do not say
    return _named(workspace, request, found, done)


def _named(workspace: Workspace, request: TrainRequest, found: list[Dataset], done: list[TrainedPhase]) -> Model:
    """The last phase's weights under the model's name, and the row that tells where they come from."""
    from engine.encoding.encoder import load
    from engine.training import ranks
    from engine.training.phase import weights_of

    last = done[-1]
    encoder = load(str(weights_of(workspace, last.key)), device="cpu", precision="fp32")
    folder = workspace.models / request.name
    if ranks.first():
        with workspace.lock(f"model-{request.name}"), workspace.write() as db:
            _copy(weights_of(workspace, last.key), folder)
            stored_models.put_model(
                db,
                name=request.name,
                kind="text",
                variant=request.variant,
                backbone=request.backbone or EMBEDDED,
                folder=str(folder.relative_to(workspace.folder)),
                weights_hash=encoder.weights_hash,
                tokenizer_hash=encoder.tokenizer_hash,
                recipe={
                    "length": encoder.length,
                    "dimension": encoder.dimension,
                    "recipe": request.recipe.name,
                    "request": _document(request, found),
                },
                lineage=[asdict(phase) for phase in done],
                seed=request.seed,
                code_version=__version__,
                device=last.device,
            )
    ranks.wait()
    with workspace.read() as db:
        return stored_models.model(db, request.name)


def _document(request: TrainRequest, found: list[Dataset]) -> dict[str, Any]:
    """All that decides a model, to tell whether the same was asked before."""
    return {
        "variant": request.variant,
        "backbone": request.backbone,
        "seed": request.seed,
        "datasets": {dataset.name: dataset.fingerprint for dataset in sorted(found, key=lambda d: d.name)},
        "phases": [{"phase": str(phase)} | request.recipe.phases[phase].decisive() for phase in request.chain],
    }


def _trained(workspace: Workspace, backbone: str) -> bool:
    """Whether a backbone is a model that was trained here."""
    model = backbone_model(workspace, backbone)
    return model is not None and bool(model.lineage)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(
            f"{target}: the weights cannot be written ({error}). Free some space, or check the disk."
        ) from error
