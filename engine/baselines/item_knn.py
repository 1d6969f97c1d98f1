"""item-knn: what comes near the history's items in the sequences of others.

Two items of one user that are d apart count 1/d, the later one for the earlier; half of that backwards. What an item
says of a candidate is their count over √(times the item occurs) and the fourth root of the candidate's, and the newest
items of a history say most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse

from engine.baselines.settings import ItemKnnSettings
from engine.ranking.sparse_scorer import SparseScorer
from engine.scoring import Opening, Scored, wordless
from store import datasets
from store.errors import BadInput

BACKWARDS = 0.5  # what an earlier item counts for a later one
STEP = 2.0**32  # counts are multiples of its inverse, so their sums are exact in fp64 in any order
LEAST_SHARE = 1e-6  # of an item in a history: what is older says nothing
PAIRS_AT_ONCE = 1 << 22  # counted together: 100 MB


class CoOccurrence:
    """What each item of a train part says of each other one, counted when it is made."""

    def __init__(self, starts: np.ndarray, items: np.ndarray, size: int, settings: ItemKnnSettings) -> None:
        """starts int64 [U + 1] and items int32 [N] are the users' sequences, size is that of the catalogue."""
        self._size, self._decay = size, settings.decay
        self.neighbours = neighbours(starts, items, size, settings)

    @classmethod
    def of(cls, given: Opening, settings: ItemKnnSettings) -> CoOccurrence:
        """That of a dataset; `BadInput` where nothing occurs together."""
        given.progress("counting items together", 0, 0)
        starts, items = datasets.train_sequences(given.db, given.dataset.id)
        if not (np.diff(starts) > 1).any():
            raise BadInput(
                f"{given.dataset.name} has no user with two train items, so nothing occurs together and "
                f"{given.model.name} would be empty. Choose another model, or ingest it with other split boundaries."
            )
        return cls(starts, items, given.dataset.items, settings)

    def scorer(self, histories: Sequence[np.ndarray], texts: int = 0) -> SparseScorer:
        """Scores for histories of items, and of so many texts after them, of which nothing is known."""
        weights = self.neighbours
        if texts:
            weights = sparse.vstack([weights, sparse.csr_matrix((texts, self._size), dtype=np.float32)], format="csr")
        return SparseScorer(newest_first(histories, self._size + texts, self._decay), weights)


class ItemKnnScoring:
    """What comes near the history's items."""

    device_name = "exact counts"

    def __init__(self, given: Opening) -> None:
        self.items = given.items()
        self._model, self._dataset = given.model, given.dataset
        self._together = CoOccurrence.of(given, given.settings(ItemKnnSettings))

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories; `BadInput` for texts that are no items."""
        if free_texts:
            raise wordless(self._model, self._dataset, free_texts[0])
        scorer = self._together.scorer(histories)
        return Scored(scorer, scorer.terms)


def neighbours(starts: np.ndarray, items: np.ndarray, size: int, settings: ItemKnnSettings) -> sparse.csr_matrix:
    """What each item says of each candidate, float32 [I, I], of users' sequences (starts int64 [U + 1], int32 [N]).

    The item itself is no neighbour. Memory is bounded by I × neighbours and a block of pairs.
    """
    counts = np.bincount(items, minlength=size)
    by_item, by_candidate = (_divided(counts, power) for power in (settings.item_power, settings.candidate_power))
    backwards = BACKWARDS if settings.order == "ordered" else 1.0
    lengths = np.diff(starts)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    positions = np.argsort(items, kind="stable")  # of the interactions with item 0, then with item 1 …
    most = np.bincount(items, np.minimum(2 * settings.window, lengths[owner]), size)  # pairs of each item, at most
    parts = []
    for rows in _blocks(most):
        first, last = np.searchsorted(items[positions], (rows.start, rows.stop))
        counted = _counted(owner, items, positions[first:last], rows, size, settings.window, backwards)
        weighed = sparse.diags(by_item[rows]) @ counted @ sparse.diags(by_candidate)
        parts.append(_strongest(weighed.tocsr(), settings.neighbours))
    return sparse.vstack(parts, format="csr")


def newest_first(histories: Sequence[np.ndarray], size: int, decay: float) -> sparse.csr_matrix:
    """Each history's items with their shares decay^age, newest first, float64 [E, size]; too small ones are left out.

    The indices are in the order of age, not of items, and repeat with the items.
    """
    shares = np.array([1.0])
    longest = max((len(history) for history in histories), default=0)
    while len(shares) < longest and shares[-1] * decay >= LEAST_SHARE:
        shares = np.append(shares, shares[-1] * decay)
    rows = [history[::-1][: len(shares)] for history in histories]
    lengths = np.array([len(row) for row in rows], np.int64)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    columns = np.concatenate([np.zeros(0, np.int32), *rows])
    ages = np.arange(len(columns)) - np.repeat(starts[:-1], lengths)
    return sparse.csr_matrix((shares[ages], columns, starts), shape=(len(histories), size))


def _blocks(pairs: np.ndarray) -> Iterator[slice]:
    """Ranges of items, each with so few pairs that they can be counted together; `pairs` has those of each item."""
    edges = np.flatnonzero(np.diff(np.cumsum(pairs) // PAIRS_AT_ONCE)) + 1
    bounds = [0, *edges.tolist(), len(pairs)]
    return (slice(a, b) for a, b in pairwise(bounds))


def _counted(
    owner: np.ndarray, items: np.ndarray, positions: np.ndarray, rows: slice, size: int, window: int, backwards: float
) -> sparse.csr_matrix:
    """How often each item of a range comes with each other one, [rows, I]: 1/d forwards, less backwards.

    positions: where in `items` those of the range are.
    """
    histories, candidates, shares = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for distance in range(1, window + 1):
        found = 0
        for step, share in ((distance, 1.0), (-distance, backwards)):
            inside = positions[(positions + step >= 0) & (positions + step < len(items))]
            here = inside[owner[inside] == owner[inside + step]]
            found += len(here)
            here = here[items[here] != items[here + step]]
            histories.append(items[here] - rows.start)
            candidates.append(items[here + step])
            shares.append(np.full(len(here), np.rint(share / distance * STEP) / STEP))
        if not found:
            break
    pairs = np.concatenate(histories), np.concatenate(candidates)
    return sparse.csr_matrix((np.concatenate(shares), pairs), shape=(rows.stop - rows.start, size))


def _strongest(weights: sparse.csr_matrix, most: int) -> sparse.csr_matrix:
    """At most so many of each row, float32, and none of a weight of which not all fit: so no order of items decides."""
    weights.sum_duplicates()
    weights.data = weights.data.astype(np.float32)
    for row in np.flatnonzero(np.diff(weights.indptr) > most):
        own = weights.data[weights.indptr[row] : weights.indptr[row + 1]]
        own[own <= np.partition(own, len(own) - most - 1)[len(own) - most - 1]] = 0.0
    weights.eliminate_zeros()
    return weights


def _divided(counts: np.ndarray, power: float) -> np.ndarray:
    """counts^−power of each item, float64 [I], by a table, so that equal counts give the same bits."""
    table = np.array([max(count, 1) ** -power for count in range(int(counts.max(initial=0)) + 1)])
    return table[counts]
