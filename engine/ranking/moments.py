"""Mean and standard deviation of a history's scores over a whole catalogue, by which models are made comparable.

Ranks must not depend on blocks, threads or libraries, and these two numbers scale the scores: so they have the same
bits however they are asked for. Vectors are rounded for them to multiples of powers of two, few enough bits that all
sums of products are exact in fp64 in any order; that changes a deviation by about one part in ten thousand.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from engine.ranking.scan import compiled
from engine.ranking.scorers import Scorer, VectorScorer
from engine.ranking.shared_scores import SharedScorer
from engine.ranking.sum_scorer import SumScorer

ITEM_BITS = 15  # of an item's vector over the longest: 30 of a product, 20 for a million items, of the 53 of fp64
QUERY_BITS = 14
SCORE_BITS = 26  # of a score over its history's largest
SQUARE_STEP = 2.0**20  # of its square, which has 52
SUM_BITS = 24  # of what is summed over the catalogue, over the largest
ROWS_AT_ONCE = 16_384  # vectors: 50 MB in fp64 at 384 dimensions
SCORES_AT_ONCE = 1 << 22
CATALOGUES = 8  # whose vectors are remembered: those of the parts of one sum


class Moments:
    """Means and standard deviations for scorer after scorer over one catalogue."""

    def __init__(self) -> None:
        self._catalogues: deque[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]] = deque(maxlen=CATALOGUES)

    def __call__(self, scorer: Scorer) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each event's scores over all items, float64 [E] each.

        The parts of a sum count as independent of each other.
        """
        if isinstance(scorer, VectorScorer):
            return self._of_vectors(scorer)
        if isinstance(scorer, SharedScorer):
            scores = np.sort(scorer.scores.astype(np.float64))  # so that no order of items decides the last bits
            return np.full(scorer.events, scores.mean()), np.full(scorer.events, scores.std())
        if isinstance(scorer, SumScorer):
            means, deviations = zip(*(self(part) for part in scorer.parts), strict=True)
            mean = (scorer.scales * np.stack(means, 1) + scorer.shifts).sum(1)
            return mean, np.sqrt((scorer.scales**2 * np.stack(deviations, 1) ** 2).sum(1))
        return _of_scores(scorer)

    def _of_vectors(self, scorer: VectorScorer) -> tuple[np.ndarray, np.ndarray]:
        mean, covariance = self._catalogue(scorer)
        found = np.empty(scorer.events), np.empty(scorer.events)
        for start in range(0, scorer.events, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            queries = _rounded_rows(scorer.queries[rows].astype(np.float64), QUERY_BITS)
            found[0][rows] = queries @ mean
            towards = _rounded_rows(queries @ covariance, SUM_BITS)
            found[1][rows] = np.sqrt(np.maximum(np.einsum("ed,ed->e", queries, towards), 0.0))
        return found

    def _catalogue(self, scorer: VectorScorer) -> tuple[np.ndarray, np.ndarray]:
        """Mean [D] and covariance [D, D] of a catalogue's vectors, once for all scorers of the same array."""
        for vectors, known in self._catalogues:
            if vectors is scorer.vectors:
                return known
        step = _step(np.array(scorer.longest), ITEM_BITS)
        total, products = np.zeros(scorer.width), np.zeros((scorer.width, scorer.width))
        for start in range(0, scorer.items, ROWS_AT_ONCE):
            part = np.rint(scorer.vectors[start : start + ROWS_AT_ONCE].astype(np.float64) / step)  # whole numbers
            total += part.sum(0)
            products += part.T @ part
        mean = total / scorer.items
        covariance = products / scorer.items - mean[:, None] * mean
        found = _rounded(mean, SUM_BITS) * step, _rounded(covariance, SUM_BITS) * step**2
        self._catalogues.append((scorer.vectors, found))
        return found


def _of_scores(scorer: Scorer) -> tuple[np.ndarray, np.ndarray]:
    """From the scores themselves, of a scorer of which nothing is known."""
    found = np.empty(scorer.events), np.empty(scorer.events)
    height = max(1, SCORES_AT_ONCE // scorer.items)
    ids = np.arange(scorer.items, dtype=np.int32)
    for start in range(0, scorer.events, height):
        rows = slice(start, min(start + height, scorer.events))
        count = rows.stop - rows.start
        if scorer.margin(rows).any():
            pairs = np.repeat(np.arange(rows.start, rows.stop), scorer.items), np.tile(ids, count)
            scores = scorer.exact(*pairs).reshape(count, scorer.items)
        else:
            scores = scorer.block(rows, slice(0, scorer.items), np.empty((count, scorer.items), np.float32))
        row_moments(scores, _step(np.abs(scores).max(axis=1), SCORE_BITS), found[0][rows], found[1][rows])
    return found


@compiled
def row_moments(scores: np.ndarray, steps: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> None:
    """Mean and standard deviation of each row: float32 [E, I], float64 [E] three times.

    Scores are rounded to multiples of their row's step, and their squares too, so that all sums are exact.
    """
    count = scores.shape[1]
    for row in range(scores.shape[0]):
        total, squares = 0.0, 0.0
        for item in range(count):
            whole = np.rint(np.float64(scores[row, item]) / steps[row])
            total += whole
            squares += np.rint(whole * whole / SQUARE_STEP)
        mean = total / count
        means[row] = mean * steps[row]
        deviations[row] = np.sqrt(max(squares * SQUARE_STEP / count - mean * mean, 0.0)) * steps[row]


def _step(largest: np.ndarray, bits: int) -> np.ndarray:
    """The power of two of which numbers up to `largest` are multiples when rounded to so many bits."""
    exponents = np.ceil(np.log2(np.where(largest == 0.0, 1.0, largest)))
    step: np.ndarray = 2.0 ** (exponents - bits)
    return step


def _rounded(values: np.ndarray, bits: int) -> np.ndarray:
    step = _step(np.abs(values).max(initial=0.0), bits)
    rounded: np.ndarray = np.rint(values / step) * step
    return rounded


def _rounded_rows(values: np.ndarray, bits: int) -> np.ndarray:
    """Each row rounded over its own largest entry."""
    step = _step(np.abs(values).max(axis=1, initial=0.0, keepdims=True), bits)
    rounded: np.ndarray = np.rint(values / step) * step
    return rounded
