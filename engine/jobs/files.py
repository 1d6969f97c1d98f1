"""The files of one job in `jobs/<id>/`: `run.log`; `lock`, which its worker holds while it lives; `reserve`."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store.errors import BadInput
from store.workspace import Workspace

# Checking whether a lock is held takes it for a moment; a worker must not mistake that for another worker.
TRIES = 5
TRY_S = 0.02

RESERVE = 256 * 1024  # bytes: a few pages of the database, twice, and the last lines of a log


@dataclass(frozen=True)
class JobFiles:
    """Where a job keeps its lock and its log."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        return self.folder / "run.log"

    @property
    def reserve(self) -> Path:
        return self.folder / "reserve"

    def set_aside(self) -> None:
        """Take room on the disk that `make_room` gives back: a job ends with words even where the disk is full."""
        with suppress(OSError):
            self.reserve.write_bytes(bytes(RESERVE))

    def make_room(self) -> None:
        """Give back what was set aside."""
        with suppress(OSError):
            self.reserve.unlink(missing_ok=True)

    def take(self, *, shared: bool = False) -> int | None:
        """Take the job's lock: its file descriptor, or None where another process holds it.

        shared: as all may who keep workers out while they write the end of a job that has none; None only where a
        worker, or who starts one, holds it.

        The kernel is the oracle of who lives: it lets a lock go when the last process that holds it is dead. The
        descriptor closes on exec, so a program that the worker starts never keeps a dead worker alive; a forked child
        shares the lock, and goes with its process group. `BadInput` where the file cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BadInput(
                f"{self.lock}: cannot be made ({error.strerror}), and without it no job runs. "
                "Make the folder writable, or choose another workspace with --workspace."
            ) from None
        for _ in range(TRIES):
            if lock(handle, shared=shared):
                return handle
            time.sleep(TRY_S)
        os.close(handle)
        return None

    def is_held(self) -> bool:
        """Whether a process holds the lock at this moment."""
        try:
            handle = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            # Shared, so that two who look at once do not take each other for the worker.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(handle)

    def open_log(self) -> int:
        """A descriptor that appends to the log; only its owner may read it, since output can hold secrets."""
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, text: str) -> None:
        """Add text to the log, as far as the disk takes it."""
        with suppress(OSError):
            handle = self.open_log()
            try:
                os.write(handle, text.encode(errors="replace"))
            finally:
                os.close(handle)

    def tail(self, size: int) -> str:
        """The whole lines among the last `size` bytes of the log; "" if there are none."""
        try:
            with self.log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                start = max(0, end - size)
                file.seek(start)
                data = file.read(size)
        except OSError:
            return ""
        if start > 0:
            data = data.partition(b"\n")[2]
        return data.decode(errors="replace")


def job_files(workspace: Workspace, id: int) -> JobFiles:
    """The files of job `id` of this workspace."""
    return JobFiles(workspace.jobs / str(id))


def lock(handle: int, *, shared: bool = False) -> bool:
    """Take a lock on an open file at once, by default an exclusive one; False where another process has it."""
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True
