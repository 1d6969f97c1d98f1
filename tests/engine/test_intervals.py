"""Clustered intervals: means by hand, known spreads, and what a seed promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.measuring.intervals import Mean, holm, paired, slice_means
from store.errors import BadInput

EVERYTHING = "all"


def whole(events: int) -> dict[str, np.ndarray]:
    return {EVERYTHING: np.ones(events, bool)}


def test_row_and_user_means_by_hand() -> None:
    values = np.array([[1.0], [0.0], [0.0], [1.0]])
    users = np.array([7, 3, 7, 7])  # user 7 has 1, 0, 1; user 3 has 0
    masks = {EVERYTHING: np.ones(4, bool), "late": np.array([False, True, True, True]), "none": np.zeros(4, bool)}
    found = slice_means(values, users, masks, seed=1)
    assert list(found) == [EVERYTHING, "late"]
    (mean,) = found[EVERYTHING]
    assert (mean.n, mean.users) == (4, 2)
    assert mean.mean == 2 / 4
    assert mean.user_mean == pytest.approx((2 / 3 + 0) / 2)
    (late,) = found["late"]
    assert late.mean == pytest.approx(1 / 3)
    assert late.user_mean == pytest.approx((1 / 2 + 0) / 2)
    assert 0 <= mean.low <= mean.mean <= mean.high <= 1


def test_one_user_says_nothing_about_others() -> None:
    (mean,) = slice_means(np.array([[0.5], [0.7]]), np.array([4, 4]), whole(2))[EVERYTHING]
    assert mean == Mean(n=2, users=1, mean=0.6, low=0, high=1, user_mean=0.6, user_low=0, user_high=1)


def test_an_interval_has_the_width_that_theory_gives_independent_events() -> None:
    values = np.random.default_rng(0).random((4000, 1))
    (mean,) = slice_means(values, np.arange(4000), whole(4000), seed=3)[EVERYTHING]
    assert mean.high - mean.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(4000), rel=0.12)
    assert (mean.user_mean, mean.user_low, mean.user_high) == pytest.approx((mean.mean, mean.low, mean.high))


def test_events_of_one_user_do_not_count_as_independent() -> None:
    per_user = np.random.default_rng(0).random(300)
    users = np.repeat(np.arange(300), 10)
    (repeated,) = slice_means(np.repeat(per_user, 10)[:, None], users, whole(3000))[EVERYTHING]
    (single,) = slice_means(per_user[:, None], np.arange(300), whole(300))[EVERYTHING]
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60), st.integers(1, 3))
def test_the_seed_decides_and_the_order_of_events_does_not(seed: int, events: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    values, users = rng.random((events, columns)), rng.integers(0, 20, events)
    masks = {("half", x): rng.random(events) < 0.5 for x in range(3)}
    order = rng.permutation(events)
    shuffled = {key: mask[order] for key, mask in masks.items()}
    a = slice_means(values, users, masks, seed=seed, replicates=50)
    assert a == slice_means(values, users, masks, seed=seed, replicates=50)
    b = slice_means(values[order], users[order] + 100, shuffled, seed=seed, replicates=50)
    assert a.keys() == b.keys()
    for key in a:
        for x, y in zip(a[key], b[key], strict=True):
            assert list(vars(x).values()) == pytest.approx(list(vars(y).values()), abs=1e-12)


def test_a_constant_has_no_spread_over_many_blocks_of_users() -> None:
    (mean,) = slice_means(np.full((5000, 1), 0.25), np.arange(5000), whole(5000), replicates=20)[EVERYTHING]
    assert (mean.low, mean.mean, mean.high) == pytest.approx((0.25, 0.25, 0.25), abs=1e-12)


def test_a_clear_difference_has_a_small_p_and_none_has_a_large_one() -> None:
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(400), 2)
    b = rng.random((800, 2))
    a = b + np.array([0.1, 0.0]) + rng.normal(0, 0.1, (800, 2))
    better, same = paired(a, b, users, seed=5)
    assert better.mean == pytest.approx((a - b)[:, 0].mean())
    assert better.low > 0.08
    assert better.p == better.user_p == 2 / 1001
    assert same.low < 0 < same.high
    assert same.p > 0.05
    reversed_ = paired(b, a, users, seed=5)[0]
    assert (reversed_.mean, reversed_.p) == pytest.approx((-better.mean, better.p))


def test_two_equal_models_do_not_differ() -> None:
    (nothing,) = paired(np.ones((10, 1)), np.ones((10, 1)), np.arange(10))
    assert (nothing.mean, nothing.low, nothing.high, nothing.p) == (0, 0, 0, 1)


def test_a_difference_within_a_slice_and_for_one_user() -> None:
    a, b, users = np.array([[1.0], [0.0], [1.0]]), np.zeros((3, 1)), np.array([0, 0, 1])
    (one,) = paired(a, b, users, mask=np.array([True, True, False]))
    assert (one.n, one.users, one.mean) == (2, 1, 0.5)
    assert (one.low, one.high, one.p) == (-1, 1, 1)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_when_shapes_or_values_make_no_sense() -> None:
    ones = np.ones((3, 1))
    with pytest.raises(BadInput, match="one row of values and one user"):
        slice_means(ones, np.arange(2), whole(3))
    with pytest.raises(BadInput, match="Slice all"):
        slice_means(ones, np.arange(3), whole(2))
    with pytest.raises(BadInput, match="NaN"):
        slice_means(ones * np.nan, np.arange(3), whole(3))
    with pytest.raises(BadInput, match="same events"):
        paired(ones, np.ones((4, 1)), np.arange(3))
    with pytest.raises(BadInput, match="No event is left"):
        paired(ones, ones, np.arange(3), mask=np.zeros(3, bool))
    assert slice_means(np.empty((0, 2)), np.empty(0, np.int64), whole(0)) == {}
