"""Crop, reorder and drop: what of a history stays, how much, and how evenly it is drawn."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.training import recipe
from engine.training.augmentation import AUGMENTATIONS, augment, crop, drop, reorder
from engine.training.recipe import PhaseSettings

lengths = st.integers(1, 60)
seeds = st.integers(0, 2**32)
hundredths = st.integers(1, 99)


def drawn(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(lengths, hundredths, seeds)
def test_a_crop_is_a_run_of_the_floor_of_its_share(n: int, percent: int, seed: int) -> None:
    kept = crop(n, percent / 100, drawn(seed))
    assert len(kept) == max(1, n * percent // 100)
    assert kept.tolist() == list(range(kept[0], kept[0] + len(kept)))
    assert kept[0] >= 0
    assert kept[-1] < n


@given(lengths, hundredths, seeds)
def test_a_reorder_keeps_all_items_and_moves_only_a_run(n: int, percent: int, seed: int) -> None:
    order = reorder(n, percent / 100, drawn(seed))
    assert sorted(order.tolist()) == list(range(n))
    moved = np.flatnonzero(order != np.arange(n))
    if len(moved):
        assert moved[-1] - moved[0] + 1 <= n * percent // 100


@given(lengths, hundredths, seeds)
def test_a_drop_keeps_the_order_and_all_but_the_floor_of_its_share(n: int, percent: int, seed: int) -> None:
    kept = drop(n, percent / 100, drawn(seed))
    assert len(kept) == n - n * percent // 100
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert set(kept.tolist()) <= set(range(n))


def test_the_thesis_on_ten_items() -> None:
    assert len(crop(10, 0.8, drawn(0))) == 8
    assert len(drop(10, 0.5, drawn(0))) == 5
    spans = [np.flatnonzero(reorder(10, 0.7, drawn(seed)) != np.arange(10)) for seed in range(200)]
    assert max(span[-1] - span[0] + 1 for span in spans) == 7


def test_one_item_never_changes_and_two_do_not_under_reorder() -> None:
    one, two = np.array([7], np.int32), np.array([7, 9], np.int32)
    for name in AUGMENTATIONS:
        only = PhaseSettings(augmentations=(name,))
        assert augment(one, only, drawn(1)).tolist() == [7]
        found = {tuple(augment(two, only, drawn(seed)).tolist()) for seed in range(50)}
        assert found == ({(7, 9)} if name == "reorder" else {(7,), (9,)})


def test_a_crop_starts_anywhere_equally_often() -> None:
    draw = drawn(3)
    starts = Counter(int(crop(5, 0.4, draw)[0]) for _ in range(4_000))
    assert set(starts) == {0, 1, 2, 3}
    assert all(abs(count - 1_000) < 140 for count in starts.values())  # five standard deviations of √(4000·¼·¾)


def test_every_item_is_dropped_equally_often() -> None:
    draw = drawn(4)
    kept = Counter(item for _ in range(4_000) for item in drop(4, 0.25, draw).tolist())
    assert all(abs(kept[item] - 3_000) < 140 for item in range(4))


def test_a_reordered_run_takes_all_its_orders_equally_often() -> None:
    draw = drawn(5)
    orders = Counter(tuple(reorder(3, 1.0, draw).tolist()) for _ in range(6_000))
    assert len(orders) == 6
    assert all(abs(count - 1_000) < 145 for count in orders.values())


def test_each_augmentation_is_as_likely_as_the_others() -> None:
    history, draw = np.arange(10), drawn(6)
    lengths = Counter(len(augment(history, PhaseSettings(), draw)) for _ in range(3_000))
    assert set(lengths) == {5, 8, 10}  # drop, crop, reorder
    assert all(abs(count - 1_000) < 130 for count in lengths.values())


def test_the_recipe_names_the_augmentations_there_are() -> None:
    assert set(recipe.AUGMENTATIONS) == set(AUGMENTATIONS)
