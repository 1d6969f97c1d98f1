"""When Python collects garbage. By default a full collection runs every other second of use, goes through all widgets,
styles and drawn lines, and blocks drawing for a fifth of a second."""

from __future__ import annotations

import gc
from time import monotonic

QUIET_S = 2.0  # without a key or a mouse move: no frame is awaited
WORTH = 10  # young collections since the last full one: about 70,000 objects more than were let go
SELDOM = 1_000  # of them until a full one comes in spite of everything


class GcPolicy:
    """Run full collections only while the user is idle, and exclude objects that live as long as the workbench."""

    def __init__(self) -> None:
        self._touched = monotonic()
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, SELDOM)

    def touched(self) -> None:
        """The user pressed a key or moved the mouse."""
        self._touched = monotonic()

    def keep(self) -> None:
        """Exclude all current objects from later collections."""
        gc.freeze()

    def look(self) -> None:
        """Collect if there is enough garbage and the user is idle."""
        if gc.get_count()[2] >= WORTH and monotonic() - self._touched >= QUIET_S:
            gc.collect()
