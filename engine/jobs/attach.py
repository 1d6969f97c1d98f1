"""A terminal that watches a job: its log as it grows, a line of progress, and what Ctrl-C means."""

from __future__ import annotations

import shutil
import sys
import time
from typing import IO

from engine.jobs import control
from engine.jobs.files import JobFiles, job_files
from store import jobs
from store.changes import Changes
from store.enums import JobState
from store.plain_text import plain
from store.rows import Job
from store.workspace import Workspace

LOOK_S = 0.1
REAP_S = 2.0  # how soon a killed worker is noticed
CLEAR = "\r\x1b[K"
QUESTION = "Detach and leave it running [d], cancel it [c], or keep watching [w]? "


def attach(workspace: Workspace, id: int) -> int:
    """Watch a job in this terminal until it ends or is left alone; returns the exit code to end with.

    Ctrl-C asks what to do; a second one, or the end of the input, leaves the job running (exit code 0). A hang-up ends
    this process and nothing else: the job is in a session of its own.
    """
    watch = _Watch(workspace, id)
    steps = iter(("ask", "terminate"))
    while True:
        try:
            return watch.until_it_ends()
        except KeyboardInterrupt:
            answer = _ask(sys.stdin)
        if answer == "d":
            _say(f"job {id} goes on; follow it with `st5 jobs logs {id} -f`")
            return 0
        if answer == "c":
            _say(control.cancel(workspace, id, next(steps, "terminate")))


def print_log(workspace: Workspace, id: int, *, follow: bool = False) -> bool:
    """Print a job's log, with `follow` as it grows until the job ends; False where it wrote nothing."""
    watch = _Watch(workspace, id, progress=False)
    if follow:
        watch.until_it_ends()
    else:
        watch.show_log(last=True)
    return watch.shown > 0


class _Watch:
    """What of a job was shown so far."""

    def __init__(self, workspace: Workspace, id: int, *, progress: bool = True) -> None:
        self._workspace = workspace
        self._id = id
        self._progress = progress
        self._files: JobFiles = job_files(workspace, id)
        self.shown = 0  # bytes of the log
        self._rest = b""  # a line that is not complete yet
        self._line = ""

    def until_it_ends(self) -> int:
        """Show the job until it ends; returns its exit code."""
        changes = Changes(self._workspace)
        next_reap = time.monotonic() + REAP_S
        job = self._job()
        try:
            while job.state not in jobs.FINAL:
                self.show_log()
                self._show_progress(job)
                time.sleep(LOOK_S)
                if time.monotonic() > next_reap:
                    control.reap(self._workspace)
                    next_reap = time.monotonic() + REAP_S
                if changes.poll():
                    job = self._job()
            self.show_log(last=True)
            self._show("")
        finally:
            changes.close()
        if self._progress and job.state != JobState.SUCCEEDED:
            _say(f"job {self._id} {job.state}" + (f": {plain(job.message)}" if job.message else ""))
        return _code(job)

    def _job(self) -> Job:
        with self._workspace.read() as db:
            return jobs.job(db, self._id)

    def show_log(self, *, last: bool = False) -> None:
        """Print what the log has grown by, line by line; with `last`, also a line that is not complete."""
        try:
            with self._files.log.open("rb") as file:
                file.seek(self.shown)
                new = file.read()
        except OSError:
            return
        self.shown += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        if last and self._rest:
            lines.append(self._rest)
            self._rest = b""
        if lines:
            before, self._line = self._line, ""
            if before:
                sys.stderr.write(CLEAR)
                sys.stderr.flush()
            for line in lines:
                print(plain(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]))
            sys.stdout.flush()

    def _show_progress(self, job: Job) -> None:
        if not self._progress:
            return
        if job.state != JobState.RUNNING:
            words = f"{job.state}: {plain(job.message)}" if job.message else str(job.state)
        elif job.total:
            words = f"{plain(job.stage)}  {job.done:,} of {job.total:,}  {100 * job.done // job.total} %"
        else:
            words = plain(job.stage) or "running"
        asked = ", asked to stop" if job.cancel else ""
        self._show(f"job {job.id}: {words}{asked}")

    def _show(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        if line != self._line:
            sys.stderr.write(CLEAR + line)
            sys.stderr.flush()
            self._line = line


def _ask(answers: IO[str]) -> str:
    """d, c or w; d for another Ctrl-C and for the end of the input."""
    try:
        while True:
            sys.stderr.write("\n" + QUESTION)
            sys.stderr.flush()
            line = answers.readline()
            answer = line.strip().lower()[:1]
            if not line or answer in ("d", "c", "w"):
                return answer or "d"
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return "d"


def _code(job: Job) -> int:
    """The exit code of a job; a job without one has failed or was cancelled."""
    if job.exit_code is not None:
        return job.exit_code
    return 3 if job.state == JobState.CANCELLED else 1


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
