"""How long work says where it is: the engine reports, a shell draws."""

from __future__ import annotations

from collections.abc import Callable

# stage, done, total (0 = not known)
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""
