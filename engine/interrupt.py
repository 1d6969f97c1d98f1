"""Ctrl-C that is never lost: one that a library swallowed is raised again where the work next reports its progress.

Python raises `KeyboardInterrupt` wherever the program happens to be. In a weak reference's callback, which imports use,
or under a library's bare `except`, it ends there, and the program would go on as if it had not been interrupted.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

_asked = False  # one process, one Ctrl-C


def listen() -> None:
    """From now on Ctrl-C is remembered as well as raised. Only in the main thread of a program."""
    signal.signal(signal.SIGINT, _interrupted)
    sys.unraisablehook = _say_but_interrupts


def check() -> None:
    """Raise `KeyboardInterrupt` where one was raised before and did not end the work."""
    global _asked  # the state of the signal
    if _asked:
        _asked = False
        raise KeyboardInterrupt


def _interrupted(number: int, frame: FrameType | None) -> None:
    global _asked  # the state of the signal
    _asked = True
    raise KeyboardInterrupt


def _say_but_interrupts(event: sys.UnraisableHookArgs) -> None:
    """Print an exception that cannot be caught; a Ctrl-C is raised again elsewhere."""
    if not issubclass(event.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(event)
