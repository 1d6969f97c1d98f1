"""False negatives: what may not be pushed away from an anchor, on batches small enough to see through."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pair_tables import pair_table

from engine.training.negatives import TrainTargets, allowed

NONE = TrainTargets([], [], [])


def refused(table: object, rows: int, targets: TrainTargets = NONE) -> set[tuple[int, int]]:
    """The (anchor, positive) that may not be negatives."""
    relation = allowed(table, np.arange(rows), targets)  # type: ignore[arg-type]
    assert relation.dtype == bool
    assert relation.diagonal().all()
    return set(zip(*(places.tolist() for places in np.nonzero(~relation)), strict=True))


def test_pairs_with_nothing_in_common_are_each_others_negatives() -> None:
    assert refused(pair_table([0, 1, 2], [3, 4, 5], item=[10, 11, 12]), 3) == set()


def test_the_same_item_is_no_negative() -> None:
    assert refused(pair_table([0, 1, 2], [3, 4, 5], item=[10, 11, 10]), 3) == {(0, 2), (2, 0)}


def test_the_same_text_is_no_negative() -> None:
    # Pairs 0 and 1 have the same positive text, 1 and 2 the same anchor; the positive of 3 is the anchor of 0.
    table = pair_table([0, 1, 1, 2], [5, 5, 6, 0], item=[10, 11, 12, 13])
    assert refused(table, 4) == {(0, 1), (1, 0), (1, 2), (2, 1), (0, 3)}


def test_a_later_target_of_the_user_is_no_negative_and_the_history_is_one() -> None:
    # User 7 went 20, 21, 22, 23; targets of theirs are 21, 22, 23 after 1, 2, 3 items. The pairs ask for 21 and 22 of
    # user 7 and 23 of user 8, who never chose it otherwise.
    targets = TrainTargets([7, 7, 7, 8], [21, 22, 23, 23], [1, 2, 3, 1])
    table = pair_table([0, 1, 2], [3, 4, 5], user=[7, 7, 8], item=[21, 22, 23], length=[1, 2, 1])
    # Anchor 0 (history 20) may not push away 22 and 23. Anchor 1 (history 20, 21) may push away 21, which lies in its
    # history, but not 23.
    assert refused(table, 3, targets) == {(0, 1), (0, 2), (1, 2)}


def test_another_history_of_the_same_user_is_no_negative_of_a_history() -> None:
    table = pair_table([0, 1, 2], [3, 4, 5], user=[7, 7, 8])
    assert refused(table, 3) == {(0, 1), (1, 0)}


def test_missing_users_and_items_do_not_match() -> None:
    assert refused(pair_table([0, 1], [2, 3]), 2) == set()


numbers = st.integers(0, 6)


@given(
    st.lists(st.tuples(numbers, numbers, numbers), max_size=30),
    st.lists(st.integers(-1, 8), max_size=8),
    st.lists(st.integers(-1, 8), max_size=8),
)
def test_holds_is_what_looking_through_all_targets_says(
    chosen: list[tuple[int, int, int]], users: list[int], items: list[int]
) -> None:
    targets = TrainTargets([u for u, _, _ in chosen], [i for _, i, _ in chosen], [n for _, _, n in chosen])
    asked = np.array(users, np.int64), np.array(items, np.int64)
    pairs = {(user, item) for user, item, _ in chosen}
    assert targets.holds(*asked).tolist() == [[(user, item) in pairs for item in items] for user in users]
    later = {(user, item) for user, item, length in chosen if length >= 3}
    ahead = targets.holds(*asked, np.full(len(users), 3))
    assert ahead.tolist() == [[(user, item) in later for item in items] for user in users]
    assert targets.users.tolist() == sorted(targets.users.tolist())
