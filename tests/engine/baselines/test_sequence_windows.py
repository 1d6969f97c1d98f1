"""Windows and batches: every train interaction but a user's first is a target exactly once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.baselines.sequences import batches, cut, padded
from store import datasets
from tests.small_shop import TEST, TRAIN, A, B, C, D, add, five_items

Users = st.lists(st.integers(1, 30), min_size=1, max_size=12)  # items of each user


def sequences(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Every item of every user is another one, so that a target says whose it is."""
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), np.arange(sum(lengths), dtype=np.int32)


@given(Users, st.integers(1, 9))
def test_every_target_is_in_one_window_and_every_window_within_a_user(lengths: list[int], window: int) -> None:
    starts, items = sequences(lengths)
    found = cut(starts, items, window)
    targets = [int(f + 1 + n) for f, length in zip(found.first, found.length, strict=True) for n in range(length)]
    assert sorted(targets) == sorted(set(range(sum(lengths))) - set(starts[:-1].tolist()))
    assert found.targets == len(targets)
    assert ((found.length >= 1) & (found.length <= window)).all()
    owner = np.searchsorted(starts, found.first, side="right") - 1
    assert (found.first + found.length < starts[owner + 1]).all()
    short = found.length < window  # only a user's oldest window, and it begins with the first item
    assert (found.first[short] == starts[owner[short]]).all()


def test_nine_items_in_windows_of_three() -> None:
    # Eight targets: 8 7 6, then 5 4 3, then 2 1, each window with the item before its first target.
    found = cut(*sequences([9]), 3)
    assert [(int(f), int(n)) for f, n in zip(found.first, found.length, strict=True)] == [(5, 3), (2, 3), (0, 2)]


@given(Users, st.integers(1, 9), st.integers(1, 40), st.integers(0, 3))
def test_batches_hold_every_window_once_and_fill_up_on_the_right(
    lengths: list[int], window: int, size: int, seed: int
) -> None:
    starts, items = sequences(lengths)
    windows = cut(starts, items, window)
    seen: list[int] = []
    for batch in batches(windows, size, np.random.default_rng(seed)):
        read = batch.ids.flatten()[batch.positions]
        assert (batch.targets == read + 1).all()
        assert len(batch.targets) < size + window
        rows, columns = np.divmod(batch.positions, batch.ids.shape[1])
        counts = np.bincount(rows, minlength=len(batch.ids))
        assert (columns == np.concatenate([np.arange(count) for count in counts])).all()
        assert counts.max() == batch.ids.shape[1]
        seen += batch.targets.tolist()
    assert sorted(seen) == sorted(set(range(sum(lengths))) - set(starts[:-1].tolist()))


def test_the_seed_decides_the_order() -> None:
    windows = cut(*sequences([4] * 50), 3)
    first, again, other = (
        [batch.targets.tolist() for batch in batches(windows, 10, np.random.default_rng(seed))] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_history_longer_than_the_window_keeps_its_newest() -> None:
    ids, lengths = padded([np.array([1, 2, 3, 4]), np.array([5])], 3)
    assert ids[0].tolist() == [2, 3, 4]
    assert ids[1, 0] == 5
    assert lengths.tolist() == [3, 1]


def test_sequences_are_the_train_parts(tmp_path: Path) -> None:
    # u0 has A B in train, u1 A D, u2 nothing.
    workspace = five_items(tmp_path)
    with workspace.read() as db:
        starts, items = datasets.train_sequences(db, datasets.dataset(db, "shop").id)
    assert starts.tolist() == [0, 2, 4]
    assert items.tolist() == [A, B, A, D]


def test_without_train_events_there_are_no_sequences(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    add(workspace, "cold", ["x", "y"], ["", ""], [("u", (0, 1), ((1, TEST),))])
    with workspace.read() as db:
        starts, items = datasets.train_sequences(db, datasets.dataset(db, "cold").id)
    assert starts.tolist() == [0]
    assert len(items) == 0


def test_several_sequences_of_a_user_are_one(tmp_path: Path) -> None:
    # Both begin with A: it is one interaction.
    workspace = five_items(tmp_path)
    histories = [("u", (A, B), ((1, TRAIN),)), ("v", (C, D), ((1, TRAIN),)), ("w", (A, B, C), ((2, TRAIN),))]
    made = add(workspace, "twice", ["a", "b", "c", "d"], [""] * 4, histories)
    with workspace.write() as db:
        db.execute("UPDATE sequence SET user = 0 WHERE dataset_id = ? AND sequence = 2", (made.id,))
        starts, items = datasets.train_sequences(db, made.id)
    assert starts.tolist() == [0, 3, 5]
    assert items.tolist() == [A, B, C, C, D]
