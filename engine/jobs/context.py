"""A job from inside the process that does its work: lock, heartbeat, progress, series, and the way it ends.

The work only changes values in memory. A thread with its own connection writes them, at most once a second, so that a
locked database never holds the work up, and looks meanwhile whether the work should stop.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import FrameType
from typing import TypeVar

from engine import interrupt
from engine.jobs import device_lock
from engine.jobs.files import job_files
from engine.jobs.outcome import Outcome, outcome_of
from engine.progress import Observer, Progress, silent
from store import jobs
from store.errors import Cancelled, Failed, Problem, explain
from store.plain_text import plain
from store.workspace import Workspace

LOOK_S = 0.25  # how soon a wish to cancel is seen; a look is one read by primary key
COMMIT_S = 1.0  # at most one commit per second
BEAT_S = 5.0
BUSY_S = 2.0  # one try to write; the next look tries again with all that was kept
PATIENCE_S = 60.0  # how long the first and the last words of a job wait for a locked database
CARES_S = 60.0  # work that asks whether to stop does so at every step; silent this long, it has gone on to other work
ENDING = (signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


class JobContext:
    """One job, held by this process through the lock's descriptor `handle` until `end`.

    `display` also sees the progress. What the work tells goes to the job's log too, for those who follow that.
    """

    def __init__(self, workspace: Workspace, id: int, handle: int, *, display: Progress = silent) -> None:
        self.id = id
        self.failure: Outcome | None = None
        self.result = ""
        self.observer = Observer(progress=self._progress, record=self._record, tell=self._tell, stop=self._stop)
        self._workspace = workspace
        self._files = job_files(workspace, id)
        self._handle = handle
        self._display = display
        self._connection = ExitStack()
        self._db = self._connection.enter_context(workspace.write(busy_timeout=BUSY_S))
        self._using = threading.Lock()  # the connection: one transaction at a time
        self._file = self._identity()
        self._before = jobs.run_time_before(self._db, id)
        self._started = 0.0  # monotonic; 0 until it runs
        self._guard = threading.Lock()  # what waits to be written
        self._position = ("", 0, 0)
        self._moved_on = False
        self._points: list[jobs.Point] = []
        self._new_events: list[tuple[str, str]] = []
        self._last_commit = self._last_beat = time.monotonic()
        self._stop_reason = ""  # why the work should stop
        self._fault = ""  # why the job cannot go on
        self._stop_asked = -math.inf  # monotonic; work that asks itself ends itself, having kept what it has
        self._performing = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name=f"job {id}", daemon=True)

    def start(self) -> bool:
        """Claim the row and begin the heartbeat; False where the job is not to be started any more."""
        claimed = self._patiently(lambda db: jobs.claim(db, self.id, os.getpid(), socket.gethostname()))
        if claimed:
            self._files.set_aside()
            self._thread.start()
        return claimed

    def perform(self, work: Callable[[Observer], T], device: str | Callable[[], str] = "") -> T:
        """Do the work once the device lock is acquired; `Cancelled` if that was requested before.

        `device` is "" for work that needs no device lock; a function is called only now. Any error is kept in
        `failure` and raised. Work within work is simply done.
        """
        if self._performing:
            return work(self.observer)
        self._performing = True
        try:
            if self._patiently(lambda db: jobs.cancel_asked(db, self.id)):
                raise Cancelled("Cancelled before it started.")
            name = device() if callable(device) else device
            with self._device_lock(name):
                self._patiently(lambda db: jobs.set_running(db, self.id, name))
                self._started = time.monotonic()
                made = work(self.observer)
            self._check_workspace()
            if self._fault:
                raise Failed(self._fault)
        except BaseException as error:
            self._check_workspace()
            raised: BaseException = error
            if self._fault and isinstance(error, Exception) and str(error) != self._fault:
                raised = Failed(self._fault)  # a symptom says less than its cause
            self.failure = outcome_of(raised)
            if raised is error:
                raise
            raise raised from error
        finally:
            self._performing = False
        self.failure = None
        return made

    def end(self, outcome: Outcome) -> None:
        """Write what is left and the final state; the lock goes with the process, or with `release`.

        Where even that cannot be written, the log says so, and the next look at the jobs finds this one lost.
        """
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self._files.make_room()
        message = plain(outcome.message)
        lasts: tuple[Callable[[sqlite3.Connection], object], ...] = (
            self._write,
            lambda db: jobs.finish(db, self.id, outcome.state, message, outcome.exit_code, self._seconds()),
        )
        for write in lasts:  # on a full disk the state may still find room where the series do not
            try:
                self._patiently(write)
            except (sqlite3.Error, Problem) as error:
                self.log(f"The end of the job ({outcome.state}: {message}) could not be stored: {error}")
        self._connection.close()
        self.log(f"{outcome.state}: {message}" if message else outcome.state)

    def release(self) -> None:
        """Let the lock go, in a process that lives on."""
        os.close(self._handle)

    def log(self, text: str) -> None:
        """Add a line to the job's log."""
        self._files.append(f"{datetime.now().strftime('%H:%M:%S')} {text}\n")

    @contextmanager
    def signals(self) -> Iterator[None]:
        """While inside, SIGTERM and a hang-up end the work at once with `Cancelled`, unless they were ignored before.

        Only in the main thread, the one that Python interrupts; elsewhere signals stay as they are.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in ENDING}
        changed = [number for number, handler in before.items() if handler == signal.SIG_DFL]
        for number in changed:
            signal.signal(number, self._ended_by)
        try:
            yield
        finally:
            for number in changed:
                signal.signal(number, before[number])

    def _ended_by(self, number: int, frame: FrameType | None) -> None:
        if self._ending.is_set():
            return
        self._stop_reason = f"Ended by {signal.Signals(number).name}."
        self._stop_asked = -math.inf  # libraries may swallow the error; then the next report of progress raises it
        raise Cancelled(self._stop_reason)

    # What the work calls

    def _progress(self, stage: str, done: int, total: int) -> None:
        self._position = (stage, int(done), int(total))
        self._moved_on = True
        self._display(stage, done, total)
        if self._fault:
            raise Failed(self._fault)
        interrupt.check()
        if self._stop_reason and time.monotonic() - self._stop_asked > CARES_S:
            raise Cancelled(self._stop_reason)

    def _record(self, phase: str, step: int, values: Mapping[str, float]) -> None:
        seconds = self._before + self._seconds()
        with self._guard:
            self._points += [(phase, name, int(step), float(value), seconds) for name, value in values.items()]

    def _tell(self, kind: str, message: str) -> None:
        with self._guard:
            self._new_events.append((kind, message))
        if kind == "result":
            self.result = message
        self.log(f"{kind}: {plain(message)}")

    def _stop(self) -> bool:
        self._stop_asked = time.monotonic()
        return bool(self._stop_reason or self._fault)

    # What the thread does

    def _look_after(self) -> None:
        while not self._ending.wait(LOOK_S):
            try:
                self._look()
            except sqlite3.Error as error:
                if not _busy(error):
                    self._fault = self._fault or str(explain(error, self._workspace.database))
            except Exception as error:
                self._fault = self._fault or f"The job's bookkeeping failed: {type(error).__name__}: {error}"

    def _look(self) -> None:
        self._check_workspace()
        with self._using:
            if not self._stop_reason and jobs.cancel_asked(self._db, self.id):
                self._stop_reason = "Cancelled on request."
            now = time.monotonic()
            due = now - self._last_beat >= BEAT_S
            if now - self._last_commit >= COMMIT_S and (due or self._moved_on or self._points or self._new_events):
                self._write(self._db, beats=int(due))
                self._last_commit = time.monotonic()
                self._last_beat = self._last_commit if due else self._last_beat

    def _write(self, db: sqlite3.Connection, beats: int = 0) -> None:
        """All that waits, in one transaction; where that fails, it waits on."""
        with self._guard:
            points, self._points = self._points, []
            events, self._new_events = self._new_events, []
            moved_on, self._moved_on = self._moved_on, False
        stage, done, total = self._position
        try:
            jobs.report(
                db, self.id, stage=stage, done=done, total=total, seconds=self._seconds(), beats=beats, events=events,
                points=points,
            )  # fmt: skip
        except BaseException:
            with self._guard:
                self._points = points + self._points
                self._new_events = events + self._new_events
                self._moved_on = self._moved_on or moved_on
            raise

    def _check_workspace(self) -> None:
        """A workspace that is not where it was gets nothing more: the next job there may be another's."""
        if not self._fault and self._identity() != self._file:
            self._fault = (
                f"{self._workspace.folder}: the workspace was moved or replaced while the job ran. What was stored "
                "before is in it; resume the job where the workspace is now."
            )

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._workspace.database)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    # Both

    def _seconds(self) -> float:
        return time.monotonic() - self._started if self._started else 0.0

    @contextmanager
    def _device_lock(self, device: str) -> Iterator[None]:
        if not device:
            yield
            return
        holder = f"job {self.id} of {self._workspace.folder.absolute()} (pid {os.getpid()})"

        def waiting(reason: str) -> None:
            self._patiently(lambda db: jobs.wait(db, self.id, reason))
            self._tell("waiting", reason)
            print(f"Waiting: {plain(reason)}", file=sys.stderr, flush=True)

        with device_lock.lock_device(device, holder, waiting, stop=lambda: bool(self._stop_reason or self._fault)):
            yield

    def _patiently(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Retry for up to a minute while another connection locks the database."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with self._using:
                    return write(self._db)
            except sqlite3.Error as error:
                if not _busy(error) or time.monotonic() > deadline:
                    raise


def _busy(error: sqlite3.Error) -> bool:
    return "locked" in str(error) or "busy" in str(error)
