"""Clustered intervals: means by hand, known spreads, and what a seed promises."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.measuring.highlighting import holm
from engine.measuring.intervals import paired, slice_means
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
    assert vars(mean) == pytest.approx(
        {"n": 2, "users": 1, "mean": 0.6, "low": 0, "high": 1, "user_mean": 0.6, "user_low": 0, "user_high": 1}
    )


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 80))
def test_neither_order_nor_company_changes_a_bit(seed: int, events: int) -> None:
    rng = np.random.default_rng(seed)
    values, users = rng.random((events, 3)), rng.integers(0, 30, events)
    half = rng.random(events) < 0.5
    half[0] = True
    order = rng.permutation(events)
    everything = slice_means(values, users, {"all": np.ones(events, bool), "half": half}, replicates=40)
    (alone,) = slice_means(values[order, 1:2], users[order] * 7, {"half": half[order]}, replicates=40)["half"]
    assert alone == everything["half"][1]


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    values, users = rng.random((4000, 4)), rng.integers(0, 3000, 4000)
    several = slice_means(values, users, whole(4000), replicates=100)
    with patch("os.cpu_count", lambda: 1):
        assert slice_means(values, users, whole(4000), replicates=100) == several


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # Users with 1 to 3 events around a level of their own; 95 % of 200 samples are 190, with a deviation of 3.1.
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        users = np.repeat(np.arange(80), rng.integers(1, 4, 80))
        level = rng.random(80)
        values = (rng.random(len(users)) < level[users]).astype(float)[:, None]
        (mean,) = slice_means(values, users, whole(len(users)), replicates=300)[EVERYTHING]
        held += mean.low <= 0.5 <= mean.high
    assert 190 - 3 * 3.1 <= held <= 199


def test_values_beyond_one_are_as_exact() -> None:
    values = np.array([[1e6], [3e6], [-1e6], [0.0]])
    (mean,) = slice_means(values, np.array([1, 1, 2, 3]), whole(4), span=(-1e9, 1e9))[EVERYTHING]
    assert mean.mean == pytest.approx(0.75e6, rel=1e-9)
    assert mean.user_mean == pytest.approx((2e6 - 1e6 + 0) / 3, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_never_helps_keeps_the_order_and_stays_below_bonferroni(p: list[float]) -> None:
    corrected = holm(p)
    assert all(one <= other <= min(1, len(p) * one) + 1e-12 for one, other in zip(p, corrected, strict=True))
    order = np.argsort(p, kind="stable")
    assert list(np.asarray(corrected)[order]) == sorted(corrected)


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
    assert max(better.p, better.user_p) < 1e-9  # twenty standard errors: no replicate comes near zero
    assert same.low < 0 < same.high
    assert same.p > 0.05
    reversed_ = paired(b, a, users, seed=5)[0]
    assert (reversed_.mean, reversed_.p) == pytest.approx((-better.mean, better.p))


def test_of_few_users_p_is_what_the_replicates_can_show() -> None:
    a, b = np.array([[0.9], [0.8], [0.7], [0.9]]), np.zeros((4, 1))
    few, many = (paired(np.tile(a, (k, 1)), np.tile(b, (k, 1)), np.arange(4 * k))[0] for k in (5, 10))
    assert few.p == 2 / 1001
    assert many.p < 1e-9


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
