"""Jobs: what runs or ran in a process of its own, what it told, and the series it measured."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from store.connection import transaction
from store.datasets import now
from store.enums import JobState
from store.errors import BadInput
from store.rows import Job, JobEvent, Series

FINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.LOST)
_OPEN = "state IN ('queued', 'starting', 'running')"  # final states never change: every write asks for it

# phase key, name of the series, step, value, seconds of run time
Point = tuple[str, str, int, float, float]


def add_job(
    db: sqlite3.Connection, *, kind: str, arguments: Sequence[str], folder: str, resumes: int | None = None
) -> Job:
    """A new job, queued. `arguments` follow `st5`; `folder` is where they were given; `resumes` is the job it goes on.

    `BadInput` where the job to resume is not there.
    """
    with transaction(db):
        if resumes is not None:
            job(db, resumes)
        return _add(db, kind, arguments, folder, resumes)


def add_resumed(db: sqlite3.Connection, id: int) -> Job:
    """A new job, queued, that goes on where job `id` stopped: of several that ask at once, the first gets it.

    `BadInput` for a job that has not ended, that succeeded, or that another unfinished job goes on with already.
    """
    with transaction(db):
        old = job(db, id)
        if old.state not in FINAL:
            raise BadInput(
                f"Job {id} is {old.state}; there is nothing to resume. Cancel it first: st5 jobs cancel {id}."
            )
        if old.state == JobState.SUCCEEDED:
            raise BadInput(f"Job {id} succeeded; there is nothing left to do. To run it again: {old.command}")
        for other in unfinished(db):
            if other.resumes == id:
                raise BadInput(f"Job {other.id} goes on with job {id} already. Follow it: st5 jobs logs {other.id} -f.")
        return _add(db, old.kind, old.arguments, old.folder, id)


def jobs(db: sqlite3.Connection, limit: int = 200) -> list[Job]:
    """The newest `limit` jobs, newest first."""
    return [_job(row) for row in db.execute("SELECT * FROM job ORDER BY id DESC LIMIT ?", (limit,))]


def job(db: sqlite3.Connection, id: int) -> Job:
    """The job of this number; `BadInput` with the numbers that there are."""
    row = db.execute("SELECT * FROM job WHERE id = ?", (id,)).fetchone()
    if row is None:
        newest = [str(row["id"]) for row in db.execute("SELECT id FROM job ORDER BY id DESC LIMIT 10")]
        there = f"The newest are {', '.join(newest)}; `st5 jobs` lists them." if newest else "There is no job yet."
        raise BadInput(f"No job {id}. {there}")
    return _job(row)


def unfinished(db: sqlite3.Connection) -> list[Job]:
    """The jobs that are queued, starting or running, oldest first."""
    return [_job(row) for row in db.execute(f"SELECT * FROM job WHERE {_OPEN} ORDER BY id")]


def claim(db: sqlite3.Connection, id: int, pid: int, host: str) -> bool:
    """Queued -> starting, for the process that holds the job's lock; False where another one was first."""
    return _changed(
        db,
        "UPDATE job SET state = 'starting', pid = ?, host = ?, started = ?"
        " WHERE id = ? AND state = 'queued' AND pid IS NULL",
        (pid, host, now(), id),
    )


def wait(db: sqlite3.Connection, id: int, message: str) -> bool:
    """Back to queued with the reason why it waits; False where the job runs or is final."""
    return _changed(
        db,
        "UPDATE job SET state = 'queued', message = ? WHERE id = ? AND state IN ('queued', 'starting')",
        (message, id),
    )


def set_running(db: sqlite3.Connection, id: int, device: str) -> bool:
    """Queued or starting -> running on this device; False where it is neither."""
    return _changed(
        db,
        "UPDATE job SET state = 'running', device = ?, message = '', started = ?"
        " WHERE id = ? AND state IN ('queued', 'starting')",
        (device, now(), id),
    )


def advance(
    db: sqlite3.Connection,
    id: int,
    *,
    stage: str,
    done: int,
    total: int,
    seconds: float,
    message: str | None = None,
) -> bool:
    """Where the work is: `done` of `total` (0 = not known) of a stage, after `seconds` of run time."""
    return _changed(
        db,
        "UPDATE job SET stage = ?, done = ?, total = ?, seconds = max(seconds, ?), message = coalesce(?, message)"
        f" WHERE id = ? AND {_OPEN}",
        (stage, done, total, seconds, message, id),
    )


def beat(db: sqlite3.Connection, id: int, seconds: float) -> bool:
    """One heartbeat after `seconds` of run time; for display only, since the job's lock tells who lives."""
    return _changed(
        db, f"UPDATE job SET beats = beats + 1, seconds = max(seconds, ?) WHERE id = ? AND {_OPEN}", (seconds, id)
    )


def run_time_before(db: sqlite3.Connection, id: int) -> float:
    """Seconds that the jobs ran which this one goes on with, one after another."""
    row = db.execute(
        "WITH RECURSIVE before (id) AS (SELECT resumes FROM job WHERE id = ?"
        " UNION SELECT j.resumes FROM job j JOIN before b ON j.id = b.id)"
        " SELECT coalesce(sum(seconds), 0) AS seconds FROM job WHERE id IN (SELECT id FROM before)",
        (id,),
    ).fetchone()
    return float(row["seconds"])


def finish(
    db: sqlite3.Connection, id: int, state: JobState, message: str, exit_code: int | None, seconds: float | None = None
) -> bool:
    """Write the final state; False, and nothing changes, where the job is final already.

    `exit_code` and `seconds` are None if unknown: of a lost job the last heartbeat's seconds stay.
    `ValueError` for a state that is not final.
    """
    if state not in FINAL:
        raise ValueError(f"{state} is not a final state; allowed are {', '.join(FINAL)}")
    return _changed(
        db,
        "UPDATE job SET state = ?, message = ?, exit_code = ?, seconds = max(seconds, ?), finished = ?"
        f" WHERE id = ? AND {_OPEN}",
        (state, message, exit_code, seconds or 0.0, now(), id),
    )


def ask_cancel(db: sqlite3.Connection, id: int) -> bool:
    """Ask the job to stop; False if that was requested before or the job is final."""
    return _changed(db, f"UPDATE job SET cancel = 'asked' WHERE id = ? AND cancel = '' AND {_OPEN}", (id,))


def cancel_asked(db: sqlite3.Connection, id: int) -> bool:
    """Whether the job was asked to stop."""
    row = db.execute("SELECT cancel FROM job WHERE id = ?", (id,)).fetchone()
    return row is not None and row["cancel"] != ""


def add_event(db: sqlite3.Connection, id: int, kind: str, message: str) -> None:
    """Append an event to what the job told."""
    with transaction(db):
        _add_event(db, id, kind, message)


def events(db: sqlite3.Connection, id: int, after: int = 0) -> list[JobEvent]:
    """What the job told, oldest first, from the event after number `after` on."""
    return [
        JobEvent(job=row["job_id"], number=row["number"], at=row["at"], kind=row["kind"], message=row["message"])
        for row in db.execute("SELECT * FROM job_event WHERE job_id = ? AND number > ? ORDER BY number", (id, after))
    ]


def report(
    db: sqlite3.Connection,
    id: int,
    *,
    stage: str,
    done: int,
    total: int,
    seconds: float,
    beats: int = 0,
    events: Sequence[tuple[str, str]] = (),
    points: Iterable[Point] = (),
) -> None:
    """All that a worker has to say in one transaction: where it is, `beats` more heartbeats, events and points."""
    with transaction(db):
        db.execute(
            "UPDATE job SET stage = ?, done = ?, total = ?, seconds = max(seconds, ?), beats = beats + ?"
            f" WHERE id = ? AND {_OPEN}",
            (stage, done, total, seconds, beats, id),
        )
        for kind, message in events:
            _add_event(db, id, kind, message)
        _add_points(db, id, points)


def add_points(db: sqlite3.Connection, job_id: int, points: Iterable[Point]) -> None:
    """Store points of the series of phases, in one transaction; a point of the same phase, name and step is replaced.

    Series belong to the phase, not to the job, so that a resumed job goes on with the curve of the first.
    """
    with transaction(db):
        _add_points(db, job_id, points)


def series(db: sqlite3.Connection, job_id: int) -> list[Series]:
    """All points of every phase that this job wrote to, phases in the order of their first point, then by name."""
    import numpy as np

    found = []
    for row in db.execute(
        "SELECT s.id, s.phase, s.name FROM job_phase p JOIN job_series s USING (phase) WHERE p.job_id = ?"
        " ORDER BY (SELECT min(id) FROM job_series WHERE phase = s.phase), s.id",
        (job_id,),
    ).fetchall():
        points = db.execute(
            "SELECT step, value, seconds FROM job_point WHERE series_id = ? ORDER BY step", (row["id"],)
        ).fetchall()
        found.append(
            Series(
                phase=row["phase"],
                name=row["name"],
                steps=np.array([point["step"] for point in points], np.int64),
                values=np.array([point["value"] for point in points], np.float64),  # None becomes NaN
                seconds=np.array([point["seconds"] for point in points], np.float64),
            )
        )
    return found


def _add(db: sqlite3.Connection, kind: str, arguments: Sequence[str], folder: str, resumes: int | None) -> Job:
    number = db.execute(
        "INSERT INTO job (kind, arguments, folder, resumes, created) VALUES (?, ?, ?, ?, ?)",
        (kind, json.dumps(list(arguments)), folder, resumes, now()),
    ).lastrowid
    assert number is not None
    return job(db, number)


def _add_event(db: sqlite3.Connection, id: int, kind: str, message: str) -> None:
    db.execute(
        "INSERT INTO job_event (job_id, number, at, kind, message)"
        " SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ? FROM job_event WHERE job_id = ?",
        (id, now(), kind, message, id),
    )


def _add_points(db: sqlite3.Connection, job_id: int, points: Iterable[Point]) -> None:
    known: dict[tuple[str, str], int] = {}
    for phase, name, step, value, seconds in points:
        if (phase, name) not in known:
            known[phase, name] = _series_number(db, job_id, phase, name)
        db.execute(
            "INSERT INTO job_point (series_id, step, value, seconds) VALUES (?, ?, ?, ?) ON CONFLICT"
            " (series_id, step) DO UPDATE SET value = excluded.value, seconds = excluded.seconds",
            (known[phase, name], step, value, seconds),  # SQLite stores NaN as NULL
        )


def _series_number(db: sqlite3.Connection, job_id: int, phase: str, name: str) -> int:
    db.execute("INSERT INTO job_phase (job_id, phase) VALUES (?, ?) ON CONFLICT DO NOTHING", (job_id, phase))
    db.execute("INSERT INTO job_series (phase, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (phase, name))
    row = db.execute("SELECT id FROM job_series WHERE phase = ? AND name = ?", (phase, name)).fetchone()
    return int(row["id"])


def _changed(db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> bool:
    with transaction(db):
        return db.execute(statement, values).rowcount > 0


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        arguments=json.loads(row["arguments"]),
        folder=row["folder"],
        state=JobState(row["state"]),
        pid=row["pid"],
        host=row["host"],
        device=row["device"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        seconds=row["seconds"],
        beats=row["beats"],
        stage=row["stage"],
        done=row["done"],
        total=row["total"],
        message=row["message"],
        cancel=row["cancel"],
        resumes=row["resumes"],
        exit_code=row["exit_code"],
    )
