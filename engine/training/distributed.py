"""Which of several processes this one is, under `torchrun` or `accelerate launch`."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from store.errors import Cancelled, Failed

FAILURE = "failed.json"
LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")  # gloo's words for a peer that is gone

_hosts: Any = None  # the processes as a group that talks without their devices


def rank() -> int:
    """The number of this process, 0 where it is alone."""
    return int(os.environ.get("RANK", 0))


def world() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def in_any_process(here: bool) -> bool:
    """Whether it is so in any process; every process asks at the same place. Costs no device a pause."""
    if world() == 1 or not torch.distributed.is_initialized():
        return here
    return bool(_largest(int(here)))


def same_in_all_processes(text: str) -> bool:
    """Whether every process has this text; every process asks at the same place."""
    if world() == 1 or not torch.distributed.is_initialized():
        return True
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    return _largest(number) == number and -_largest(-number) == number


def _largest(number: int) -> int:
    global _hosts  # made once: every group of processes costs sockets
    if _hosts is None:
        _hosts = torch.distributed.new_group(backend="gloo")
    answer = torch.tensor(number)
    torch.distributed.all_reduce(answer, torch.distributed.ReduceOp.MAX, group=_hosts)
    return int(answer)


def join(device: str) -> None:
    """Meet the other processes of the launch, as the trainer would do later. Nothing happens where there is one."""
    if world() > 1 and not torch.distributed.is_initialized():
        from accelerate.state import PartialState

        PartialState(cpu=device == "cpu", backend="gloo" if device == "cpu" else None)


@contextmanager
def shared_failure(folder: Path) -> Iterator[None]:
    """Work of all processes, after `join`: if it fails in one, each of the others says what that one said.

    The processes run on one host, since a workspace lies on a disk of its own machine. The first to fail leaves its
    message in `folder`, and its end breaks the connections of the others. `Failed` or `Cancelled` with that message in
    place of their own error, which tells of the connection only.
    """
    if world() == 1:
        yield
        return
    note = folder / FAILURE
    if is_first():
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            note.unlink()  # of an earlier run
    wait()
    try:
        try:
            yield
        except BaseException:
            # The launcher sends SIGTERM as soon as one process has ended. This one ends anyway, with its own message.
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise
    except BaseException as error:
        lost = any(words in str(error) for words in LOST)
        if not lost:
            _leave(note, error)
        other = _left(note)
        if other is None and lost:
            raise Failed(
                f"Another process of this training was killed, or ended without a message ({_message(error)}). "
                "What the launcher printed says which. The same command goes on from the last checkpoint."
            ) from error
        if other is None or other["rank"] == rank():
            raise
        if other["cancelled"] and isinstance(error, Cancelled | KeyboardInterrupt):
            raise
        kind = Cancelled if other["cancelled"] else Failed
        raise kind(f"Process {other['rank'] + 1} of {world()}: {other['message']}") from error


def _leave(note: Path, error: BaseException) -> None:
    """Leave why this process failed, unless another one did before."""
    own = note.with_name(f"{note.name}.{rank()}")
    cancelled = isinstance(error, Cancelled | KeyboardInterrupt)
    with suppress(OSError):  # on a full disk each process says what it knows; of two the first has its link
        own.write_text(json.dumps({"rank": rank(), "cancelled": cancelled, "message": _message(error)}))
        os.link(own, note)
    with suppress(OSError):
        own.unlink()


def _left(note: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(note.read_text()))
    except (OSError, ValueError):
        return None


def _message(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__


def wait() -> None:
    """Until every process is here."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
