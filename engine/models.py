"""Models by name: text models with a folder of weights, and baselines that need none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import __version__
from store import models as stored_models
from store.arrays import content_hash
from store.errors import BadInput, Failed, unknown
from store.records import Model
from store.workspace import Workspace

if TYPE_CHECKING:
    from engine.encoding.encoder import Encoder

ONLY = "only"
EMBEDDED = "all-MiniLM-L6-v2 (embedded)"


@dataclass(frozen=True)
class Baseline:
    """A model without weights. `version` changes when its scores do; `reads_text` means it needs a text model."""

    version: str
    reads_text: bool
    summary: str


BASELINES = {
    "pop": Baseline("pop 1", False, "how often an item occurs in the train part (thesis 3.5.1)"),
    "pop-recent": Baseline("pop-recent 1", False, "how often an item occurs in the newest tenth of the train part"),
    "last-item": Baseline("last-item 1", True, "the items whose text is nearest to that of the newest item"),
}


def open_model(workspace: Workspace, name: str, *, device: str = "auto", precision: str = "auto") -> Model:
    """The model of this name; `only` and the baselines are made on first use, from the embedded backbone."""
    with workspace.read() as db:
        found = stored_models.find_model(db, name)
    if found is not None:
        return found
    if name == ONLY:
        return make_only(workspace, name=ONLY, backbone="", device=device, precision=precision)
    if name in BASELINES:
        return make_baseline(workspace, name)
    with workspace.read() as db:
        return stored_models.model(db, name)  # says which names there are


def make_only(
    workspace: Workspace, *, name: str, backbone: str, device: str = "auto", precision: str = "auto"
) -> Model:
    """The variant `only`: a backbone as it is, with our markers, saved into the workspace (thesis 4.2)."""
    from engine.encoding.backbone import embedded_backbone
    from engine.encoding.encoder import load

    check_name(name)
    encoder = load(backbone or embedded_backbone(), device=device, precision=precision)
    folder = workspace.models / name
    with workspace.write() as db, workspace.lock(f"model-{name}"):
        old = stored_models.find_model(db, name)
        if old is None or (old.weights_hash == encoder.weights_hash and not folder.exists()):
            # Before the row, so that no reader meets a model without weights. Loaded anew, because the precision
            # that the device prefers must not reach the file.
            save_encoder(load(encoder.source, device="cpu", precision="fp32"), folder)
        return stored_models.put_model(
            db,
            name=name,
            kind="text",
            variant=ONLY,
            backbone=backbone or EMBEDDED,
            folder=str(folder.relative_to(workspace.folder)),
            weights_hash=encoder.weights_hash,
            tokenizer_hash=encoder.tokenizer_hash,
            recipe={"length": encoder.length, "dimension": encoder.dimension},
            code_version=__version__,
            device=encoder.device_name,
        )


def check_baseline(name: str, features: str) -> Baseline:
    """The baseline of this name; `BadInput` where there is none, or where it has no use for `features`."""
    kind = BASELINES.get(name)
    if kind is None:
        raise unknown("baseline", name, BASELINES)
    if features and not kind.reads_text:
        raise BadInput(f"{name} reads no text, so --features {features} says nothing. Leave it out.")
    return kind


def make_baseline(workspace: Workspace, name: str, features: str = "") -> Model:
    """A baseline under its name; with `features`, a text model other than `only`, as `last-item-FEATURES`."""
    kind = check_baseline(name, features)
    features = (features or ONLY) if kind.reads_text else ""
    parts = [kind.version]
    if features:
        parts.append(open_model(workspace, features).weights_hash)
    with workspace.write() as db:
        return stored_models.put_model(
            db,
            name=name if features in ("", ONLY) else f"{name}-{features}",
            kind="baseline",
            variant=name,
            features=features,
            weights_hash=content_hash(*parts),
            code_version=__version__,
            replace=True,
        )


def text_model(workspace: Workspace, model: Model) -> Model | None:
    """The text model whose vectors this model ranks by: itself, its features, or None."""
    if model.kind == "text":
        return model
    return open_model(workspace, model.features) if model.features else None


def open_encoder(workspace: Workspace, model: Model, *, device: str = "auto", precision: str = "auto") -> Encoder:
    """The encoder of a text model; `Failed` where its folder is not what was stored."""
    from engine.encoding.encoder import load

    folder = workspace.folder / model.folder
    if not folder.is_dir():
        raise Failed(f"{folder}: the weights of {model.name} are gone. Train it again, or bring the folder back.")
    encoder = load(str(folder), device=device, precision=precision)
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


def check_name(name: str) -> None:
    """`BadInput` unless the name can be a folder and needs no quotes on a command line."""
    if not name or name != Path(name).name or not all(c.isalnum() or c in "-_.+" for c in name) or name[0] in "-.":
        raise BadInput(f'"{name}" cannot be a name. Allowed: letters, digits, - _ . + (not first: - or .).')
