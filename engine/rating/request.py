"""What is asked of `st5 rate`, and whether it can be done; nothing heavy is loaded to see that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.audit.leakage import refuse_leakage
from engine.rating.predictor import Predictor, PredictorSettings
from engine.rating.ratings import check_rated
from engine.registry import ONLY, stored_model
from store import datasets, models
from store.errors import BadInput
from store.workspace import Workspace


@dataclass(frozen=True)
class RateRequest:
    """What to predict with. features: the text model that ridge and dense read, "" for `only` and if none is read.

    device and precision: `auto`, or a name.
    """

    predictor: Predictor
    settings: PredictorSettings
    features: str = ""
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"


def check(workspace: Workspace, request: RateRequest, names: Sequence[str]) -> None:
    """`BadInput` for all that is wrong with a request and can be seen before any work."""
    if request.features and not request.predictor.reads_text:
        raise BadInput(
            f"{request.predictor} reads no text, so --features {request.features} says nothing. Leave it out."
        )
    if request.seed < 0:
        raise BadInput(f"--seed {request.seed}: allowed are 0 and above.")
    if not names:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    with workspace.read() as db:
        for name in names:
            check_rated(db, datasets.dataset(db, name))
        if request.features not in ("", ONLY):
            model = stored_model(db, request.features)
            if model.kind != "text":
                texts = ", ".join(found.name for found in models.models(db) if found.kind == "text") or ONLY
                raise BadInput(f"--features {model.name}: is a baseline and has no vectors. Text models: {texts}.")
            for name in names:
                refuse_leakage(db, model, datasets.dataset(db, name))
