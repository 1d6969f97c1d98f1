"""A program in a terminal of its own: keys go in, and what comes out is timed and counted."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from types import TracebackType

QUIET_S = 0.2  # nothing more comes: what a key caused is drawn
WAIT_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """Python code in a terminal of 120×40. Everything it writes is read at once, so that it never waits for us."""

    def __init__(self, program: str, *, columns: int = 120, rows: int = 40) -> None:
        self.started = time.perf_counter()
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(columns), LINES=str(rows))
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has compiled modules
            os.execv(sys.executable, [sys.executable, "-c", program])
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._handle)

    def seconds_to(self, words: bytes) -> float:
        """From the start to the first bytes that hold `words`."""
        while words not in self.seen:
            if not self._read(WAIT_S):
                raise TimeoutError(f"{words!r} was not drawn within {WAIT_S:g} s: {self.seen[-500:]!r}")
        return time.perf_counter() - self.started

    def press(self, key: str) -> float:
        """Milliseconds from a key to the last bytes that it caused."""
        self.drain()
        os.write(self._handle, key.encode())
        pressed = last = time.perf_counter()
        while self._read(QUIET_S if last > pressed else 10 * QUIET_S):
            last = time.perf_counter()
        return 1_000 * (last - pressed)

    def frame(self, key: str, words: bytes = b"") -> tuple[float, float]:
        """From a key to the bytes that hold `words`, by default to the first bytes after it: milliseconds in all, and
        those of them for which the program waited for a core that others had."""
        self.drain(0)
        self.seen = b""
        waited = self.waited_for_a_core_s()
        os.write(self._handle, key.encode())
        pressed = time.perf_counter()
        while not self.seen or words not in self.seen:
            if not self._read(WAIT_S):
                raise TimeoutError(f"{words!r} was not drawn within {WAIT_S:g} s after {key!r}: {self.seen[-500:]!r}")
        took = time.perf_counter() - pressed
        return 1_000 * took, 1_000 * min(took, self.waited_for_a_core_s() - waited)

    def press_only(self, key: str) -> None:
        """A key of which the effect is not waited for."""
        os.write(self._handle, key.encode())

    def alive(self) -> bool:
        """Whether the program has not ended."""
        return os.waitpid(self.pid, os.WNOHANG) == (0, 0)

    def drain(self, seconds: float = QUIET_S) -> int:
        """Read until nothing came for a while; returns the bytes."""
        found = 0
        while got := self._read(seconds):
            found += got
        return found

    def idle(self, seconds: float) -> tuple[float, float]:
        """CPU time per second of the process, and bytes that it writes per second, while no key is pressed."""
        self.drain()
        started, before, written = time.perf_counter(), self.cpu_s(), 0
        while (left := started + seconds - time.perf_counter()) > 0:
            written += self._read(left)
        passed = time.perf_counter() - started
        return (self.cpu_s() - before) / passed, written / passed

    def cpu_s(self) -> float:
        """CPU time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def waited_for_a_core_s(self) -> float:
        """For how long the first thread, the one that draws, could have run but had no core."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    def memory_mb(self) -> float:
        """Resident memory of the process."""
        words = Path(f"/proc/{self.pid}/status").read_text().partition("VmRSS:")[2].split()
        return int(words[0]) / 1024

    def maps(self, name: str) -> bool:
        """Whether a library of this name is loaded."""
        return name in Path(f"/proc/{self.pid}/maps").read_text()

    def _read(self, seconds: float) -> int:
        ready, _, _ = select.select([self._handle], [], [], seconds)
        if not ready:
            return 0
        got = os.read(self._handle, 65_536)
        self.seen = self.seen[-1_000_000:] + got
        return len(got)
