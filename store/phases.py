"""Finished training phases, by content."""

from __future__ import annotations

import json
import sqlite3

from store.connection import transaction
from store.enums import Phase
from store.rows import TrainedPhase


def find_phase(db: sqlite3.Connection, key: str) -> TrainedPhase | None:
    """The finished phase of this key, or None."""
    row = db.execute("SELECT * FROM trained_phase WHERE key = ?", (key,)).fetchone()
    return None if row is None else _phase(row)


def put_phase(db: sqlite3.Connection, phase: TrainedPhase) -> None:
    """Store a finished phase; one of the same key makes way (its weights were lost and made again)."""
    with transaction(db):
        db.execute(
            "INSERT OR REPLACE INTO trained_phase VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                phase.key,
                phase.phase,
                phase.parent,
                json.dumps(phase.settings),
                json.dumps(phase.datasets),
                phase.seed,
                json.dumps(phase.summary),
                phase.weights_hash,
                phase.code_version,
                phase.device,
                phase.seconds,
                phase.created,
            ),
        )


def _phase(row: sqlite3.Row) -> TrainedPhase:
    return TrainedPhase(
        key=row["key"],
        phase=Phase(row["phase"]),
        parent=row["parent"],
        settings=json.loads(row["settings"]),
        datasets=json.loads(row["datasets"]),
        seed=row["seed"],
        summary=json.loads(row["summary"]),
        weights_hash=row["weights_hash"],
        code_version=row["code_version"],
        device=row["device"],
        seconds=row["seconds"],
        created=row["created"],
    )
