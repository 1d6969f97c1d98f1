"""Which of several processes this one is, under `torchrun` or `accelerate launch`."""

from __future__ import annotations

import os
from typing import Any

import torch

_hosts: Any = None  # the processes as a group that talks without their devices


def rank() -> int:
    """The number of this process, 0 where it is alone."""
    return int(os.environ.get("RANK", 0))


def world() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", 1))


def first() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def somebody(here: bool) -> bool:
    """Whether it is so in any process; every process asks at the same place. Costs no device a pause."""
    global _hosts  # made once: every group of processes costs sockets
    if world() == 1 or not torch.distributed.is_initialized():
        return here
    if _hosts is None:
        _hosts = torch.distributed.new_group(backend="gloo")
    answer = torch.tensor(int(here))
    torch.distributed.all_reduce(answer, torch.distributed.ReduceOp.MAX, group=_hosts)
    return bool(answer)


def wait() -> None:
    """Until every process is here."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
