"""Searches over a model's settings, and the trials of each: what is to be tried, and what came of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from store.connection import transaction
from store.datasets import now
from store.enums import Seen, Slice, TrialState
from store.errors import BadInput
from store.rows import Evaluation, Metric, Search, Trial

_SELECT = "SELECT s.*, d.name AS dataset FROM search AS s JOIN dataset AS d ON d.id = s.dataset_id"
_METRIC_NAMES = tuple(field.name for field in fields(Metric))


@dataclass(frozen=True)
class TrialDraft:
    """A trial that is to be made: see `Trial`."""

    model: str
    settings: dict[str, str]
    seed: int | None


def searches(db: sqlite3.Connection) -> list[Search]:
    """All searches, oldest first."""
    return [_search(row) for row in db.execute(f"{_SELECT} ORDER BY s.id")]


def search(db: sqlite3.Connection, id: int) -> Search:
    """The search of this number; `BadInput` with the numbers that there are."""
    row = db.execute(f"{_SELECT} WHERE s.id = ?", (id,)).fetchone()
    if row is None:
        there = ", ".join(str(found.id) for found in searches(db)[-10:])
        raise BadInput(f"No search {id}. " + (f"There are {there}." if there else "There is none yet."))
    return _search(row)


def put_search(
    db: sqlite3.Connection,
    *,
    key: str,
    model: str,
    dataset: str,
    request: dict[str, Any],
    metric: str,
    seen: Seen,
    trials: Sequence[TrialDraft],
    code_version: str,
) -> Search:
    """Store a search with its trials, all waiting. One of the same key keeps what it has and takes metric and seen."""
    with transaction(db):
        db.execute(
            "INSERT INTO search (key, model, dataset_id, request, metric, seen, code_version, created)"
            " VALUES (?, ?, (SELECT id FROM dataset WHERE name = ? AND state = 'ready'), ?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET metric = excluded.metric, seen = excluded.seen",
            (key, model, dataset, json.dumps(request), metric, seen, code_version, now()),
        )
        row = db.execute(f"{_SELECT} WHERE s.key = ?", (key,)).fetchone()
        db.executemany(
            "INSERT INTO trial (search_id, number, model, settings, seed) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [
                (row["id"], number, trial.model, json.dumps(trial.settings), trial.seed)
                for number, trial in enumerate(trials, 1)
            ],
        )
    return _search(row)


def trials(db: sqlite3.Connection, of: Search) -> list[Trial]:
    """The trials of a search in the order in which they are made, with the search's metric over all valid events."""
    columns = ", ".join(f"m.{name} AS metric_{name}" for name in _METRIC_NAMES)
    rows = db.execute(
        f"SELECT t.*, {columns} FROM trial AS t"
        " LEFT JOIN metric AS m ON m.evaluation_id = t.evaluation_id AND m.slice = ? AND m.metric = ? AND m.seen = ?"
        " WHERE t.search_id = ? ORDER BY t.number",
        (Slice.ALL, of.metric, of.seen, of.id),
    )
    return [_trial(row) for row in rows]


def finish_trial(db: sqlite3.Connection, trial: Trial, evaluation: Evaluation, seconds: float) -> None:
    """A trial is done: its evaluation is stored."""
    _end(db, trial, TrialState.DONE, "", seconds, evaluation.id)


def fail_trial(db: sqlite3.Connection, trial: Trial, message: str, seconds: float) -> None:
    """A trial could not be made."""
    _end(db, trial, TrialState.FAILED, message, seconds, None)


def _end(
    db: sqlite3.Connection, trial: Trial, state: TrialState, message: str, seconds: float, evaluation: int | None
) -> None:
    with transaction(db):
        db.execute(
            "UPDATE trial SET state = ?, message = ?, seconds = ?, evaluation_id = ?"
            " WHERE search_id = ? AND number = ?",
            (state, message, seconds, evaluation, trial.search, trial.number),
        )


def _search(row: sqlite3.Row) -> Search:
    return Search(
        id=row["id"],
        key=row["key"],
        model=row["model"],
        dataset=row["dataset"],
        request=json.loads(row["request"]),
        metric=row["metric"],
        seen=Seen(row["seen"]),
        code_version=row["code_version"],
        created=row["created"],
    )


def _trial(row: sqlite3.Row) -> Trial:
    measured = row["metric_n"] is not None
    return Trial(
        search=row["search_id"],
        number=row["number"],
        model=row["model"],
        settings=json.loads(row["settings"]),
        seed=row["seed"],
        state=TrialState(row["state"]),
        message=row["message"],
        seconds=row["seconds"],
        result=Metric(**{name: row[f"metric_{name}"] for name in _METRIC_NAMES}) if measured else None,
    )
