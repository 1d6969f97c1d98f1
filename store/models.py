"""Models: what scores items, where it came from, and the hash that stands for its content."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from store.connection import transaction
from store.datasets import now
from store.errors import BadInput, unknown
from store.rows import Model


def models(db: sqlite3.Connection, *, trials: bool = False) -> list[Model]:
    """All models, oldest first; with `trials`, also those that searches over settings made."""
    return [_model(row) for row in db.execute("SELECT * FROM model WHERE ? OR trial = 0 ORDER BY id", (trials,))]


def find_model(db: sqlite3.Connection, name: str) -> Model | None:
    """The stored model of this name, or None."""
    row = db.execute("SELECT * FROM model WHERE name = ?", (name,)).fetchone()
    return None if row is None else _model(row)


def model(db: sqlite3.Connection, name: str) -> Model:
    """The stored model of this name; `BadInput` with the nearest names if it does not exist."""
    found = find_model(db, name)
    if found is None:
        raise unknown("model", name, (model.name for model in models(db)), "`st5 models` lists them.")
    return found


def put_model(
    db: sqlite3.Connection,
    *,
    name: str,
    kind: str,
    variant: str,
    weights_hash: str,
    code_version: str,
    backbone: str = "",
    folder: str = "",
    tokenizer_hash: str = "",
    features: str = "",
    recipe: dict[str, Any] | None = None,
    lineage: list[dict[str, Any]] | None = None,
    seed: int | None = None,
    device: str = "",
    replace: bool = False,
    trial: bool = False,
) -> Model:
    """Store a model under its name. One of the same name and content stays as it is.

    One of other content is a `BadInput`, or makes way together with its evaluations where `replace` is true.
    """
    with transaction(db):
        old = find_model(db, name)
        if old is not None and old.weights_hash == weights_hash:
            return old
        if old is not None and not replace:
            raise BadInput(
                f'There is already a model "{name}" with other weights ({old.backbone or old.variant}). '
                "Choose another --name."
            )
        if old is not None:
            db.execute("DELETE FROM model WHERE id = ?", (old.id,))
        db.execute(
            "INSERT INTO model (name, kind, variant, backbone, folder, weights_hash, tokenizer_hash, features, recipe,"
            " lineage, seed, code_version, device, created, trial)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                name,
                kind,
                variant,
                backbone,
                folder,
                weights_hash,
                tokenizer_hash,
                features,
                json.dumps(recipe or {}),
                json.dumps(lineage or []),
                seed,
                code_version,
                device,
                now(),
                trial,
            ),
        )
    return model(db, name)


def _model(row: sqlite3.Row) -> Model:
    return Model(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        variant=row["variant"],
        backbone=row["backbone"],
        folder=row["folder"],
        weights_hash=row["weights_hash"],
        tokenizer_hash=row["tokenizer_hash"],
        features=row["features"],
        recipe=json.loads(row["recipe"]),
        lineage=json.loads(row["lineage"]),
        seed=row["seed"],
        code_version=row["code_version"],
        device=row["device"],
        created=row["created"],
        trial=bool(row["trial"]),
    )
