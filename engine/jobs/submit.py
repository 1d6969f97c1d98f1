"""Submit long work as a job: detached, attached to the terminal, or in this process."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from engine.jobs import control
from engine.jobs.attach import attach
from engine.jobs.context import JobContext
from engine.jobs.files import job_files
from engine.jobs.outcome import Outcome, outcome_of
from engine.progress import Observer, Progress, silent
from store import jobs
from store.enums import JobState
from store.errors import BadInput, Failed, Problem
from store.workspace import Workspace

T = TypeVar("T")

_current: JobContext | None = None  # the job that this process works for


def submit_job(
    workspace: Workspace,
    kind: str,
    work: Callable[[Observer], T],
    *,
    detach: bool = False,
    device: str | Callable[[], str] = "",
    arguments: Sequence[str] | None = None,
) -> T | None:
    """Do work as a job, and give back what it made; None where another process does it.

    Check the request before: whatever is wrong with it should be said before a job exists. In a worker the work belongs
    to the worker's job. With `detach` the number of the new job is printed and a worker started. In a terminal a worker
    is started and watched; its exit code ends this process where it is not 0. Else the work is done here, under a job's
    row and lock. Of several processes of one `torchrun`, the first has the job and the others work in silence.

    device: the accelerator whose turn the work waits for, "" for none; called only where the work is done. arguments:
    the command line after `st5` that does this work, by default this process's own.
    """
    if _current is not None:
        return _current.perform(work, device)
    rank = os.environ.get("RANK")
    if rank is not None and detach:
        raise BadInput(
            "--detach starts one process, torchrun and accelerate start theirs. Leave --detach out, or detach torchrun "
            "itself (nohup, tmux, a scheduler)."
        )
    if rank not in (None, "0"):
        return work(Observer())
    given = without_workspace(sys.argv[1:] if arguments is None else arguments)
    attached = rank is None and all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    with workspace.write() as db:
        id = jobs.add_job(db, kind=kind, arguments=given, folder=os.getcwd()).id
    if detach or attached:
        control.launch(workspace, id)
    if detach:
        print(id, flush=True)
        print(f"job {id} started; follow it with `st5 jobs logs {id} -f`", file=sys.stderr)
        return None
    if attached:
        code = attach(workspace, id)
        if code:
            raise SystemExit(code)
        return None
    return _run_here(workspace, id, work, device)


def enter_job(job: JobContext) -> None:
    """Make this process the worker of a job: the work of its command belongs to it."""
    global _current  # one process, one job
    _current = job


def without_workspace(arguments: Sequence[str]) -> list[str]:
    """A command line without `--detach` and without the workspace: a worker knows both, and workspaces move."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*kept, word, *rest]
        if word in ("--workspace", "-w"):
            rest = rest[1:]
        elif word != "--detach" and not word.startswith("--workspace="):
            kept.append(word)
    return kept


def _run_here(workspace: Workspace, id: int, work: Callable[[Observer], T], device: str | Callable[[], str]) -> T:
    handle = job_files(workspace, id).take()
    if handle is None:
        raise Failed(f"Job {id}: its lock is held by another process, although no worker was started. Try again.")
    with ExitStack() as stack:
        display: Progress = silent
        if sys.stderr.isatty():
            from engine.commands.output import progress_bar

            display = stack.enter_context(progress_bar())
        job = JobContext(workspace, id, handle, display=display)
        stack.callback(job.release)
        stack.enter_context(job.signals())
        if not job.start():
            raise Failed(f"Job {id} was ended before it started. Run the command again.")
        stack.callback(leave_job)
        enter_job(job)
        try:
            made = job.perform(work, device)
        except BaseException as error:
            if not isinstance(error, Problem | KeyboardInterrupt | SystemExit):
                job.log(traceback.format_exc())
            job.end(outcome_of(error))
            raise
        job.end(Outcome(JobState.SUCCEEDED, job.result, 0))
        return made


def leave_job() -> None:
    """The next work of this process is a job of its own."""
    global _current  # one process, one job
    _current = None
