"""Projections: maps of embeddings, each with its points, visible from the transaction that completes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from store.blocks import BlockTable
from store.connection import transaction
from store.datasets import datasets, now
from store.errors import unknown
from store.rows import Model, Points, Projection

_BLOCKS = BlockTable("projection_block", "projection_id", "points of projection")
_POINT_NAMES = tuple(field.name for field in fields(Points))


def add_projection(
    db: sqlite3.Connection,
    *,
    key: str,
    model: Model,
    kind: str,
    method: str,
    datasets: Mapping[str, str],
    parameters: dict[str, Any],
    quality: dict[str, Any],
    seed: int,
    points: Points,
    seconds: float,
    device: str,
    code_version: str,
) -> Projection:
    """Store a map and its points, all or nothing; `datasets` is fingerprint by name, in the order of `points.dataset`.

    `key` is the hash of all that decides it; a map that is there under it already stays as it is.
    """
    with transaction(db):
        if find_projection(db, key) is None:
            cursor = db.execute(
                "INSERT INTO projection (key, model_id, kind, method, datasets, parameters, quality, seed, n, seconds,"
                " device, code_version, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    model.id,
                    kind,
                    method,
                    json.dumps(dict(datasets)),
                    json.dumps(parameters),
                    json.dumps(quality, allow_nan=False),
                    seed,
                    len(points.row),
                    seconds,
                    device,
                    code_version,
                    now(),
                ),
            )
            for name in _POINT_NAMES:
                _BLOCKS.add(db, int(cursor.lastrowid or 0), name, getattr(points, name))
    found = find_projection(db, key)
    assert found is not None
    return found


def find_projection(db: sqlite3.Connection, key: str) -> Projection | None:
    """The map with this key, or None."""
    row = db.execute(f"{_SELECT} WHERE p.key = ?", (key,)).fetchone()
    return None if row is None else _projection(row)


def projection(db: sqlite3.Connection, id: int) -> Projection:
    """The map with this id; `BadInput` if there is none, or where its datasets are not what it was made from."""
    found = {p.id: p for p in projections(db)}
    if id not in found:
        raise unknown("projection", str(id), map(str, found), "`st5 project MODEL --datasets NAME` makes one.")
    return found[id]


def projections(db: sqlite3.Connection) -> list[Projection]:
    """All maps, oldest first, whose datasets are still those they were made from.

    A dataset that was ingested anew gives its ids to other items and users, so what points at the old ones is skipped.
    """
    present = {dataset.name: dataset.fingerprint for dataset in datasets(db)}
    return [
        _projection(row)
        for row in db.execute(f"{_SELECT} ORDER BY p.id")
        if json.loads(row["datasets"]).items() <= present.items()
    ]


def points(db: sqlite3.Connection, projection: Projection) -> Points:
    """The points of a map; `Failed` where a block does not match its checksum."""
    return Points(**{name: _BLOCKS.read(db, projection.id, name) for name in _POINT_NAMES})


_SELECT = "SELECT p.*, m.name AS model FROM projection AS p JOIN model AS m ON m.id = p.model_id"


def _projection(row: sqlite3.Row) -> Projection:
    return Projection(
        id=row["id"],
        key=row["key"],
        model=row["model"],
        kind=row["kind"],
        method=row["method"],
        datasets=tuple(json.loads(row["datasets"])),
        parameters=json.loads(row["parameters"]),
        quality=json.loads(row["quality"]),
        seed=row["seed"],
        n=row["n"],
        seconds=row["seconds"],
        device=row["device"],
        code_version=row["code_version"],
        created=row["created"],
    )
