"""Weighted sums of the scores of several scorers, with the same exact ranks as each of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from engine.ranking.scorers import UNIT, Scorer


class Bounded(Scorer, Protocol):
    """A scorer that knows how far from 0 its scores can be."""

    def largest(self, events: slice) -> np.ndarray:
        """A bound on |score| of each event, float64 [E]."""
        ...


class SumScorer:
    """The score of an item is Σ weight · the part's exact score, added in fp64 in the order of the parts.

    Blocks add the parts' blocks in the same way, so they are off by at most the weighted sum of the parts' margins and
    two roundings to fp32.
    """

    def __init__(self, parts: Sequence[Bounded], weights: Sequence[float]) -> None:
        self.parts, self.weights = tuple(parts), tuple(weights)
        self.events, self.items = parts[0].events, parts[0].items

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """The sums of the parts' blocks."""
        total = np.zeros(out.shape, np.float64)
        part_of = np.empty(out.shape, np.float32)
        for part, weight in zip(self.parts, self.weights, strict=True):
            total += weight * part.block(events, items, part_of).astype(np.float64)
        out[...] = total
        return out

    def margin(self, events: slice) -> np.ndarray:
        """Σ |weight| · margin, and the rounding of both sums to fp32."""
        off: np.ndarray = np.zeros(len(range(*events.indices(self.events))), np.float64)
        reach = off.copy()
        for part, weight in zip(self.parts, self.weights, strict=True):
            off += abs(weight) * part.margin(events)
            reach += abs(weight) * (part.largest(events) + part.margin(events))
        return (off + 2 * UNIT * reach) * (1 + 1e-6)  # the factor covers the fp64 sums, this line included

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """The sums of the parts' exact scores."""
        return sum_rounded([part.exact(event_rows, item_ids) for part in self.parts], self.weights)


def sum_rounded(scores: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Σ weight · scores in fp64, in their order, as float32 [N]; −0 becomes 0."""
    total = np.zeros(len(scores[0]), np.float64)
    for score, weight in zip(scores, weights, strict=True):
        total += weight * score.astype(np.float64)
    return total.astype(np.float32) + np.float32(0.0)
