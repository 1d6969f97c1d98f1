"""Weighted sums of the scores of several scorers, with the same exact ranks as each of them alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.ranking.scan import compiled
from engine.ranking.scorers import UNIT, Scorer


class SumScorer:
    """The score of an item is Σ (scale · the part's exact score + shift), added in fp64 in the order of the parts.

    Blocks add the parts' blocks in the same way, so they are off by at most the scaled sum of the parts' margins and
    two roundings to fp32.
    """

    def __init__(
        self, parts: Sequence[Scorer], scales: np.ndarray, shifts: np.ndarray | None = None, names: Sequence[str] = ()
    ) -> None:
        """scales and shifts (default 0): float64 [K] for all events, or [E, K]. names: what the parts are called."""
        self.parts, self.names = tuple(parts), tuple(names)
        self.events, self.items = parts[0].events, parts[0].items
        shape = (self.events, len(self.parts))
        self.scales = np.broadcast_to(np.asarray(scales, np.float64), shape)
        self.shifts = np.broadcast_to(np.zeros(len(self.parts)) if shifts is None else shifts, shape)

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """The sums of the parts' blocks."""
        blocks = np.empty((len(self.parts), *out.shape), np.float32)
        for part, block in zip(self.parts, blocks, strict=True):
            part.block(events, items, block)
        add(blocks, self.scales[events], self.shifts[events], out)
        return out

    def margin(self, events: slice) -> np.ndarray:
        """Σ |scale| · margin, and the rounding of both sums to fp32."""
        scales = np.abs(self.scales[events])
        off = _summed(scales, [part.margin(events) for part in self.parts])
        return (off + 2 * UNIT * (self.largest(events) + off)) * (1 + 1e-6)  # covers the fp64 sums, this line included

    def largest(self, events: slice) -> np.ndarray:
        """What no |score| of an event is above, float64 [E]."""
        scales, shifts = np.abs(self.scales[events]), np.abs(self.shifts[events])
        return _summed(scales, [part.largest(events) for part in self.parts]) + shifts.sum(1)

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """The sums of the parts' exact scores."""
        return rounded_sum(self.shares(event_rows, item_ids))

    def shares(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """What each part adds to the scores of pairs, float64 [N, K]."""
        scores = np.stack([part.exact(event_rows, item_ids) for part in self.parts], 1).astype(np.float64)
        return self.scales[event_rows] * scores + self.shifts[event_rows]


def rounded_sum(shares: np.ndarray) -> np.ndarray:
    """Sums over the last axis in fp64, in its order, as float32; −0 becomes 0."""
    total = np.zeros(shares.shape[:-1], np.float64)
    for number in range(shares.shape[-1]):
        total += shares[..., number]
    return total.astype(np.float32) + np.float32(0.0)


def _summed(scales: np.ndarray, of_parts: Sequence[np.ndarray]) -> np.ndarray:
    total: np.ndarray = (scales * np.stack(of_parts, 1)).sum(1)
    return total


@compiled
def add(blocks: np.ndarray, scales: np.ndarray, shifts: np.ndarray, out: np.ndarray) -> None:
    """out = Σ (scales · blocks + shifts) in fp64: float32 [K, E, I], float64 [E, K] twice, float32 [E, I]."""
    total = np.empty(blocks.shape[2], np.float64)
    for row in range(blocks.shape[1]):
        total[:] = 0.0
        for part in range(blocks.shape[0]):
            scale, shift = scales[row, part], shifts[row, part]
            for item in range(blocks.shape[2]):
                total[item] += scale * np.float64(blocks[part, row, item]) + shift
        for item in range(blocks.shape[2]):
            out[row, item] = np.float32(total[item])
