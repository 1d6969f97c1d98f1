"""Models by name: text models with a folder of weights, and baselines that need none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from engine import __version__
from engine.baselines.request import BaselineRequest, parts_of, recipe_of
from engine.encoding.backbone import backbone_model, backbone_source, embedded_backbone, stored_prompts
from engine.model_name import check_name
from engine.registry import EMBEDDED, ONLY, baselines, made_on_first_use, stored_model
from engine.text.prompts import Prompts
from store import models as stored_models
from store.arrays import content_hash, settings_hash
from store.errors import Failed
from store.rows import Model
from store.workspace import Workspace

if TYPE_CHECKING:
    from engine.encoding.encoder import Encoder


def open_model(workspace: Workspace, name: str, *, device: str = "auto", precision: str = "auto") -> Model:
    """The model of this name; `only` and the baselines are made on first use, from the embedded backbone."""
    with workspace.read() as db:
        found = stored_models.find_model(db, name)
    if found is not None:
        return found
    if name == ONLY:
        return make_only(workspace, name=ONLY, backbone="", device=device, precision=precision)
    if name in made_on_first_use():
        return make_baseline(workspace, BaselineRequest(name))
    with workspace.read() as db:
        return stored_model(db, name)  # says which names there are


def make_only(
    workspace: Workspace,
    *,
    name: str,
    backbone: str,
    pooling: str = "",
    device: str = "auto",
    precision: str = "auto",
) -> Model:
    """The variant `only`: a backbone as it is, with our markers, saved into the workspace (thesis 4.2).

    pooling: as for `encoder.load`; what is saved says it from then on. A backbone that was trained here hands on
    what it was trained on.
    """
    from engine.encoding.encoder import load

    check_name(name)
    source, parent = backbone_source(workspace, backbone) or embedded_backbone(), backbone_model(workspace, backbone)
    prompts = stored_prompts(workspace, backbone)
    encoder = load(source, pooling=pooling, device=device, precision=precision, prompts=prompts)
    folder = workspace.models / name
    with workspace.write() as db, workspace.lock(f"model-{name}"):
        old = stored_models.find_model(db, name)
        if old is None or (old.weights_hash == encoder.weights_hash and not folder.exists()):
            # Before the row, so that no reader meets a model without weights. Loaded anew, because the precision
            # that the device prefers must not reach the file.
            exact = load(encoder.source, pooling=pooling, device="cpu", precision="fp32", prompts=prompts)
            save_encoder(exact, folder)
        return stored_models.put_model(
            db,
            name=name,
            kind="text",
            variant=ONLY,
            backbone=backbone or EMBEDDED,
            folder=str(folder.relative_to(workspace.folder)),
            weights_hash=encoder.weights_hash,
            tokenizer_hash=encoder.tokenizer_hash,
            recipe={
                "length": encoder.length,
                "dimension": encoder.dimension,
                **({"pooling": pooling} if pooling else {}),
                **encoder.prompts.document(),
            },
            lineage=parent.lineage if parent else [],
            code_version=__version__,
            device=encoder.device_name,
        )


def make_baseline(workspace: Workspace, request: BaselineRequest) -> Model:
    """The baseline of a checked request under its name. What it learns from a dataset is trained apart."""
    spec = baselines()[request.kind]
    features = (request.features or ONLY) if spec.vectors else ""
    recipe = recipe_of(request, spec)
    seed = (request.seed or 0) if spec.random else None
    parts = [spec.version]
    if features:
        parts.append(open_model(workspace, features).weights_hash)
    if recipe:
        parts.append(settings_hash(recipe["settings"]))
    if spec.parts:
        made = [
            make_baseline(workspace, part) if part.kind else open_model(workspace, part.called)
            for part in parts_of(request, spec)
        ]
        recipe["parts"] = {part.name: part.weights_hash for part in made}
        parts += [word for part in recipe["parts"].items() for word in part]
    if seed is not None:
        parts.append(str(seed))
    with workspace.write() as db:
        return stored_models.put_model(
            db,
            name=request.name,
            kind="baseline",
            variant=request.kind,
            features=features,
            weights_hash=content_hash(*parts),
            recipe=recipe,
            seed=seed,
            code_version=__version__,
            replace=spec.settings is None,
            trial=request.trial,
        )


def text_model(workspace: Workspace, model: Model) -> Model | None:
    """The text model whose vectors this model ranks by: itself, its features, or None."""
    if model.kind == "text":
        return model
    return open_model(workspace, model.features) if model.features else None


def open_encoder(workspace: Workspace, model: Model, *, device: str = "auto", precision: str = "auto") -> Encoder:
    """The encoder of a text model; `Failed` where its folder is not what was stored."""
    from engine.encoding.encoder import load_stored

    folder = workspace.folder / model.folder
    if not folder.is_dir():
        raise Failed(f"{folder}: the weights of {model.name} are gone. Train it again, or bring the folder back.")
    encoder = load_stored(
        folder,
        model.weights_hash,
        model.tokenizer_hash,
        device=device,
        precision=precision,
        prompts=Prompts.of(model.recipe),
    )
    if encoder.weights_hash != model.weights_hash or encoder.tokenizer_hash != model.tokenizer_hash:
        raise Failed(
            f"{folder}: these are not the weights that were stored as {model.name} (hash {encoder.weights_hash[:8]}, "
            f"stored {model.weights_hash[:8]}). Give them a name with `st5 train only --backbone {folder} --name …`."
        )
    return encoder


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """The weights under a folder that is complete or not there; what a killed process left of it is replaced."""
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        encoder.save(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except Exception as error:  # safetensors and tokenizers have their own classes for a full or broken disk
        shutil.rmtree(part, ignore_errors=True)
        raise Failed(
            f"{folder}: the weights cannot be written ({error}). Free some space, or check the disk."
        ) from error
