"""Jobs from outside: launch, look after, cancel, resume. The command line and the workbench both use it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from engine.jobs.files import JobFiles, job_files
from store import jobs
from store.enums import JobState
from store.errors import BadInput, Failed, Problem
from store.plain_text import plain
from store.python_command import python_command, python_environment
from store.rows import Job
from store.workspace import Workspace

LAUNCH_S = 10  # a new row whose lock is free longer than this lost its launcher: launching takes a tenth of a second
GONE_WITHIN_S = 5.0  # how long a killed process may take to vanish
LAST_LINES = 3
STEPS = ("ask", "terminate", "kill")


def launch(workspace: Workspace, id: int) -> None:
    """Start the worker of a queued job, which then belongs to no terminal and no parent.

    A job that has a worker already keeps it. `Failed` where no process can be started; the job then is `failed`.
    """
    files = job_files(workspace, id)
    handle = files.take()
    if handle is None:
        return
    try:
        done = subprocess.run(
            python_command("engine.jobs.launcher", str(workspace.folder.absolute()), str(id), str(handle)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=python_environment(),
            pass_fds=(handle,),
            start_new_session=True,  # Ctrl-C at the terminal is not meant for it
            check=False,
        )
        words = done.stderr.decode(errors="replace").strip().splitlines()
        problem = (words[-1] if words else f"exit code {done.returncode}") if done.returncode else ""
    except OSError as error:
        problem = str(error)
    finally:
        os.close(handle)
    if problem:
        with workspace.write() as db:
            jobs.finish(db, id, JobState.FAILED, f"could not be started: {problem}", 1)
        raise Failed(f"Job {id} could not be started: {problem}. Mend this, then `st5 jobs resume {id}`.")


def reap(workspace: Workspace) -> list[int]:
    """Mark unfinished jobs whose worker is dead as `lost`, or `cancelled` where that was asked; returns their numbers.

    Only who obtained a job's lock writes this, so a live job is never touched. A workspace that cannot be written
    stays as it is.
    """
    with workspace.read() as db:
        dead = [job for job in jobs.unfinished(db) if _may_be_dead(job) and not job_files(workspace, job.id).is_held()]
    reaped = []
    for job in dead:
        with suppress(Problem):  # reading goes on where nothing can be written
            handle = job_files(workspace, job.id).take(shared=True)
            if handle is None:
                continue
            try:
                if _mark_lost(workspace, job.id):
                    reaped.append(job.id)
            finally:
                os.close(handle)
    return reaped


def cancel(workspace: Workspace, id: int, step: str = "ask") -> str:
    """One step of the ladder, and words about what it did: `ask` raises the flag that the worker looks at before its
    next step; `terminate` sends SIGTERM to the worker's process group; `kill` sends SIGKILL, and reaps the job.

    No signal is sent if the job's lock is free or it runs on another host. `BadInput` for a step that does not exist.
    """
    if step not in STEPS:
        raise BadInput(f'There is no step "{step}" of cancelling. Allowed are {", ".join(STEPS)}.')
    with workspace.write() as db:
        asked = jobs.ask_cancel(db, id)
        job = jobs.job(db, id)
    if job.state in jobs.FINAL:
        return f"Job {id} is {job.state} already; nothing to cancel."
    files = job_files(workspace, id)
    handle = files.take(shared=True)
    if handle is not None:  # it has no worker: one that starts later finds it cancelled
        try:
            buried = _mark_lost(workspace, id)
        finally:
            os.close(handle)
        if buried:
            return f"Job {id} had no worker any more; it is cancelled."
        return _ended_first(workspace, id)
    if step == "ask":
        if asked:
            return f"Job {id} was asked to stop; it keeps what it has and ends at its next step."
        return f"Job {id} was asked to stop before; it has not come to its next step. Next: --terminate."
    if job.host and job.host != socket.gethostname():
        return f"Job {id} runs on {job.host}, where this machine can end nothing; it was asked to stop."
    if job.pid is None:
        return f"Job {id} is only just starting; it will find that it was asked to stop."
    if step == "terminate":
        _signal(job.pid, signal.SIGTERM)
        return f"Job {id} was told to end at once (SIGTERM). If it does not, kill it: --kill."
    _signal(job.pid, signal.SIGKILL)
    _until(lambda: not files.is_held())
    reap(workspace)
    with workspace.read() as db:
        job = jobs.job(db, id)
    if job.state not in jobs.FINAL:
        return f"Job {id} was killed (SIGKILL), but is still there; the system has yet to end it. Look again."
    if job.exit_code is not None:
        return _ended_first(workspace, id)
    return f"Job {id} was killed. What it had stored before is whole."


def resume(workspace: Workspace, id: int) -> int:
    """Launch a new job that goes on where this one stopped; returns its number.

    `BadInput` for a job that still runs, that succeeded, or that another unfinished job goes on with already.
    """
    reap(workspace)
    with workspace.write() as db:
        new = jobs.add_resumed(db, id)
    launch(workspace, new.id)
    return new.id


def log_tail(workspace: Workspace, id: int, bytes: int = 64 * 1024) -> str:
    """The whole lines among the last `bytes` of a job's log, as they are; "" where there is no log."""
    return job_files(workspace, id).tail(bytes)


def _may_be_dead(job: Job) -> bool:
    """A row without a worker may be one that is being launched at this moment; its clock may also have jumped."""
    if job.state != JobState.QUEUED or job.pid is not None:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(job.created)
    return abs(age.total_seconds()) > LAUNCH_S


def _mark_lost(workspace: Workspace, id: int) -> bool:
    """Write the end of a job whose lock this process holds."""
    files = job_files(workspace, id)
    files.make_room()
    words = _last_words(files)
    with workspace.write() as db:
        job = jobs.job(db, id)
        if job.cancel:
            state, message = JobState.CANCELLED, "cancelled"
        elif job.pid is None:
            state, message = JobState.LOST, "it was never started: its launcher is gone"
        else:
            log = f"its log ends with: {words}" if words else "its log is empty"
            state, message = JobState.LOST, f"the worker was killed; {log}"
        return jobs.finish(db, id, state, message, None)


def _ended_first(workspace: Workspace, id: int) -> str:
    """The answer where a job wrote its end between being looked at and being cancelled."""
    with workspace.read() as db:
        state = jobs.job(db, id).state
    return f"Job {id} had ended before it could be stopped: it is {state}."


def _last_words(files: JobFiles) -> str:
    lines = [plain(line.rpartition("\r")[2]).strip() for line in files.tail(4096).splitlines()]
    return " | ".join([line[:200] for line in lines if line][-LAST_LINES:])


def _signal(pid: int, number: signal.Signals) -> None:
    """To the whole group where the worker leads one, so that its children go with it; else to it alone."""
    with suppress(ProcessLookupError):
        try:
            leads = os.getpgid(pid) == pid and os.getsid(pid) == pid
        except ProcessLookupError:  # it is dead, and forked children of its group hold the lock on
            leads = True
        if leads:
            os.killpg(pid, number)
        else:  # a command in a user's shell shares its group with the rest of the pipeline
            os.kill(pid, number)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
