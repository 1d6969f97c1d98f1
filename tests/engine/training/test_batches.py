"""Batches: every pair once, the same again for the same seed, and no text twice where a recipe says so."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pair_tables import pair_table

from engine.training.batches import batches
from engine.training.pairs import PairTable
from engine.training.recipe import PhaseSettings


def apart(count: int, datasets: int = 1) -> PairTable:
    """Pairs without a common text, spread over datasets in turn."""
    return pair_table(
        list(range(count)), list(range(count, 2 * count)), dataset=[row % datasets for row in range(count)]
    )


def lists(batches: list[np.ndarray]) -> list[list[int]]:
    return [rows.tolist() for rows in batches]


@given(st.integers(2, 200), st.integers(2, 20), st.integers(0, 5), st.booleans())
def test_every_pair_comes_once_and_only_the_last_batch_is_smaller(
    count: int, size: int, epoch: int, duplicates: bool
) -> None:
    made = batches(apart(count), PhaseSettings(batch=size, duplicate_texts=duplicates), 1, epoch)
    left = count % size
    assert [len(rows) for rows in made] == [size] * (count // size) + ([left] if left > 1 else [])
    seen = [row for rows in lists(made) for row in rows]
    assert len(set(seen)) == len(seen) == count - (left == 1)
    assert all(rows.dtype == np.int64 for rows in made)


def test_seed_and_epoch_decide_the_order() -> None:
    table, settings = apart(100), PhaseSettings(batch=10)
    first = lists(batches(table, settings, 7, 3))
    assert first == lists(batches(table, settings, 7, 3))
    assert first != lists(batches(table, settings, 7, 4))
    assert first != lists(batches(table, settings, 8, 3))


def test_every_pair_is_as_likely_in_the_first_batch() -> None:
    table, settings = apart(10), PhaseSettings(batch=5)
    first = Counter(row for epoch in range(1_000) for row in batches(table, settings, 0, epoch)[0].tolist())
    assert all(abs(first[row] - 500) < 80 for row in range(10))  # five standard deviations of √(1000·½·½)


def test_batches_by_dataset_hold_one_dataset_and_come_mixed() -> None:
    table = apart(101, datasets=2)  # 51 and 50 pairs
    made = batches(table, PhaseSettings(batch=10, mixing="by-dataset"), 0, 0)
    of = [set(table.dataset[rows].tolist()) for rows in made]
    assert all(len(found) == 1 for found in of)
    assert sorted(len(rows) for rows in made) == [10] * 10  # the 51st pair has no company
    assert of != sorted(of, key=min)


def test_mixed_batches_mix() -> None:
    table = apart(100, datasets=2)
    made = batches(table, PhaseSettings(batch=20), 0, 0)
    assert all(set(table.dataset[rows].tolist()) == {0, 1} for rows in made)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=80), st.integers(2, 8), st.integers(0, 3))
def test_no_text_comes_twice_in_a_batch(pairs: list[tuple[int, int]], size: int, seed: int) -> None:
    table = pair_table([a for a, _ in pairs], [p for _, p in pairs])
    made = batches(table, PhaseSettings(batch=size, duplicate_texts=False), seed, 0)
    for rows in made:
        texts = [text for row in rows for text in {int(table.anchor[row]), int(table.positive[row])}]
        assert len(texts) == len(set(texts))
        assert 2 <= len(rows) <= size
    seen = [row for rows in lists(made) for row in rows]
    assert len(set(seen)) == len(seen)


def test_pairs_that_do_not_fit_go_to_later_batches() -> None:
    # Pairs 0 to 3 share the anchor 0: each of the four batches of two takes one of them.
    table = pair_table([0, 0, 0, 0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11, 12])
    for seed in range(20):
        made = lists(batches(table, PhaseSettings(batch=2, duplicate_texts=False), seed, 0))
        assert all(sum(row < 4 for row in rows) <= 1 for rows in made)
        kept = {row for rows in made for row in rows}
        # Pairs with other anchors may find each other first; what then lacks company is left out.
        assert all(len(rows) == 2 for rows in made)
        assert len(kept) >= 4


def test_when_two_equal_texts_make_a_pair_it_is_allowed_as_itself() -> None:
    table = pair_table([0, 1, 0], [0, 2, 3])  # the third pair shares text 0 with the first
    for seed in range(10):
        made = lists(batches(table, PhaseSettings(batch=3, duplicate_texts=False), seed, 0))
        assert sorted(map(sorted, made)) in ([[0, 1]], [[1, 2]])


def popular_pairs(count: int) -> PairTable:
    draw = np.random.default_rng(0)
    popular = np.minimum(draw.pareto(1.0, count) * 3, 10_000).astype(int)  # few texts make a third of all pairs
    return pair_table(list(range(10_001, 10_001 + count)), popular.tolist())


@pytest.mark.parametrize("duplicates", [True, False])
def test_of_many_pairs_few_are_left_out(duplicates: bool) -> None:
    count = 100_000
    made = batches(popular_pairs(count), PhaseSettings(batch=64, duplicate_texts=duplicates), 0, 0)
    assert sum(map(len, made)) > (0.9 if duplicates else 0.5) * count


def test_twice_as_many_pairs_take_twice_as_many_lines_of_work() -> None:
    def lines(count: int) -> int:
        found = 0

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal found
            found += event == "line"
            return trace if frame.f_code.co_filename == batches.__code__.co_filename else None

        table, before = popular_pairs(count), sys.gettrace()
        sys.settrace(trace)
        try:
            batches(table, PhaseSettings(batch=64, duplicate_texts=False), 0, 0)
        finally:
            sys.settrace(before)
        return found

    assert 3_000 < lines(3_000) < lines(6_000) < 3 * lines(3_000)  # a quadratic way takes four times as many
