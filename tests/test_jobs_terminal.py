"""A job in the foreground of a real terminal: watched, asked about at Ctrl-C, and left alone by a hang-up."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.enums import JobState
from tests.interruptible import default_signals
from tests.slow_jobs import SlowJobs, slow_jobs
from tests.waiting import wait_for

CTRL_C = b"\x03"
QUESTION = "keep watching [w]?"


class Terminal:
    """A process whose standard streams are a terminal of its own, and what it showed there."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            default_signals()

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
            except OSError:  # no process has it open any more
                return

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace")

    def wait_for(self, text: str, times: int = 1) -> None:
        wait_for(lambda: self.shown.count(text) >= times, f"{text!r} in the terminal", lambda: self.shown)

    def ended(self) -> int:
        """Its exit code, once it has one."""
        wait_for(lambda: self.process.poll() is not None, "the process in the terminal to end", lambda: self.shown)
        return self.process.wait()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def hang_up(self) -> None:
        """The connection drops: the terminal has no reader, and the kernel tells the process so."""
        self._open = False
        os.write(self._master, b"\n")  # its echo wakes the reader
        self._reader.join()
        os.close(self._master)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._open:
            self._reader.join()  # the last process that had the terminal is gone
            os.close(self._master)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowJobs]:
    with slow_jobs(tmp_path / "w") as slow:
        yield slow


@pytest.fixture
def terminals(slow: SlowJobs) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def watched(slow: SlowJobs, terminals: list[Terminal], *arguments: str) -> Terminal:
    """`st5 slow …` in a terminal, once its worker holds at a step and the terminal shows it."""
    terminal = Terminal([*slow.program, *slow.gated, *arguments], slow.environment)
    terminals.append(terminal)
    terminal.wait_for("held at step 2")
    return terminal


def test_its_output_and_progress_are_shown_and_its_exit_code_is_the_jobs(
    slow: SlowJobs, terminals: list[Terminal]
) -> None:
    terminal = watched(slow, terminals, "--fail", "problem")
    terminal.wait_for("counting  3 of 6  50 %")
    slow.gate.touch()
    assert terminal.ended() == 1
    job = slow.job(1)
    assert (job.state, job.exit_code) == (JobState.FAILED, 1)
    assert job.pid != terminal.process.pid
    terminal.wait_for("job 1 failed: the last step failed")
    for step in range(6):
        assert terminal.shown.count(f"step {step}\r\n") == (2 if step == 2 else 1)  # "held at step 2", too


def test_ctrl_c_and_d_leave_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals)
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"d\n")
    assert terminal.ended() == 0
    terminal.wait_for("st5 jobs logs 1 -f")
    goes_on(slow)


def goes_on(slow: SlowJobs) -> None:
    """The job is held, was not asked to stop, and comes to its end once it may."""
    assert (slow.job(1).state, slow.job(1).cancel) == (JobState.RUNNING, "")
    slow.gate.touch()
    assert (slow.ended(1).state, slow.job(1).done) == (JobState.SUCCEEDED, 6)


def test_ctrl_c_and_c_cancel_it(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals, "--careful")
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"perhaps\n")
    terminal.wait_for(QUESTION, times=2)
    terminal.type(b"c\n")
    assert terminal.ended() == 3
    job = slow.job(1)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, 3)
    assert job.message == "stopped at step 2"
    terminal.wait_for("job 1 cancelled: stopped at step 2")


def test_ctrl_c_and_w_go_on_watching(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals)
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    terminal.type(b"w\n")
    slow.gate.touch()
    assert terminal.ended() == 0
    terminal.wait_for("made 6")
    assert slow.job(1).state == JobState.SUCCEEDED


def test_a_job_that_ends_while_the_question_stands_is_reported_with_its_end(
    slow: SlowJobs, terminals: list[Terminal]
) -> None:
    """Cancel against end: the answer comes after the job has ended, which is said, and nothing is cancelled."""
    terminal = watched(slow, terminals)
    terminal.type(CTRL_C)
    terminal.wait_for(QUESTION)
    slow.gate.touch()
    slow.ended(1)
    terminal.type(b"c\n")
    assert terminal.ended() == 0
    terminal.wait_for("Job 1 is succeeded already; nothing to cancel.")
    terminal.wait_for("made 6")


def test_a_second_ctrl_c_leaves_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals)
    for _ in range(2):
        terminal.type(CTRL_C)
        terminal.wait_for(QUESTION)
    assert terminal.ended() == 0
    goes_on(slow)


def test_a_hang_up_leaves_it_running(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals)
    terminal.hang_up()
    terminal.ended()
    assert slow.st5("jobs", "list", "--json").document[0]["state"] == "running"
    goes_on(slow)


def test_a_worker_that_is_killed_while_it_is_watched(slow: SlowJobs, terminals: list[Terminal]) -> None:
    terminal = watched(slow, terminals)
    os.kill(slow.job(1).pid or 0, 9)
    assert terminal.ended() == 1  # though no other process looks at the jobs
    terminal.wait_for("job 1 lost: the worker was killed")
