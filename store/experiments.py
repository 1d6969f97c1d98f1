"""Experiments that were asked for in this workspace: their definition and the arguments of the last time."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from store.connection import transaction
from store.datasets import now
from store.rows import StoredExperiment


def experiments(db: sqlite3.Connection) -> list[StoredExperiment]:
    """All that were asked for, by name."""
    return [_experiment(row) for row in db.execute("SELECT * FROM experiment ORDER BY name")]


def put_experiment(
    db: sqlite3.Connection, *, name: str, definition: str, arguments: dict[str, Any], code_version: str
) -> None:
    """Remember that an experiment was asked for; the last time counts."""
    with transaction(db):
        db.execute(
            "INSERT INTO experiment (name, definition, arguments, code_version, updated) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, arguments = excluded.arguments,"
            " code_version = excluded.code_version, updated = excluded.updated",
            (name, definition, json.dumps(arguments), code_version, now()),
        )


def _experiment(row: sqlite3.Row) -> StoredExperiment:
    return StoredExperiment(
        name=row["name"],
        definition=row["definition"],
        arguments=json.loads(row["arguments"]),
        code_version=row["code_version"],
        updated=row["updated"],
    )
