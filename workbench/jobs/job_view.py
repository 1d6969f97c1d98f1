"""What the Jobs area shows, read from the store: the list, and one job with its events and curves."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from store import jobs as job_store
from store.rows import Job, JobEvent
from store.workspace import Workspace
from workbench.jobs.job_formatting import FINAL, phase_names

if TYPE_CHECKING:
    import numpy as np

    from store.rows import Series

LISTED = 200  # jobs; older ones are in `st5 jobs list`
EVENTS = 500  # of one job, the newest
POINTS = 400  # of one curve: two per cell of the widest chart
AVERAGED = " averaged"  # follows the name of a series that was measured with the averaged weights
FIRST_SERIES = ("loss", "validation loss", "ndcg@10", "hr@10", "pairs/s", "learning rate", "gradient norm")
PAIRS = "pairs/s"


@dataclass(frozen=True)
class Curve:
    """One series of one phase, thinned to `POINTS`: steps rising; a value is None where it was not a number."""

    phase: str
    name: str
    steps: tuple[int, ...]
    values: tuple[float | None, ...]
    seconds: tuple[float, ...]

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None


@dataclass(frozen=True)
class JobDetail:
    """One job in full. `event_count` counts its events, of which `events` are the newest, oldest first."""

    job: Job
    events: tuple[JobEvent, ...]
    event_count: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Traced:
    """One job with its curves, as it is compared with others."""

    job: Job
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class JobsView:
    """The newest jobs and, where one was asked for and is still there, that one in full; beside it the marked ones."""

    jobs: tuple[Job, ...]
    detail: JobDetail | None
    marked: tuple[Traced, ...] = ()

    @property
    def unfinished(self) -> bool:
        return any(job.state not in FINAL for job in self.jobs)


def read_jobs(
    workspace: Workspace,
    wanted: int | None,
    keep: JobDetail | None = None,
    marked: Sequence[int] = (),
    known: Mapping[int, tuple[Curve, ...]] = MappingProxyType({}),
) -> JobsView:
    """The list, and the job of number `wanted`; the newest where that is None or gone. Empty without a workspace.

    The curves of `keep` are taken over where it is the same job and that still runs, instead of reading them again;
    so are those of marked jobs that are `known`.
    """
    if not workspace.exists():
        return JobsView((), None)
    with workspace.read() as db:
        found = tuple(job_store.jobs(db, LISTED))
        chosen = next((job for job in found if job.id == wanted), found[0] if found else None)
        there = {job.id: job for job in found}
        beside = (there[id] for id in marked if id in there)
        traced = tuple(Traced(job, known[job.id] if job.id in known else _curves(db, job.id)) for job in beside)
        return JobsView(found, _detail(db, chosen, keep) if chosen else None, traced)


def read_events(workspace: Workspace, job: int) -> tuple[JobEvent, ...]:
    """Everything that a job told, oldest first."""
    with workspace.read() as db:
        return tuple(job_store.events(db, job))


def families(curves: tuple[Curve, ...]) -> list[str]:
    """The names to switch between, the likeliest first; an averaged series goes with the one it is beside."""
    names = {curve.name.removesuffix(AVERAGED) for curve in curves}
    return [*(name for name in FIRST_SERIES if name in names), *sorted(names - set(FIRST_SERIES))]


def pace(detail: JobDetail) -> float | None:
    """How much of `done` passes in a second of the newest phase; None where its series do not tell.

    Where the last step of the series is about where the job is, `done` counts steps; else it counts pairs.
    """
    job = detail.job
    newest = detail.curves[-1].phase if detail.curves else ""
    own = [curve for curve in detail.curves if curve.phase == newest and len(curve.steps) > 1]
    for curve in own:
        first = max(0, len(curve.steps) - 20)
        steps, seconds = curve.steps[-1] - curve.steps[first], curve.seconds[-1] - curve.seconds[first]
        gap = curve.steps[-1] - curve.steps[-2]
        if curve.steps[-1] <= job.done + 1 and job.done - curve.steps[-1] <= 2 * gap and seconds > 0:
            return steps / seconds
    return pairs_per_second(detail)


def pairs_per_second(detail: JobDetail) -> float | None:
    """The newest speed of the training that is the job's stage; None in any other."""
    rates = [curve for curve in detail.curves if curve.name == PAIRS and curve.last]
    return rates[-1].last if rates and rates[-1].phase.startswith(detail.job.stage or "-") else None


def _detail(db: sqlite3.Connection, job: Job, keep: JobDetail | None) -> JobDetail:
    events = job_store.events(db, job.id)
    if keep is not None and keep.job.id == job.id and job.state not in FINAL:
        return JobDetail(job, tuple(events[-EVENTS:]), len(events), keep.curves)
    return JobDetail(job, tuple(events[-EVENTS:]), len(events), _curves(db, job.id))


def _curves(db: sqlite3.Connection, job: int) -> tuple[Curve, ...]:
    found = [series for series in job_store.series(db, job) if len(series.steps)]
    names = phase_names(list(dict.fromkeys(series.phase for series in found)))
    return tuple(_curve(series, names[series.phase]) for series in found)


def _curve(series: Series, phase: str) -> Curve:
    steps, values, seconds = series.steps, series.values, series.seconds  # [N] each
    if len(steps) > POINTS:
        steps, values, seconds = _thin(steps, values, seconds)
    return Curve(
        phase=phase,
        name=series.name,
        steps=tuple(steps.tolist()),
        values=tuple(value if abs(value) < float("inf") else None for value in values.tolist()),
        seconds=tuple(seconds.tolist()),
    )


def _thin(steps: np.ndarray, values: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of `POINTS` equal parts, each at its last step; the last point stays what it is."""
    import numpy as np

    ends = np.linspace(0, len(steps) - 1, POINTS + 1).astype(np.int64)  # the last part is the last point alone
    means = np.add.reduceat(values, ends[:-1]) / np.diff(ends)
    lasts = np.append(ends[1:-1] - 1, len(steps) - 1)
    means[-1] = values[-1]
    return steps[lasts], means, seconds[lasts]
