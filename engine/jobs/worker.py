"""The process that does a job's work: `python -m engine.jobs.worker FOLDER ID`, usually started by the launcher."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

from engine.jobs import submit
from engine.jobs.context import JobContext
from engine.jobs.files import JobFiles, job_files, lock
from engine.jobs.outcome import Outcome, outcome_of_code
from store import jobs
from store.errors import Problem
from store.plain_text import plain
from store.workspace import ENVIRONMENT, Workspace

JOB = "ST5_JOB"


def main(arguments: list[str]) -> int:
    """Run the command of job `ID` of the workspace `FOLDER`; returns its exit code, which is also the job's.

    A third argument is the descriptor of the job's lock, taken by the launcher. Ends with 1, and changes
    nothing, where another process has the job or it is not queued any more.
    """
    folder, number, *held = arguments
    workspace, id = Workspace(Path(folder)), int(number)
    files = job_files(workspace, id)
    handle = _inherited(files, int(held[0])) if held else files.take()
    if handle is None:
        print(f"Job {id} has a worker already.", file=sys.stderr)
        return 1
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # the log may be followed while it grows
    job = JobContext(workspace, id, handle)
    with job.signals():
        if not job.start():
            print(f"Job {id} is not queued any more.", file=sys.stderr)
            return 1
        submit.enter_job(job)
        code = _command(workspace, id)
        job.end(_outcome(job, files, code))
    return code


def _command(workspace: Workspace, id: int) -> int:
    try:
        with workspace.read() as db:
            job = jobs.job(db, id)
        os.environ[JOB] = str(id)
        os.environ[ENVIRONMENT] = str(workspace.folder)
        sys.argv = ["st5", *job.arguments]
        try:
            os.chdir(job.folder)
        except OSError as error:
            os.chdir(workspace.folder)
            print(f"{plain(job.folder)}: {error.strerror}; working in the workspace instead.", file=sys.stderr)
        from engine.commands import main as command

        command()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Problem as problem:  # outside the command, which says its own
        print(f"st5: {plain(str(problem))}", file=sys.stderr)
        return problem.exit_code
    except BaseException:
        with suppress(OSError):  # the disk that holds the log may be what is full
            traceback.print_exc()
        return 1
    return 0


def _outcome(job: JobContext, files: JobFiles, code: int) -> Outcome:
    if job.failure is not None and code != 0:
        return replace(job.failure, exit_code=code)
    if code == 0:
        return outcome_of_code(0, job.result)
    lines = [line for line in files.tail(4096).splitlines() if line.strip()]
    return outcome_of_code(code, lines[-1].removeprefix("st5: ") if lines else "")


def _inherited(files: JobFiles, handle: int) -> int | None:
    """The lock as the launcher handed it on, or our own where that descriptor is something else."""
    try:
        found, there = os.fstat(handle), os.stat(files.lock)
    except OSError:
        return files.take()
    if (found.st_dev, found.st_ino) != (there.st_dev, there.st_ino):
        return files.take()
    os.set_inheritable(handle, False)
    return handle if lock(handle) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
