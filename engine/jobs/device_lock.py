"""One lock per accelerator of this host: jobs take turns, and a waiting job knows which one holds the lock."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.jobs.files import lock
from store.errors import BadInput, Cancelled

POLL_S = 0.2  # a job that ends frees its device for the next one within a blink


@contextmanager
def lock_device(
    device: str, holder: str, waiting: Callable[[str], None], stop: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Lock a device (`cuda:0`, `mps`, `cpu`) while inside; the kernel releases the lock when the process ends.

    `holder` is what others read meanwhile ("job 7 of /path (pid N)"). `waiting` is called with the reason whenever it
    changes; `Cancelled` once `stop` says so before it is our turn.
    """
    path = lock_folder() / f"{physical(device)}.lease"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        reason = ""
        while not lock(handle):
            by = os.pread(handle, 1000, 0).decode(errors="replace").strip()
            found = f"{device} held by {by or 'another process'}"
            if found != reason:
                reason = found
                waiting(reason)
            if stop():
                raise Cancelled("Cancelled while it waited: " + reason)
            time.sleep(POLL_S)
        with suppress(OSError):  # on a full disk the lock works all the same, without its holder's name
            os.truncate(handle, 0)
            os.pwrite(handle, f"{holder}\n".encode(errors="replace"), 0)
        yield
    finally:
        os.close(handle)


def physical(device: str) -> str:
    """The name of the card behind a device, whatever `CUDA_VISIBLE_DEVICES` numbers it: `cuda:2` for the third."""
    name = f"cuda-{card(device, os.environ)}" if device.partition(":")[0] == "cuda" else device
    return re.sub(r"[^\w.-]", "-", name)


def card(device: str, environment: Mapping[str, str]) -> str:
    """The number or UUID by which the driver knows a device such as `cuda:1` in a process of this environment."""
    index = device.partition(":")[2]
    number = int(index or 0) if (index or "0").isdigit() else 0
    visible = [entry.strip() for entry in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if entry.strip()]
    return visible[number] if number < len(visible) else str(number)


def lock_folder() -> Path:
    """The folder of the lock files: shared by all sessions of this user on this host, and private to the user."""
    folders = [_runtime_folder(), Path(tempfile.gettempdir()) / f"st5-{os.geteuid()}"]
    for folder in folders:
        if folder is not None and _private(folder):
            return folder
    raise BadInput(
        f"{folders[-1]}: cannot be created or belongs to another user, and without it jobs cannot take turns on a "
        "device. Set XDG_RUNTIME_DIR to a folder of your own."
    )


def _runtime_folder() -> Path | None:
    set_by_session = os.environ.get("XDG_RUNTIME_DIR")
    if set_by_session:
        return Path(set_by_session) / "st5"
    import platformdirs

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the system has no such folder; the next one will do
            return platformdirs.user_runtime_path("st5")
    except OSError:
        return None


def _private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and os.access(folder, os.W_OK)
