"""A job in the foreground of a real terminal: watched, asked about at Ctrl-C, and left alone by a hang-up."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.words import JobState
from tests.slow_jobs import SlowJobs, slow_jobs, until

CTRL_C = b"\x03"
QUESTION = "keep watching [w]?"


class Terminal:
    """A process whose standard streams are a terminal of its own, and what it showed there."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, env=environment, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal
        )
        os.close(slave)
        self._shown = b""
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while self._open:
            try:
                self._shown += os.read(self._master, 4096)
            except OSError:  # nobody has it open any more
                return

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")

    def wait_for(self, text: str, times: int = 1) -> None:
        until(lambda: self.shown.count(text) >= times, f"{text!r} in {self.shown!r}")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def hang_up(self) -> None:
        """The connection drops: nobody reads, and the kernel tells the process so."""
        self._open = False
        os.write(self._master, b"\n")  # its echo wakes the reader
        self._reader.join()
        os.close(self._master)


@pytest.fixture
def slow(tmp_path: Path) -> SlowJobs:
    return slow_jobs(tmp_path / "w")


@pytest.fixture
def terminals(slow: SlowJobs) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.process.kill()
        terminal.process.wait()
    with slow.workspace.read():
        for job in slow.st5("jobs", "list", "--json").document:
            if job["state"] in ("queued", "starting", "running"):
                slow.st5("jobs", "cancel", str(job["id"]), "--kill", "--yes")


def watched(slow: SlowJobs, terminals: list[Terminal], *arguments: str) -> Terminal:
    """`st5 slow …` in a terminal, once its worker has begun to count."""
    terminal = Terminal([*slow.program, *arguments], slow.environment)
    terminals.append(terminal)
    terminal.wait_for("step 0")
    return terminal


def test_its_output_and_progress_are_shown_and_its_exit_code_is_the_jobs(
    slow: SlowJobs, terminals: list[Terminal]
) -> None:
    terminal = watched(slow, terminals, "--steps", "30", "--pause", "0.06", "--fail", "problem")
    terminal.wait_for("of 30")
    assert terminal.process.wait(20) == 1
    job = slow.job(1)
    assert (job.state, job.exit_code) == (JobState.FAILED, 1)
    assert job.pid != terminal.process.pid
    terminal.wait_for("job 1 failed: the last step failed")
    for step in range(30):
        assert terminal.shown.count(f"step {step}\r\n") == 1


def test_ctrl_c_and_d_leave_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "400", "--pause", "0.05")
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"d\n")
    assert terminal.process.wait(20) == 0
    terminal.wait_for("st5 jobs logs 1 -f")
    before = slow.job(1).done
    until(lambda: slow.job(1).done > before, "the job to go on")


def test_ctrl_c_and_c_cancel_it(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "400", "--pause", "0.05", "--careful")
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"perhaps\n")
    terminal.wait_for(QUESTION, times=2)
    terminal.type(b"c\n")
    assert terminal.process.wait(20) == 3
    job = slow.job(1)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, 3)
    assert job.message.startswith("stopped at step")
    terminal.wait_for("job 1 cancelled: stopped at step")


def test_ctrl_c_and_w_go_on_watching(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "30", "--pause", "0.05")
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"w\n")
    assert terminal.process.wait(20) == 0
    assert "made 30" in terminal.shown
    assert slow.job(1).state == JobState.SUCCEEDED


def test_a_second_ctrl_c_leaves_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "400", "--pause", "0.05")
    for _ in range(2):
        terminal.type(CTRL_C)
        terminal.wait_for(QUESTION)
    assert terminal.process.wait(20) == 0
    assert slow.job(1).state == JobState.RUNNING
    assert slow.job(1).cancel == ""


def test_a_hang_up_leaves_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "400", "--pause", "0.05")
    terminal.hang_up()
    until(lambda: terminal.process.poll() is not None, "the watching to end")
    before = slow.job(1).done
    until(lambda: slow.job(1).done > before, "the job to go on")
    assert slow.st5("jobs", "list", "--json").document[0]["state"] == "running"


def test_a_worker_that_is_killed_while_it_is_watched(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--steps", "400", "--pause", "0.05")
    os.kill(slow.job(1).pid or 0, 9)
    started = time.monotonic()
    assert terminal.process.wait(20) == 1
    assert time.monotonic() - started < 10
    terminal.wait_for("job 1 lost: its process ended without a word")
