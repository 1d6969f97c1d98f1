"""The one way in which tests wait for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

LIMIT_S = 60  # only a hang reaches it
WORK_S = 240  # the same for a whole evaluation or training, on a busy machine; below the suite's limit of a test
POLL_S = 0.01

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], what: str, log: Callable[[], object] = lambda: "", limit: float = LIMIT_S
) -> T:
    """Wait until a condition is true, and return its value.

    After `limit` seconds the test fails: it names `what` it waited for, and shows what `log` returns (a job's log, a
    screen, the output of a process).
    """
    deadline = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit} s for {what}\n{log()}")
        time.sleep(POLL_S)  # other processes have no way to wake this one
    return found
