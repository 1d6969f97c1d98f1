"""The items that each event's user has met before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.errors import BadInput


@dataclass(frozen=True)
class Seen:
    """Seen items of E events, row after row: row r has items[starts[r]:starts[r + 1]].

    starts int64 [E + 1], items int32; an item may repeat, −1 is an item outside the candidates.
    """

    starts: np.ndarray
    items: np.ndarray

    @classmethod
    def of(cls, seen: tuple[np.ndarray, np.ndarray], events: int, candidates: int) -> Seen:
        """Check starts and items; BadInput where they do not fit the events or name unknown items."""
        starts, items = np.asarray(seen[0], np.int64), np.asarray(seen[1], np.int32)
        if len(starts) != events + 1 or starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
            raise BadInput(
                f"Seen items: {len(starts)} starts for {len(items)} items do not divide them among {events} events. "
                "starts must rise from 0 to the number of items, one more than there are events."
            )
        if len(items) and not -1 <= items.min() <= items.max() < candidates:
            raise BadInput(
                f"Seen items reach from {items.min()} to {items.max()}; allowed are 0 to {candidates - 1} "
                "and −1 for items outside the candidates."
            )
        return cls(starts, items)

    def masks(self, events: slice, targets: np.ndarray) -> Seen:
        """What to hide for a block of events: each item once, ascending, without the target and without −1."""
        starts = self.starts[events.start : events.stop + 1]
        items = self.items[starts[0] : starts[-1]].astype(np.int64)
        rows = np.repeat(np.arange(len(targets)), np.diff(starts))
        use = (items >= 0) & (items != targets[rows])
        pairs = np.unique((rows[use] << 32) | items[use])
        counts = np.bincount(pairs >> 32, minlength=len(targets))
        return Seen(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), (pairs & 0xFFFFFFFF).astype(np.int32))

    def rows(self) -> np.ndarray:
        """The row of each item, int32."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
