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
        scales, shifts = self.scales[events], self.shifts[events]
        total = np.zeros(out.shape, np.float64)
        part_of = np.empty(out.shape, np.float32)
        for number, part in enumerate(self.parts):
            add(total, part.block(events, items, part_of), scales[:, number], shifts[:, number])
        out[...] = total
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
def add(total: np.ndarray, scores: np.ndarray, scales: np.ndarray, shifts: np.ndarray) -> None:
    """total += scales · scores + shifts: float64 [E, I], float32 [E, I], and float64 [E] twice."""
    for row in range(total.shape[0]):
        scale, shift = scales[row], shifts[row]
        for item in range(total.shape[1]):
            total[row, item] += scale * np.float64(scores[row, item]) + shift
