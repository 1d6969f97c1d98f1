"""When Python looks for garbage. Left alone it goes through all widgets, styles and drawn lines every other second in
which somebody works, and nothing is drawn for a fifth of a second."""

from __future__ import annotations

import gc
from time import monotonic

QUIET_S = 2.0  # without a key or a move of the mouse: nobody waits for a frame
WORTH = 10  # young collections since the last full one: about 70,000 objects more than were let go
SELDOM = 1_000  # of them until a full one comes in spite of everything


class GcPolicy:
    """Full collections while nobody types. What lives as long as the workbench is left out of them."""

    def __init__(self) -> None:
        self._touched = monotonic()
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, SELDOM)

    def touched(self) -> None:
        """Somebody is here."""
        self._touched = monotonic()

    def keep(self) -> None:
        """What there is now stays until the end."""
        gc.freeze()

    def look(self) -> None:
        """Collect, where it is worth it and nobody notices."""
        if gc.get_count()[2] >= WORTH and monotonic() - self._touched >= QUIET_S:
            gc.collect()
