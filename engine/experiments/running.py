"""Run what an experiment needs: each step a job of its own, one after another, watched until it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.experiments.steps import Readiness, Step
from engine.jobs import control
from engine.progress import Observer
from store import jobs
from store.changes import Changes
from store.enums import JobState
from store.errors import Cancelled
from store.rows import Job
from store.workspace import Workspace

LOOK_S = 0.1
REAP_S = 2.0  # how soon a killed step is noticed


@dataclass(frozen=True)
class Failure:
    """A step that did not end well."""

    step: Step
    job: int
    message: str

    def __str__(self) -> str:
        return f"job {self.job}, `{self.step.command}`: {self.message}"


def run_steps(workspace: Workspace, left: Callable[[], list[Step]], observer: Observer) -> list[Failure]:
    """Run the steps that are missing until none is left that can run; returns those that failed.

    left: what is missing now, asked anew after every step. A step over several datasets that failed is tried for each
    that is still missing, so that one does not keep the others from their numbers. `Cancelled` if it was requested
    to stop; the running step is then cancelled with it.
    """
    tried: set[tuple[str, ...]] = set()
    failures: list[Failure] = []
    while True:
        ready = [step for step in left() if step.readiness is Readiness.READY]
        able = [part for step in ready for part in (step, *step.parts()) if part.arguments not in tried]
        if not able:
            return [failure for failure in failures if failure.step.joint or len(failure.step.datasets) <= 1]
        step = able[0]
        observer.progress(step.command, len(tried), len(tried) + len(ready))
        tried.add(step.arguments)
        job = _run(workspace, step, observer)
        if job.state == JobState.SUCCEEDED:
            observer.tell("step", f"{step.command}: {job.message or 'done'}")
        else:
            failures.append(Failure(step, job.id, job.message or str(job.state)))
            observer.tell("failed", str(failures[-1]))


def _run(workspace: Workspace, step: Step, observer: Observer) -> Job:
    """Launch a step and wait for its end; whatever ends the wait ends the step too."""
    with workspace.write() as db:
        id = jobs.add_job(db, kind=step.words[0], arguments=step.arguments, folder=os.getcwd()).id
    observer.tell("started", f"job {id}: {step.command}")
    try:
        control.launch(workspace, id)
        return _ended(workspace, id, observer)
    except BaseException:
        control.cancel(workspace, id)
        raise


def _ended(workspace: Workspace, id: int, observer: Observer) -> Job:
    changes = Changes(workspace)
    next_reap = time.monotonic() + REAP_S
    try:
        while True:
            if changes.poll():
                with workspace.read() as db:
                    job = jobs.job(db, id)
                if job.state in jobs.FINAL:
                    return job
            if observer.stop():
                raise Cancelled(f"Cancelled while job {id} ran ({job.command}), which was asked to stop too.")
            if time.monotonic() > next_reap:
                control.reap(workspace)
                next_reap = time.monotonic() + REAP_S
            time.sleep(LOOK_S)
    finally:
        changes.close()
