"""Batches: which pairs serve as each other's negatives, drawn anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.training.pairs import PairTable
    from engine.training.recipe import PhaseSettings

BY_DATASET = "by-dataset"
_STREAM = 4  # keeps these draws apart from those of the pairs, which come from the same seed


def batches(table: PairTable, settings: PhaseSettings, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of one epoch: rows of `table` (int64), `settings.batch` of them each; the same for the same seed.

    Every pair comes once. The last batch (with `by-dataset`, the last of each dataset) may be smaller; one of a single
    pair is left out, since it has no negative. Where `settings.duplicate_texts` is False no text comes twice in a
    batch, neither as anchor nor as positive; only a pair whose own two texts are equal may have the same one twice.
    Pairs that do not fit go to the next batch that takes them, so the last batches may be small.
    """
    draw = np.random.default_rng([_STREAM, seed, epoch])
    if settings.mixing == BY_DATASET:
        groups = [np.flatnonzero(table.dataset == place) for place in np.unique(table.dataset)]
    else:
        groups = [np.arange(len(table))]
    divide = _in_order if settings.duplicate_texts else _without_duplicates
    made = [
        rows for group in groups for rows in divide(table, draw.permutation(group), settings.batch) if len(rows) > 1
    ]
    if len(groups) > 1:
        made = [made[place] for place in draw.permutation(len(made))]
    return made


def _in_order(table: PairTable, rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _without_duplicates(table: PairTable, rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Each pair in the first batch that has room and comes after all batches with one of its texts: linear time."""
    made: list[list[int]] = []
    # free[t]: the first batch after the last with text t. onward[b]: b, or for a full batch one to look at instead.
    free = [0] * len(table.texts)
    onward: list[int] = [0]
    anchors, positives = table.anchor[rows].tolist(), table.positive[rows].tolist()
    for row, anchor, positive in zip(rows.tolist(), anchors, positives, strict=True):
        start = batch = max(free[anchor], free[positive])
        while len(onward) <= start + 1:
            onward.append(len(onward))
        while onward[batch] != batch:
            onward[batch] = onward[onward[batch]]  # halving the path keeps later walks short
            batch = onward[batch]
        while len(made) <= batch:
            made.append([])
        made[batch].append(row)
        free[anchor] = free[positive] = batch + 1
        if len(made[batch]) == size:
            if len(onward) == batch + 1:
                onward.append(batch + 1)
            onward[batch] = batch + 1
    yield from (np.array(part, np.int64) for part in made)
