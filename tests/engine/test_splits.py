"""How events are divided: by hand, then what must hold for any events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.preparation.splits import (
    by_time,
    check_boundaries,
    key_hashes,
    leave_one_out,
    quantile_boundaries,
    under_caps,
)
from store.errors import BadInput

moments = st.lists(st.integers(0, 50), min_size=1, max_size=200).map(lambda values: np.array(values, dtype=np.int64))


def test_boundaries_belong_to_the_later_part() -> None:
    assert by_time(np.array([9, 10, 19, 20, 21]), 10, 20).tolist() == [0, 1, 1, 2, 2]


def test_quantiles_of_ten_distinct_moments() -> None:
    times = np.arange(100, 110)
    assert quantile_boundaries(times) == (108, 109)
    assert np.bincount(by_time(times, 108, 109)).tolist() == [8, 1, 1]


def test_quantiles_come_as_near_as_ties_allow() -> None:
    # Before 1: 0, before 2: 7, before 3: 9 of 10. 7 is nearer to 8 than 9 is to it by a tie: the earlier is taken.
    times = np.array([1] * 7 + [2] * 2 + [3])
    assert quantile_boundaries(times) == (2, 3)


def test_when_all_events_are_of_one_moment_all_are_train() -> None:
    times = np.full(5, 7)
    assert by_time(times, *quantile_boundaries(times)).tolist() == [0] * 5


@given(moments)
def test_quantile_split_keeps_moments_together_and_in_order(times: np.ndarray) -> None:
    t1, t2 = quantile_boundaries(times)
    codes = by_time(times, t1, t2)
    assert t1 <= t2
    for earlier in range(2):
        before, after = times[codes <= earlier], times[codes > earlier]
        assert not len(before) or not len(after) or before.max() < after.min()


@given(st.integers(10, 500))
def test_quantile_split_is_exact_without_ties(n: int) -> None:
    codes = by_time(np.arange(n), *quantile_boundaries(np.arange(n)))
    assert abs((codes == 0).sum() - 0.8 * n) <= 0.5
    assert abs((codes <= 1).sum() - 0.9 * n) <= 0.5


def test_leave_one_out_counts_from_the_end() -> None:
    position, length = np.array([1, 2, 3, 4]), np.array([5, 5, 5, 5])
    assert leave_one_out(position, length).tolist() == [0, 0, 1, 2]
    assert leave_one_out(np.array([1]), np.array([2])).tolist() == [2]


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_caps_do_not_depend_on_the_order_of_rows(seed: int, n: int) -> None:
    rng = np.random.default_rng(n)
    codes = rng.integers(0, 3, n).astype(np.int8)
    users, items = key_hashes([f"u{i % 7}" for i in range(n)]), key_hashes([f"i{i}" for i in range(n)])
    keep = under_caps(codes, (5, 3, 0), seed, users, items)
    for code, cap in enumerate((5, 3, 0)):
        assert keep[codes == code].sum() == min(cap, (codes == code).sum())
    shuffled = rng.permutation(n)
    again = under_caps(codes[shuffled], (5, 3, 0), seed, users[shuffled], items[shuffled])
    assert (again == keep[shuffled]).all()


def test_another_seed_keeps_other_events() -> None:
    codes = np.zeros(1000, np.int8)
    users, items = key_hashes(["u"] * 1000), key_hashes([str(i) for i in range(1000)])
    first, second = (under_caps(codes, (500, 0, 0), seed, users, items) for seed in (1, 2))
    assert 150 < (first & second).sum() < 350  # two random halves share a quarter


def test_key_hashes_never_change() -> None:
    assert [hex(value) for value in key_hashes(["", "B07H2"]).tolist()] == ["0xb4b2797457a0a6e4", "0x5c0dd2bce94db70"]


@pytest.mark.parametrize(("t1", "t2", "words"), [(None, 5, "--t1 is missing"), (5, None, "--t2"), (5, 5, "not before")])
def test_when_boundaries_are_missing_or_reversed(t1: int | None, t2: int | None, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_boundaries(t1, t2)
