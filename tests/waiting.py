"""The one way in which tests wait for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_S = 60  # only a hang reaches it
POLL_S = 0.01

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, log: Callable[[], object] = lambda: "") -> T:
    """Wait until a condition is true, and return its value.

    After `LIMIT_S` seconds the test fails: it names `what` it waited for, and shows what `log` returns (a job's log, a
    screen, the output of a process).
    """
    deadline = time.monotonic() + LIMIT_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {LIMIT_S} s for {what}\n{log()}")
        time.sleep(POLL_S)  # other processes have no way to wake this one
    return found
