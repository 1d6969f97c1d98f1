"""Batches by tokens instead of rows: little padding, and each batch small enough for the cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def token_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Rows (int64) grouped so that rows × longest ≤ budget tokens, longest first; a longer row stands alone.

    >>> [batch.tolist() for batch in token_batches(np.array([2, 9, 3, 2]), budget=6)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, budget // int(lengths[order[start]]))
        yield order[start : start + rows]
        start += rows
