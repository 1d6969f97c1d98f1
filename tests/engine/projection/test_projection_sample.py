"""How a sample is divided over datasets, and drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.projection.sample import draw, shares
from store.errors import BadInput


@pytest.mark.parametrize(
    ("sizes", "sample", "drawn"),
    [
        ([100, 100], 60, [30, 30]),
        ([10, 100, 100], 90, [10, 40, 40]),  # the first has 10 of its 30; the others share the 20
        ([5, 5], 60, [5, 5]),
        ([10_000, 300], 0, [2_000, 300]),
        ([100_000] * 50, 0, [1_000] * 50),  # 50,000 in all
    ],
)
def test_points_are_divided_evenly_as_far_as_they_go(sizes: list[int], sample: int, drawn: list[int]) -> None:
    assert shares(sizes, sample) == drawn


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=8), st.integers(1, 5_000))
def test_nothing_is_lost_and_no_dataset_gives_two_more_than_another_that_has_more(
    sizes: list[int], sample: int
) -> None:
    drawn = shares(sizes, sample)
    assert sum(drawn) == min(sample, sum(sizes))
    assert all(0 <= count <= size for count, size in zip(drawn, sizes, strict=True))
    for count, size in zip(drawn, sizes, strict=True):
        assert count == size or count >= max(drawn) - 1


@pytest.mark.parametrize("sample", [-1, 50_001])
def test_when_the_sample_is_impossible(sample: int) -> None:
    with pytest.raises(BadInput, match=r"allowed are 0 .* to 50,000"):
        shares([10], sample)


@given(st.integers(0, 30), st.integers(0, 2**32))
def test_a_draw_is_part_of_a_larger_one_with_the_same_seed(count: int, seed: int) -> None:
    population = np.arange(100, 130)
    few, more = draw(population, count, seed), draw(population, min(30, count + 5), seed)
    assert len(few) == count
    assert set(few.tolist()) <= set(more.tolist()) <= set(population.tolist())
    assert few.tolist() == sorted(set(few.tolist()))
