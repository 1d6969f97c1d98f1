"""Evaluations: a model on a dataset under a protocol; ranks and top lists per event, metrics per slice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain
from typing import TYPE_CHECKING, Any

from store.arrays import rows_per_block, settings_hash
from store.blocks import BlockTable, BlockWriter
from store.connection import transaction
from store.datasets import now
from store.enums import Split, State
from store.errors import BadInput, Failed, unknown
from store.rows import Dataset, Evaluation, Metric, Model, Ranks

if TYPE_CHECKING:
    import numpy as np

_BLOCKS = BlockTable("rank_block", "evaluation_id", "ranks of evaluation")
_RANK_NAMES = tuple(field.name for field in fields(Ranks))
_METRIC_NAMES = tuple(field.name for field in fields(Metric))
_METRIC_COLUMNS = ", ".join(f"metric.{name}" for name in _METRIC_NAMES)


@dataclass(frozen=True)
class MetricRow:
    """A metric together with where it was measured: one row of a results table."""

    evaluation: Evaluation
    metric: Metric


@dataclass(frozen=True)
class EvaluatedEvents:
    """The events of an evaluation as columns int32 [E], in its order: number, user, target item, length of history."""

    event: np.ndarray
    user: np.ndarray
    item: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.event)


def evaluation_key(model: Model, dataset: Dataset, split: Split, protocol: dict[str, Any]) -> str:
    """The content hash of everything that decides an evaluation's numbers, and of the names it is found under.

    The names are part of it because the same weights or the same files may be stored under two: each has its results.
    """
    names = [model.name, model.features, dataset.name]
    return settings_hash([names, model.weights_hash, dataset.fingerprint, split.value, protocol])


class EvaluationWriter:
    """Writes one evaluation in blocks; readers see it from `finish` on. Leaving without it takes the rows back.

    Hold the workspace lock `evaluation-<key>` meanwhile: what an earlier holder left unfinished is deleted here.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        key: str,
        model: Model,
        dataset: Dataset,
        split: Split,
        protocol: dict[str, Any],
        candidates: int,
    ) -> None:
        self._db = db
        self._key = key
        self._rows = 0
        self._finished = False
        with transaction(db):
            db.execute("DELETE FROM evaluation WHERE key = ? AND state = ?", (key, State.WRITING))
            cursor = db.execute(
                "INSERT INTO evaluation (key, state, model_id, dataset_id, split, protocol, candidates, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (key, State.WRITING, model.id, dataset.id, split, json.dumps(protocol), candidates, now()),
            )
        self.id = int(cursor.lastrowid or 0)
        self._blocks = BlockWriter(_BLOCKS, db, self.id)

    def __enter__(self) -> EvaluationWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._finished:
            with transaction(self._db):
                self._db.execute("DELETE FROM evaluation WHERE id = ?", (self.id,))

    def add(self, ranks: Ranks) -> None:
        """Append rows, a transaction for every few MiB."""
        width = sum(getattr(ranks, name).dtype.itemsize * _columns(getattr(ranks, name)) for name in _RANK_NAMES)
        step = rows_per_block(width)
        for start in range(0, len(ranks), step):
            with transaction(self._db):
                for name in _RANK_NAMES:
                    self._blocks.add(name, getattr(ranks, name)[start : start + step])
        self._rows += len(ranks)

    def finish(self, metrics: Iterable[Metric], *, seconds: float, device: str) -> Evaluation:
        """Store the metrics and make the evaluation visible."""
        columns = ", ".join(_METRIC_NAMES)
        marks = ", ".join("?" * len(_METRIC_NAMES))
        rows = [
            (self.id, position, *(getattr(metric, name) for name in _METRIC_NAMES))
            for position, metric in enumerate(metrics)
        ]
        with transaction(self._db):
            self._blocks.finish()
            self._db.executemany(
                f"INSERT INTO metric (evaluation_id, position, {columns}) VALUES (?, ?, {marks})", rows
            )
            self._db.execute(
                "UPDATE evaluation SET state = ?, n = ?, seconds = ?, device = ? WHERE id = ?",
                (State.READY, self._rows, seconds, device, self.id),
            )
        self._finished = True
        found = find_evaluation(self._db, self._key)
        assert found is not None
        return found


_SELECT = (
    "SELECT e.*, m.name AS model, d.name AS dataset FROM evaluation AS e"
    " JOIN model AS m ON m.id = e.model_id JOIN dataset AS d ON d.id = e.dataset_id WHERE e.state = 'ready'"
)


# A protocol that is no JSON is left for the reader of the row to meet, who says which it is.
_LISTED = (
    " AND (m.trial = 0 OR m.name = ?1)"
    " AND (d.arranged_from IS NULL OR d.name = ?2)"
    " AND CASE WHEN json_valid(e.protocol) THEN json_extract(e.protocol, '$.shuffled') END IS NULL"
)


def find_evaluation(db: sqlite3.Connection, key: str) -> Evaluation | None:
    """The complete evaluation with this key, or None."""
    row = db.execute(f"{_SELECT} AND e.key = ?", (key,)).fetchone()
    return None if row is None else _evaluation(row)


def evaluations(db: sqlite3.Connection, *, model: str = "", dataset: str = "", every: bool = False) -> list[Evaluation]:
    """Complete evaluations, oldest first, of one model or dataset where named.

    every: also those that tables leave out: of shuffled histories, of datasets that are another one rearranged, and of
    the trials of searches, where their dataset or model is not named.
    """
    rows = db.execute(
        f"{_SELECT} AND (?1 = '' OR m.name = ?1) AND (?2 = '' OR d.name = ?2){'' if every else _LISTED} ORDER BY e.id",
        (model, dataset),
    )
    return [_evaluation(row) for row in rows]


def newest_evaluation(db: sqlite3.Connection, model: str, dataset: str, split: Split) -> Evaluation:
    """The newest complete evaluation of a model on a dataset; `BadInput` with the command to run if there is none."""
    found = [e for e in evaluations(db, model=model, dataset=dataset) if e.split is split]
    if not found:
        raise BadInput(
            f"{model} has not been evaluated on the {split} events of {dataset} yet. "
            f"Run `st5 evaluate {model} --datasets {dataset} --split {split}`."
        )
    return found[-1]


def ranks(db: sqlite3.Connection, evaluation: Evaluation) -> Ranks:
    """Everything that one evaluation found, one row per event."""
    return Ranks(**{name: _BLOCKS.read(db, evaluation.id, name) for name in _RANK_NAMES})


def rank_column(db: sqlite3.Connection, evaluation: Evaluation, name: str) -> np.ndarray:
    """One column of the ranks, for all events."""
    return _BLOCKS.read(db, evaluation.id, name)


def evaluated_events(db: sqlite3.Connection, evaluation: Evaluation) -> EvaluatedEvents:
    """Who chose what in the events of an evaluation; `Failed` where the dataset no longer has them."""
    import numpy as np

    numbers = rank_column(db, evaluation, "event")
    rows = _plain(
        db,
        "SELECT event, user, item, length FROM event"
        " WHERE dataset_id = (SELECT dataset_id FROM evaluation WHERE id = ?) AND split = ? ORDER BY event",
        (evaluation.id, evaluation.split),
    )
    table = np.fromiter(chain.from_iterable(rows), np.int32).reshape(-1, 4)
    if len(table) != len(numbers):
        table = table[np.minimum(np.searchsorted(table[:, 0], numbers), len(table) - 1)]
    if not np.array_equal(table[:, 0], numbers):
        raise Failed(
            f"{evaluation.dataset}: some events of evaluation {evaluation.id} are gone. "
            f"Run `st5 evaluate {evaluation.model} --datasets {evaluation.dataset}` again."
        )
    return EvaluatedEvents(*np.ascontiguousarray(table.T))


def trained_items(db: sqlite3.Connection, dataset: Dataset) -> np.ndarray:
    """Whether an item occurs in the train part, bool [I]."""
    import numpy as np

    rows = _plain(
        db,
        "SELECT substr(items, 1, 4 * train_length) FROM sequence WHERE dataset_id = ? AND train_length > 0",
        (dataset.id,),
    )
    found = np.zeros(dataset.items, bool)
    found[np.frombuffer(b"".join(chain.from_iterable(rows)), "<i4")] = True
    return found


def repeated_titles(db: sqlite3.Connection, dataset: Dataset) -> np.ndarray:
    """Whether another item has the same title, bool [I]."""
    import numpy as np

    rows = _plain(
        db,
        "SELECT item FROM (SELECT item, count(*) OVER (PARTITION BY title) AS times FROM item WHERE dataset_id = ?)"
        " WHERE times > 1",
        (dataset.id,),
    )
    found = np.zeros(dataset.items, bool)
    found[np.fromiter(chain.from_iterable(rows), np.int64)] = True
    return found


def _plain(db: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
    """Rows as tuples, which cost half of what rows with names do."""
    cursor = db.cursor()
    cursor.row_factory = None
    return cursor.execute(query, values)


def rank_row(db: sqlite3.Connection, evaluation: Evaluation, event: int) -> Ranks | None:
    """What one evaluation found for one event (one row), or None where the event was not in it."""
    import numpy as np

    for first, numbers in _BLOCKS.blocks(db, evaluation.id, "event"):
        place = int(np.searchsorted(numbers, event))
        if place < len(numbers) and numbers[place] == event:
            return Ranks(**{name: _BLOCKS.row(db, evaluation.id, name, first + place) for name in _RANK_NAMES})
    return None


def metric_rows(
    db: sqlite3.Connection,
    *,
    slice_name: str = "",
    metric: str = "",
    seen: str = "",
    model: str = "",
    dataset: str = "",
    every: bool = False,
) -> list[MetricRow]:
    """Stored metrics with their evaluations (as in `evaluations`), narrowed by what is named; oldest evaluation first.

    Naming the slice keeps the cost from growing with how finely evaluations are divided.
    An unknown metric name is a `BadInput` with the nearest names.
    """
    if metric:
        known = [row[0] for row in db.execute("SELECT DISTINCT metric FROM metric")]
        if known and metric not in known:
            raise unknown("metric", metric, known)
    found = {e.id: e for e in evaluations(db, model=model, dataset=dataset, every=every)}
    rows = _plain(
        db,
        f"SELECT metric.evaluation_id, {_METRIC_COLUMNS} FROM evaluation CROSS JOIN metric"
        " ON metric.evaluation_id = evaluation.id AND (?1 = '' OR slice = ?1)"
        " WHERE state = 'ready' AND (?2 = '' OR metric = ?2) AND (?3 = '' OR seen = ?3)"
        " ORDER BY evaluation.id, position",
        (slice_name, metric, seen),
    )
    return [MetricRow(found[number], Metric(*columns)) for number, *columns in rows if number in found]


def slice_metrics(
    db: sqlite3.Connection, of: Iterable[Evaluation], *, slice_name: str, metric: str, seen: str
) -> list[MetricRow]:
    """One metric of the named evaluations over one way of slicing, in their order and that of the slice's values.

    Unlike `metric_rows` it goes through the key of each evaluation, so its cost does not grow with the workspace.
    """
    found: list[MetricRow] = []
    for evaluation in of:
        rows = db.execute(
            "SELECT * FROM metric WHERE evaluation_id = ? AND slice = ? AND metric = ? AND seen = ? ORDER BY position",
            (evaluation.id, slice_name, metric, seen),
        )
        found.extend(MetricRow(evaluation, Metric(**{name: row[name] for name in _METRIC_NAMES})) for row in rows)
    return found


def _columns(array: np.ndarray) -> int:
    return 1 if array.ndim == 1 else int(array.shape[1])


def _evaluation(row: sqlite3.Row) -> Evaluation:
    return Evaluation(
        id=row["id"],
        key=row["key"],
        model=row["model"],
        dataset=row["dataset"],
        split=Split(row["split"]),
        protocol=json.loads(row["protocol"]),
        candidates=row["candidates"],
        n=row["n"],
        seconds=row["seconds"],
        device=row["device"],
        created=row["created"],
    )
