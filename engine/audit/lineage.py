"""Which users' choices went into a model's weights, over all the models that it was made from."""

from __future__ import annotations

import sqlite3

from store import models as stored_models
from store.arrays import content_hash
from store.enums import Phase
from store.rows import Model


def learned_from(db: sqlite3.Connection, model: Model) -> dict[str, str]:
    """Name by fingerprint of the datasets whose train interactions this model's weights were fitted to.

    Follows the models of the workspace that it started from, those it is made of, and the text model whose vectors it
    reads. The
    item-description phase reads catalogues only. What a baseline counts or fits itself is the train part of the very
    dataset that it is evaluated on.
    """
    found: dict[str, str] = {}
    known = stored_models.models(db, trials=True)
    waiting, visited = [model], set()
    while waiting:
        one = waiting.pop()
        if one.id in visited:
            continue
        visited.add(one.id)
        for phase in one.lineage:
            if phase["phase"] != Phase.ITEM_DESCRIPTION:
                found |= {fingerprint: name for name, fingerprint in phase["datasets"].items()}
        waiting += [other for other in known if other.kind == "text" and _started(one, other)]
        waiting += [other for other in known if other.name in one.recipe.get("parts", ())]
    return found


def _started(model: Model, other: Model) -> bool:
    """Whether `model` was made from `other`: by name, or by the content of weights that came as a folder."""
    if other.name in (model.backbone, model.features):
        return True
    if model.lineage:
        return bool(model.lineage[0]["parent"] == content_hash(other.weights_hash, other.tokenizer_hash))
    return other.id < model.id and other.weights_hash == model.weights_hash
