"""Scores that are sums of a few terms, each of which scores a few items: exact by adding in one order."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from engine.ranking.scan import compiled


class SparseScorer:
    """The score of an item is the sum over a history's terms of the term's weight there times its weight for the item.

    Products and sums are fp64 in the order of the history's terms, rounded to fp32 at the end. Every score is added
    up in that one order however it is asked for, so its bits depend on no block and no thread.
    """

    def __init__(self, queries: sparse.csr_matrix, weights: sparse.csr_matrix) -> None:
        """queries [E, T]: terms of each history in the order of the sum, repeats allowed; weights [T, I], sorted."""
        if not weights.has_sorted_indices:
            weights = weights.sorted_indices()
        self.events, self.items = queries.shape[0], weights.shape[1]
        self._queries = (queries.indptr.astype(np.int64), queries.indices, queries.data.astype(np.float64))
        self._weights = (weights.indptr.astype(np.int64, copy=False), weights.indices, weights.data)
        self.terms = np.diff(queries.indptr).astype(np.int32)  # of each history
        of = np.repeat(np.arange(self.events), self.terms)
        reach = np.bincount(of, np.abs(queries.data), self.events)  # scipy's abs would sort the terms
        self._largest = reach * float(np.abs(weights.data).max(initial=0.0)) * (1 + 1e-6)

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """Scores of these items for these events."""
        rows = range(*events.indices(self.events))
        columns = range(*items.indices(self.items))
        fill(*self._queries, *self._weights, rows.start, len(rows), columns.start, len(columns), out)
        return out

    def margin(self, events: slice) -> np.ndarray:
        """0: blocks are exact."""
        return np.zeros(len(range(*events.indices(self.events))), np.float64)

    def largest(self, events: slice) -> np.ndarray:
        """What no |score| of an event is above, float64 [E]."""
        return self._largest[events]

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """The same scores for pairs."""
        out = np.empty(len(event_rows), np.float32)
        pairs(*self._queries, *self._weights, event_rows.astype(np.int64), item_ids.astype(np.int32), out)
        return out


@compiled
def fill(
    starts: np.ndarray,
    terms: np.ndarray,
    shares: np.ndarray,
    term_starts: np.ndarray,
    items: np.ndarray,
    weights: np.ndarray,
    row: int,
    rows: int,
    first: int,
    width: int,
    out: np.ndarray,
) -> None:
    """out[r, i] = Σ shares · weights of event row + r and item first + i."""
    total = np.zeros(width, np.float64)
    for r in range(rows):
        total[:] = 0.0
        for p in range(starts[row + r], starts[row + r + 1]):
            share = shares[p]
            low, high = term_starts[terms[p]], term_starts[terms[p] + 1]
            at = low + np.searchsorted(items[low:high], first)
            while at < high and items[at] < first + width:
                total[items[at] - first] += share * np.float64(weights[at])
                at += 1
        for i in range(width):
            out[r, i] = np.float32(total[i])


@compiled
def pairs(
    starts: np.ndarray,
    terms: np.ndarray,
    shares: np.ndarray,
    term_starts: np.ndarray,
    items: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    ids: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[n] = Σ shares · weights of event rows[n] and item ids[n], in the order of `fill`."""
    for n in range(len(rows)):
        total = 0.0
        for p in range(starts[rows[n]], starts[rows[n] + 1]):
            low, high = term_starts[terms[p]], term_starts[terms[p] + 1]
            at = low + np.searchsorted(items[low:high], ids[n])
            if at < high and items[at] == ids[n]:
                total += shares[p] * np.float64(weights[at])
        out[n] = np.float32(total)
