"""Metrics against arithmetic that a reader can check, and against counting positions one by one."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.measuring.metrics import CUTOFFS, MEASURES, METRICS, Ties, hit_ratio, measure, ndcg, reciprocal_rank
from store.errors import BadInput


def one(values: np.ndarray) -> float:
    assert values.dtype == np.float64
    assert values.shape == (1,)
    return float(values[0])


def pair(better: int, tied: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([better], np.int32), np.array([tied], np.int32)


def test_first_place() -> None:
    assert one(hit_ratio(*pair(0, 0), 1)) == 1
    assert one(ndcg(*pair(0, 0), 10)) == 1 / log2(1 + 1)
    assert one(reciprocal_rank(*pair(0, 0))) == 1


def test_third_place() -> None:
    assert one(hit_ratio(*pair(2, 0), 1)) == 0
    assert one(hit_ratio(*pair(2, 0), 5)) == 1
    assert one(ndcg(*pair(2, 0), 5)) == pytest.approx(1 / log2(3 + 1), abs=1e-15)
    assert one(reciprocal_rank(*pair(2, 0))) == pytest.approx(1 / 3, abs=1e-15)


def test_a_tie_of_three_for_places_ten_to_twelve() -> None:
    assert one(hit_ratio(*pair(9, 2), 10)) == pytest.approx(1 / 3)
    assert one(hit_ratio(*pair(9, 2), 10, ties=Ties.UPPER)) == 1
    assert one(hit_ratio(*pair(9, 2), 10, ties=Ties.LOWER)) == 0
    assert one(ndcg(*pair(9, 2), 10)) == pytest.approx(1 / log2(10 + 1) / 3)
    assert one(ndcg(*pair(9, 2), 20)) == pytest.approx((1 / log2(11) + 1 / log2(12) + 1 / log2(13)) / 3)
    assert one(reciprocal_rank(*pair(9, 2))) == pytest.approx((1 / 10 + 1 / 11 + 1 / 12) / 3)


def test_a_target_outside_the_candidates_misses_even_where_k_exceeds_them() -> None:
    assert one(hit_ratio(*pair(5, 0), 10)) == 1
    for metric in MEASURES:
        assert one(metric(*pair(5, 0), candidates=5)) == 0
        assert one(metric(*pair(4, 0), candidates=5)) == one(metric(*pair(4, 0)))


@given(st.integers(0, 300), st.integers(0, 300))
def test_expectation_is_the_mean_over_the_positions(better: int, tied: int) -> None:
    positions = np.arange(better + 1, better + tied + 2)
    for k in CUTOFFS:
        assert one(hit_ratio(*pair(better, tied), k)) == pytest.approx((positions <= k).mean(), abs=1e-12)
        gain = np.where(positions <= k, 1 / np.log2(positions + 1), 0)
        assert one(ndcg(*pair(better, tied), k)) == pytest.approx(gain.mean(), abs=1e-12)
    assert one(reciprocal_rank(*pair(better, tied))) == pytest.approx((1 / positions).mean(), rel=1e-11)


@pytest.mark.parametrize(("better", "tied"), [(0, 2_000_000), (63, 1), (64, 1), (63, 70), (999_999, 1), (500_000, 3)])
def test_reciprocal_rank_of_large_ties(better: int, tied: int) -> None:
    positions = np.arange(better + 1, better + tied + 2, dtype=np.float64)
    assert one(reciprocal_rank(*pair(better, tied))) == pytest.approx((1 / positions).mean(), rel=1e-11)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20))
def test_bounds_enclose_the_expectation_within_the_range(pairs: list[tuple[int, int]]) -> None:
    better, tied = np.array(pairs, np.int32).T
    for metric in MEASURES:
        lower, mean, upper = (metric(better, tied, ties=t) for t in (Ties.LOWER, Ties.EXPECTED, Ties.UPPER))
        assert (lower >= 0).all()
        assert (lower <= mean + 1e-12).all()
        assert (mean <= upper + 1e-12).all()
        assert (upper <= 1).all()
        np.testing.assert_array_equal(metric(better, 0 * tied), upper)


def test_names_are_found_in_any_case_and_near_ones_offered() -> None:
    assert list(METRICS) == [f"{m}@{k}" for m in ("hr", "ndcg") for k in CUTOFFS] + ["mrr"]
    assert str(measure(" NDCG@10 ")) == "ndcg@10"
    assert [str(measure(name)) for name in METRICS] == list(METRICS)
    with pytest.raises(BadInput, match=r"Did you mean .*ndcg@10") as caught:
        measure("ndgc@10")
    assert caught.value.exit_code == 2


def test_when_counts_or_cutoffs_make_no_sense() -> None:
    with pytest.raises(BadInput, match="Cut-off 0"):
        hit_ratio(*pair(0, 0), 0)
    with pytest.raises(BadInput, match="count ≥ 0"):
        ndcg(*pair(-1, 0), 10)
    with pytest.raises(BadInput, match="shapes"):
        reciprocal_rank(np.zeros(2, np.int32), np.zeros(3, np.int32))
