"""How long work says where it is, and learns that it should stop: the engine reports, a shell draws or stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# stage, done, total (0 = not known)
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Ignore progress."""


def _unrecorded(phase: str, step: int, values: Mapping[str, float]) -> None:
    """Keep no series."""


def _untold(kind: str, message: str) -> None:
    """Ignore an event."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Observer:
    """Who watches a piece of long work. The default watches nothing and never stops it.

    record: one point of each named series of a phase, by optimizer step. tell: a structured event (kind, message).
    stop: True once a cancel was requested; work that asks stops at its next step, having kept what it has.
    """

    progress: Progress = silent
    record: Callable[[str, int, Mapping[str, float]], None] = _unrecorded
    tell: Callable[[str, str], None] = _untold
    stop: Callable[[], bool] = _never
