"""Figures of a dataset that are measured when they are asked for the first time, by name and version."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from store.connection import transaction


def figures(db: sqlite3.Connection, dataset_id: int) -> dict[tuple[str, int], Any]:
    """What was stored of a dataset, by name and version of the measurement."""
    rows = db.execute("SELECT name, version, found FROM dataset_figure WHERE dataset_id = ?", (dataset_id,))
    return {(row["name"], row["version"]): json.loads(row["found"]) for row in rows}


def put_figure(db: sqlite3.Connection, dataset_id: int, name: str, version: int, figure: Any) -> None:
    """Store a figure (JSON) in place of one of the same name; nothing where the dataset is gone."""
    with transaction(db):
        db.execute(
            "INSERT OR REPLACE INTO dataset_figure (dataset_id, name, version, found)"
            " SELECT id, ?, ?, ? FROM dataset WHERE id = ?",
            (name, version, json.dumps(figure), dataset_id),
        )
