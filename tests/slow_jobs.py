"""Jobs of the command `slow` (see `slow_command/`), launched, watched and run in processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.jobs import control
from store import jobs
from store.enums import JobState
from store.rows import Job, JobEvent, Series
from store.workspace import Workspace
from tests.program import Outcome, Program
from tests.waiting import wait_for

FOLDER = Path(__file__).resolve().parent / "slow_command"
PROGRAM = [sys.executable, str(FOLDER / "slow_command.py")]
ENDS = set(jobs.FINAL)


@contextmanager
def slow_jobs(folder: Path) -> Iterator[SlowJobs]:
    """A new, empty workspace for jobs of `slow`; those that still run at the end are killed."""
    with Workspace(folder).write():
        slow = SlowJobs(folder)
    try:
        yield slow
    finally:
        slow.end_all()


@dataclass(frozen=True)
class SlowJobs:
    """The jobs of one workspace."""

    folder: Path

    @property
    def gate(self) -> Path:
        """The file that lets held jobs go on: `--gate` of a job that is added with `gated`."""
        return self.folder.parent / "gate"

    @property
    def gated(self) -> tuple[str, ...]:
        """Options of a job that holds at its third step until the gate opens."""
        return ("--steps", "6", "--hold-at", "2", "--gate", str(self.gate))

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
        """A row without a worker yet."""
        with self.workspace.write() as db:
            job = jobs.add_job(db, kind="slow", arguments=["slow", *arguments], folder=str(self.folder.parent))
        return job.id

    def launch(self, *arguments: str) -> int:
        """A detached job; returns its number once its worker has begun to count."""
        id = self.launch_only(*arguments)
        wait_for(lambda: self.job(id).state in {JobState.RUNNING, *ENDS}, f"job {id} to run", lambda: self.log(id))
        return id

    def held(self, *arguments: str) -> int:
        """A detached job that holds at its third step; returns its number once it is there and has said so."""
        id = self.launch(*self.gated, *arguments)
        self.holds(id)
        return id

    def holds(self, id: int) -> None:
        """Wait until a job holds, and its row says that it has done three steps."""
        wait_for(
            lambda: "held at step 2\n" in self.log(id) and self.job(id).done >= 3,
            f"job {id} to hold at step 2", lambda: (self.job(id), self.log(id)),
        )  # fmt: skip

    def log(self, id: int) -> str:
        return control.log_tail(self.workspace, id)

    def end_all(self) -> None:
        """Kill what still runs, and wait until it is gone."""
        if not self.workspace.exists():
            return
        with self.workspace.read() as db:
            running = [job.id for job in jobs.unfinished(db)]
            pids = [job.pid for job in jobs.jobs(db) if job.pid is not None and job.host == socket.gethostname()]
        for id in running:
            control.cancel(self.workspace, id, "kill")
        for pid in pids:
            if pid != os.getpid():
                wait_for(lambda pid=pid: not alive(pid), f"process {pid} of a job to be gone")  # type: ignore[misc]

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

    def ended(self, id: int) -> Job:
        """The job, once it has come to its end."""
        wait_for(lambda: self.job(id).state in ENDS, f"job {id} to end", lambda: (self.job(id), self.log(id)))
        return self.job(id)

    def vanished(self, id: int) -> None:
        """Wait until the kernel has let go what the job's process held."""
        pid = self.job(id).pid
        assert pid is not None
        wait_for(lambda: not alive(pid), f"process {pid} to be gone", lambda: self.log(id))


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie; one whose last threads still hold its files and locks is."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z" or threads > 1
