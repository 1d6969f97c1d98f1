"""Nearest neighbours, against all distances sorted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.projection import neighbours


def unit(rows: int, seed: int, width: int = 6) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(st.integers(2, 40), st.integers(0, 1_000), st.data())
def test_they_are_those_of_all_distances_sorted(rows: int, seed: int, data: st.DataObject) -> None:
    vectors, count = unit(rows, seed), data.draw(st.integers(1, rows - 1))
    indices, similarities = neighbours.nearest(vectors, count)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -2)
    assert np.abs(similarities - -np.sort(-cosines, axis=1)[:, :count]).max() < 1e-6
    assert np.abs(np.take_along_axis(cosines, indices, axis=1) - similarities).max() < 1e-6
    assert (indices != np.arange(rows)[:, None]).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(50, 0)
    whole = neighbours.nearest(vectors, 7)[0]
    monkeypatch.setattr(neighbours, "BLOCK", 150)  # three rows at a time
    assert np.array_equal(neighbours.nearest(vectors, 7)[0], whole)


def test_a_point_is_not_its_own_neighbour_even_among_copies() -> None:
    indices, similarities = neighbours.nearest(np.tile(unit(1, 3), (4, 1)), 3)
    assert indices.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert similarities == pytest.approx(1)
