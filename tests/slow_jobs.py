"""Jobs of the command `slow` (see `slow_command/`), launched, watched and run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.jobs import control
from store import jobs
from store.records import Job, JobEvent, Series
from store.words import JobState
from store.workspace import Workspace
from tests.program import Outcome, Program

FOLDER = Path(__file__).resolve().parent / "slow_command"
PROGRAM = [sys.executable, str(FOLDER / "slow_command.py")]
ENDS = set(jobs.FINAL)


def until(true: Callable[[], Any], what: str, seconds: float = 20) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.02)


def slow_jobs(folder: Path) -> SlowJobs:
    """A new, empty workspace for jobs of `slow`."""
    with Workspace(folder).write():
        return SlowJobs(folder)


@dataclass(frozen=True)
class SlowJobs:
    """The jobs of one workspace."""

    folder: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder)

    @property
    def program(self) -> list[str]:
        """`st5 slow`."""
        return [*PROGRAM, "slow"]

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to know the workspace and the command."""
        return dict(
            os.environ, PYTHONPATH=str(FOLDER), ST5_WORKSPACE=str(self.folder), NO_COLOR="1", COLUMNS="200",
            XDG_RUNTIME_DIR=str(self.folder.parent),
        )  # fmt: skip

    def add(self, *arguments: str) -> int:
        """A row that nobody works on yet."""
        with self.workspace.write() as db:
            job = jobs.add_job(db, kind="slow", arguments=["slow", *arguments], folder=str(self.folder.parent))
        return job.id

    def launch(self, *arguments: str) -> int:
        """A detached job; returns its number once its worker has begun to count."""
        id = self.launch_only(*arguments)
        until(lambda: self.job(id).state in {JobState.RUNNING, *ENDS}, f"job {id} to run")
        return id

    def launch_only(self, *arguments: str) -> int:
        id = self.add(*arguments)
        with self.known():
            control.launch(self.workspace, id)
        return id

    def resume(self, id: int) -> int:
        with self.known():
            return control.resume(self.workspace, id)

    def here(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """`st5 slow …` without a terminal: it does its work itself."""
        return subprocess.Popen(
            [*self.program, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def st5(self, *arguments: str) -> Outcome:
        """A command that reads jobs, in this process."""
        with self.known():
            return Program(self.folder)(*arguments)

    @contextmanager
    def known(self) -> Iterator[None]:
        with patch.dict(os.environ, self.environment):
            yield

    def job(self, id: int) -> Job:
        with self.workspace.read() as db:
            return jobs.job(db, id)

    def events(self, id: int) -> list[JobEvent]:
        with self.workspace.read() as db:
            return jobs.events(db, id)

    def series(self, id: int) -> list[Series]:
        with self.workspace.read() as db:
            return jobs.series(db, id)

    def ended(self, id: int, seconds: float = 20) -> Job:
        """The job, once it has come to its end."""
        until(lambda: self.job(id).state in ENDS, f"job {id} to end", seconds)
        return self.job(id)

    def vanished(self, id: int) -> None:
        """Wait until the kernel has let go what the job's process held."""
        pid = self.job(id).pid
        assert pid is not None
        until(lambda: not alive(pid), f"process {pid} to be gone")


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
