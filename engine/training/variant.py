"""A variant from its phases: each trained or read from the cache, the last one's weights saved (thesis 5.1.1)."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

from engine import __version__
from engine.encoding.backbone import backbone_model, backbone_source, embedded_backbone, stored_prompts
from engine.models import make_only
from engine.progress import Observer
from engine.registry import EMBEDDED
from engine.text.prompts import Prompts
from engine.training.request import TrainRequest, document
from store import datasets
from store import models as stored_models
from store.errors import Failed
from store.rows import Dataset, Model, TrainedPhase
from store.workspace import Workspace


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
    untrained, prompts = not _trained(workspace, request.backbone), stored_prompts(workspace, request.backbone)
    done: list[TrainedPhase] = []
    for phase in request.chain:
        settings = request.recipe.phases[phase]
        fresh = untrained and not done
        step = PhaseRequest(phase, settings, found, request.seed, source, parent, request.device, reads, fresh, prompts)
        done.append(train_phase(workspace, step, observer))
        source, parent = str(weights_of(workspace, done[-1].key)), done[-1].key
        reads = done[-1].summary.get("reads", 0)  # phases of earlier versions do not say
        prompts = Prompts.of(done[-1].summary)
    return _named(workspace, request, found, done)


def _named(workspace: Workspace, request: TrainRequest, datasets: list[Dataset], done: list[TrainedPhase]) -> Model:
    """The last phase's weights under the model's name, and the row that tells where they come from."""
    from engine.encoding.encoder import load
    from engine.training import distributed
    from engine.training.phase import weights_of

    last = done[-1]
    prompts = Prompts.of(last.summary)
    encoder = load(str(weights_of(workspace, last.key)), device="cpu", precision="fp32", prompts=prompts)
    folder = workspace.models / request.name
    if distributed.is_first():
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
                    "request": document(workspace, request, datasets),
                    **prompts.document(),
                },
                lineage=[asdict(phase) for phase in done],
                seed=request.seed,
                code_version=__version__,
                device=last.device,
                trial=request.trial,
            )
    distributed.wait()
    with workspace.read() as db:
        return stored_models.model(db, request.name)


def _trained(workspace: Workspace, backbone: str) -> bool:
    """Whether a backbone is a model that was trained here."""
    model = backbone_model(workspace, backbone)
    return model is not None and bool(model.lineage)


def _copy(source: Path, target: Path) -> None:
    """A folder of weights under another name. Neither is ever written into, so both may share their files."""
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part, copy_function=_linked)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(
            f"{target}: the weights cannot be written ({error}). Free some space, or check the disk."
        ) from error


def _linked(source: str, target: str) -> None:
    """The same file once more; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
