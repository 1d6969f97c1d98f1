"""Rating runs: a predictor trained and tested on one dataset; its prediction for each test event, errors per slice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from store.blocks import BlockTable
from store.connection import transaction
from store.datasets import now
from store.rows import Dataset, RatingError, RatingRun

if TYPE_CHECKING:
    import numpy as np

_BLOCKS = BlockTable("rating_block", "run_id", "predictions of rating run")
_ERROR_NAMES = tuple(field.name for field in fields(RatingError))
_SELECT = "SELECT r.*, d.name AS dataset FROM rating_run AS r JOIN dataset AS d ON d.id = r.dataset_id"


def find_rating_run(db: sqlite3.Connection, key: str) -> RatingRun | None:
    """The run with this key, or None."""
    row = db.execute(f"{_SELECT} WHERE r.key = ?", (key,)).fetchone()
    return None if row is None else _run(row)


def rating_runs(db: sqlite3.Connection, *, predictor: str = "", dataset: str = "") -> list[RatingRun]:
    """The newest run of each predictor, features and dataset, in the order in which these were made.

    Narrowed to one predictor or dataset where named.
    """
    rows = db.execute(
        f"{_SELECT} WHERE r.id IN (SELECT max(id) FROM rating_run GROUP BY predictor, features, dataset_id)"
        " AND (?1 = '' OR r.predictor = ?1) AND (?2 = '' OR d.name = ?2) ORDER BY r.id",
        (predictor, dataset),
    )
    return [_run(row) for row in rows]


def put_rating_run(
    db: sqlite3.Connection,
    *,
    key: str,
    predictor: str,
    features: str,
    dataset: Dataset,
    settings: dict[str, Any],
    summary: dict[str, Any],
    seed: int,
    seconds: float,
    device: str,
    code_version: str,
    event: np.ndarray,
    predicted: np.ndarray,
    errors: Iterable[RatingError],
) -> RatingRun:
    """Store a finished run whole: predictions (float32 [n]) of events (int32 [n], rising) and their errors."""
    with transaction(db):
        id = db.execute(
            "INSERT INTO rating_run (key, predictor, features, dataset_id, settings, summary, seed, n, seconds, device,"
            " code_version, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                predictor,
                features,
                dataset.id,
                json.dumps(settings),
                json.dumps(summary),
                seed,
                len(event),
                seconds,
                device,
                code_version,
                now(),
            ),
        ).lastrowid
        for name, column in (("event", event), ("predicted", predicted)):
            _BLOCKS.add(db, int(id or 0), name, column)
        marks = ", ".join("?" * (len(_ERROR_NAMES) + 2))
        db.executemany(
            f"INSERT INTO rating_error (run_id, position, {', '.join(_ERROR_NAMES)}) VALUES ({marks})",
            [(id, place, *(getattr(error, name) for name in _ERROR_NAMES)) for place, error in enumerate(errors)],
        )
    found = find_rating_run(db, key)
    assert found is not None
    return found


def rating_errors(db: sqlite3.Connection, run_id: int) -> list[RatingError]:
    """The errors of a run, slice by slice, RMSE before MAE."""
    rows = db.execute("SELECT * FROM rating_error WHERE run_id = ? ORDER BY position", (run_id,))
    return [RatingError(**{name: row[name] for name in _ERROR_NAMES}) for row in rows]


def predictions(db: sqlite3.Connection, run: RatingRun) -> tuple[np.ndarray, np.ndarray]:
    """What a run predicted: events int32 [n], rising, and ratings float32 [n]."""
    return _BLOCKS.read(db, run.id, "event"), _BLOCKS.read(db, run.id, "predicted")


def _run(row: sqlite3.Row) -> RatingRun:
    return RatingRun(
        id=row["id"],
        key=row["key"],
        predictor=row["predictor"],
        features=row["features"],
        dataset=row["dataset"],
        settings=json.loads(row["settings"]),
        summary=json.loads(row["summary"]),
        seed=row["seed"],
        n=row["n"],
        seconds=row["seconds"],
        device=row["device"],
        code_version=row["code_version"],
        created=row["created"],
    )
