"""The inference process of the workbench: started at the first request, ended with the workbench."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING

from store.python_command import python_command, python_environment
from workbench.ui import numbers

if TYPE_CHECKING:
    from engine.inference.messages import Answer, Reasons, Request

LAST_WORDS = 600  # characters of what a process said before it died
REAP_S = 5.0  # a killed process is gone in milliseconds; the kernel may be busy freeing its memory


@dataclass(frozen=True)
class Died:
    """The process ended before it answered; the next question starts another."""

    words: str


class InferenceProcess:
    """`python -m engine.inference`, asked over its stdin; what it answers is delivered from a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._process: subprocess.Popen[str] | None = None
        self._stderr: IO[bytes] | None = None
        self._waiting: dict[int, Callable[[Answer | Died], object]] = {}
        # receives what answers no request, such as the end of the process
        self._newest_deliver: Callable[[Answer | Died], object] | None = None
        self._lock = Lock()
        self._number = 0
        self._ended = False

    @property
    def pid(self) -> int | None:
        """The process' id while it lives."""
        return self._process.pid if self._process is not None else None

    @property
    def waiting(self) -> bool:
        """Whether a question is not answered yet."""
        return bool(self._waiting)

    def ask(self, request: Callable[[int], Request], deliver: Callable[[Answer | Died], object]) -> int:
        """Ask what `request` makes of a number, which is returned, starting the process if there is none.

        `deliver` is called from another thread: with stages while a model is made ready, and then once more, unless a
        later ranking was asked for before this one came to its turn. `OSError` where no process can be started.
        """
        from engine.inference.messages import to_line

        with self._lock:
            self._number += 1
            number = self._number
            line = to_line(request(number))
            for attempt in (1, 2):
                process = self._process or self._start()
                self._waiting[number] = self._newest_deliver = deliver
                assert process.stdin is not None
                try:
                    process.stdin.write(line)
                    process.stdin.flush()
                    break
                except OSError:  # it died, and the thread that listens has not met its end yet
                    self._process = None
                    if attempt == 2:
                        raise
        return number

    def end(self) -> None:
        """End the process at once: it only reads, so nothing is lost."""
        with self._lock:
            self._ended = True
            process, self._process = self._process, None
            self._waiting.clear()
        if process is not None:
            process.kill()
            process.wait(REAP_S)

    def _start(self) -> subprocess.Popen[str]:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the process may write to it)
        self._process = subprocess.Popen(
            python_command("engine.inference", str(self._folder)),
            env=python_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="ascii",
            process_group=0,  # Ctrl-C is not meant for it
        )
        listen = (self._listen, self._process, self._stderr)
        Thread(target=copy_context().run, args=listen, name="warm", daemon=True).start()
        return self._process

    def _listen(self, process: subprocess.Popen[str], stderr: IO[bytes]) -> None:
        from engine.inference.messages import Ranking, Reasons, Refusal, Stage, from_line

        assert process.stdout is not None
        for line in process.stdout:
            answer = from_line(line)
            assert isinstance(answer, Stage | Ranking | Reasons | Refusal)
            with self._lock:
                if isinstance(answer, Stage):
                    to = [self._newest_deliver] if self._newest_deliver is not None else []
                else:
                    to = [self._waiting[answer.id]] if answer.id in self._waiting else []
            for deliver in to:
                deliver(answer)
            if not isinstance(answer, Stage):
                with self._lock:
                    for old in [number for number in self._waiting if number <= answer.id]:
                        del self._waiting[old]  # answered, or passed over for a later one
        code = process.wait()
        with self._lock:
            if self._ended:
                return
            if self._process is not process:
                return
            self._process = None
            lost = dict(self._waiting)
            to = list(dict.fromkeys([*lost.values(), *([self._newest_deliver] if self._newest_deliver else [])]))
        for deliver in to:
            deliver(Died(_farewell(code, stderr)))
        with self._lock:
            for number in lost:
                self._waiting.pop(number, None)


def stage_words(stage: str, done: int, total: int) -> str:
    """`model warming up: encoding items, 300 of 4,344`."""
    count = f", {numbers.count(done)} of {numbers.count(total)}" if total else ""
    return f"model warming up: {stage}{count} …"


def ready_words(memory: int, ms: float) -> str:
    """`ready, 312 MB, 41 ms`."""
    return f"ready, {numbers.size(memory)}, {ms:,.0f} ms"


def falls(reasons: Reasons) -> tuple[float, ...]:
    """How much the score falls when each entry is left out, oldest first."""
    return tuple(reasons.score - without for without in reasons.without)


def _farewell(code: int, stderr: IO[bytes]) -> str:
    """How a process ended, with the last line it said."""
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    stderr.seek(0, 2)
    stderr.seek(max(0, stderr.tell() - LAST_WORDS))
    lines = [line for line in stderr.read().decode("utf-8", "replace").splitlines() if line.strip()]
    last = f" Its last words: {lines[-1].strip()}" if lines and code >= 0 else ""
    return f"Its process {how}. The next request starts it again.{last}"
