"""Mean and standard deviation of a history's scores over a catalogue: right, and the same bits however asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from engine.baselines.bm25 import Bm25Scorer
from engine.ranking.moments import Moments
from engine.ranking.scorers import Scorer, VectorScorer
from engine.ranking.shared_scores import SharedScorer
from engine.ranking.sparse_scorer import SparseScorer
from engine.ranking.sum_scorer import SumScorer

ITEMS = 70


def vectors(rows: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((rows, 24)) + 1.5).astype(np.float32)


def scorer(kind: str, rows: slice, catalogue: np.ndarray, order: np.ndarray = np.arange(ITEMS)) -> Scorer:
    """One of each kind for some of 40 histories; order: of the catalogue."""
    draw = np.random.default_rng(5)
    terms = sparse.random(40, 30, 0.2, "csr", random_state=draw)
    weights = sparse.random(30, ITEMS, 0.1, "csr", random_state=draw, dtype=np.float32)[:, order]
    if kind == "vectors":
        return VectorScorer(vectors(40, 1)[rows], catalogue[order])
    if kind == "sparse":
        return SparseScorer(terms[rows], weights)
    if kind == "bm25":
        return Bm25Scorer(terms[rows].copy(), weights.T.tocsr().astype(np.float64))
    return SharedScorer(len(range(*rows.indices(40))), order.astype(np.float32) ** 2)


@pytest.mark.parametrize("kind", ["vectors", "sparse", "bm25", "shared"])
def test_they_are_those_of_all_scores(kind: str) -> None:
    whole = scorer(kind, slice(0, 40), vectors(ITEMS, 2))
    mean, deviation = Moments()(whole)
    for event in range(40):
        scores = whole.exact(np.full(ITEMS, event), np.arange(ITEMS, dtype=np.int32)).astype(np.float64)
        assert mean[event] == pytest.approx(scores.mean(), rel=1e-3, abs=1e-3)
        assert deviation[event] == pytest.approx(scores.std(), rel=2e-3)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["vectors", "sparse", "bm25", "shared"]), st.integers(0, 39), st.integers(1, 40))
def test_they_depend_on_no_other_history(kind: str, first: int, count: int) -> None:
    rows, catalogue = slice(first, min(first + count, 40)), vectors(ITEMS, 2)
    whole, part = Moments()(scorer(kind, slice(0, 40), catalogue)), Moments()(scorer(kind, rows, catalogue))
    for all_of_them, own in zip(whole, part, strict=True):
        assert all_of_them[rows].tobytes() == own.tobytes()


@pytest.mark.parametrize("kind", ["vectors", "sparse", "bm25"])
def test_they_depend_on_no_order_of_the_catalogue(kind: str) -> None:
    order = np.random.default_rng(3).permutation(ITEMS)
    one, other = (scorer(kind, slice(0, 40), vectors(ITEMS, 2), places) for places in (np.arange(ITEMS), order))
    for expected, got in zip(Moments()(one), Moments()(other), strict=True):
        assert expected.tobytes() == got.tobytes()


def test_a_sum_counts_its_parts_as_independent() -> None:
    parts = [SharedScorer(1, np.array([1, -1], np.float32)), SharedScorer(1, np.array([2, 2, -2, -2], np.float32)[:2])]
    mean, deviation = Moments()(SumScorer(parts, np.array([3.0, 1.0]), np.array([0.0, 5.0])))
    assert mean.tolist() == [7.0]  # 3 · 0 + 2 + 5
    assert deviation.tolist() == [3.0]  # √(3² · 1² + 1² · 0²)
