"""The weights that baselines learned, one set for each dataset."""

from __future__ import annotations

import json
import sqlite3

from store.connection import transaction
from store.rows import TrainedBaseline

_SELECT = (
    "SELECT t.*, m.name AS model, d.name AS dataset FROM trained_baseline AS t"
    " JOIN model AS m ON m.id = t.model_id JOIN dataset AS d ON d.id = t.dataset_id"
)


def trained_baselines(db: sqlite3.Connection, *, model: str = "", dataset: str = "") -> list[TrainedBaseline]:
    """Trained baselines, oldest first, of one model or dataset where named."""
    rows = db.execute(
        f"{_SELECT} WHERE (?1 = '' OR m.name = ?1) AND (?2 = '' OR d.name = ?2) ORDER BY t.created, t.key",
        (model, dataset),
    )
    return [_trained(row) for row in rows]


def find_trained_baseline(db: sqlite3.Connection, key: str) -> TrainedBaseline | None:
    """The weights with this key, or None."""
    row = db.execute(f"{_SELECT} WHERE t.key = ?", (key,)).fetchone()
    return None if row is None else _trained(row)


def put_trained_baseline(db: sqlite3.Connection, trained: TrainedBaseline) -> None:
    """Store what was trained; one of the same key makes way (its weights were lost and made again)."""
    with transaction(db):
        db.execute(
            "INSERT OR REPLACE INTO trained_baseline (key, model_id, dataset_id, folder, weights_hash, settings,"
            " summary, seconds, device, code_version, created) VALUES (?, (SELECT id FROM model WHERE name = ?),"
            " (SELECT id FROM dataset WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                trained.key,
                trained.model,
                trained.dataset,
                trained.folder,
                trained.weights_hash,
                json.dumps(trained.settings),
                json.dumps(trained.summary),
                trained.seconds,
                trained.device,
                trained.code_version,
                trained.created,
            ),
        )


def _trained(row: sqlite3.Row) -> TrainedBaseline:
    return TrainedBaseline(
        key=row["key"],
        model=row["model"],
        dataset=row["dataset"],
        folder=row["folder"],
        weights_hash=row["weights_hash"],
        settings=json.loads(row["settings"]),
        summary=json.loads(row["summary"]),
        seconds=row["seconds"],
        device=row["device"],
        code_version=row["code_version"],
        created=row["created"],
    )
