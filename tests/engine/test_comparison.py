"""Models on the same events: bootstrap and permutation, two models and many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluation import evaluate
from engine.measuring.choices import Averaging, ComparisonSpec, Significance
from engine.measuring.comparison import compare, compare_all
from engine.measuring.permutation import permutation
from engine.measuring.slices import condition
from engine.protocol import EvaluationOptions
from store.enums import Seen, Slice
from store.errors import BadInput
from store.workspace import Workspace
from tests.small_shop import five_items, many


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = five_items(tmp_path_factory.mktemp("comparison"))
    many(workspace.folder, users=40, items=30, name="more")
    for model in ("pop", "pop-recent"):
        for name in ("shop", "more"):
            evaluate(workspace, model, name, EvaluationOptions())
    return workspace


def test_differences_are_means_of_event_differences(workspace: Workspace) -> None:
    # mrr, seen kept. pop: (1/4+1/5)/2, (1/2+1/3)/2, (1/4+1/5)/2, 1. pop-recent: D alone is above, the target shares
    # places 2 to 5 with three others: (1/2+1/3+1/4+1/5)/4 for each event.
    with workspace.read() as db:
        (row,) = compare(db, ("pop", "pop-recent"), ["shop"], ComparisonSpec(Slice.ALL, ["mrr"], [Seen.KEEP]))
    pop = ((1 / 4 + 1 / 5) / 2 * 2 + (1 / 2 + 1 / 3) / 2 + 1) / 4
    assert row.difference.mean == pytest.approx(pop - (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 4)
    assert (row.models, row.dataset, row.difference.n) == (("pop", "pop-recent"), "shop", 4)


def test_the_correction_covers_all_rows_and_never_helps(workspace: Workspace) -> None:
    with workspace.read() as db:
        alone = compare(db, ("pop", "pop-recent"), ["more"], ComparisonSpec(Slice.ALL, ["ndcg@10"], [Seen.MASK]))
        question = ComparisonSpec(Slice.TARGET, ["ndcg@10", "mrr"], list(Seen))
        rows = compare(db, ("pop", "pop-recent"), ["shop", "more"], question)
    assert alone[0].p_holm == alone[0].difference.p
    assert {(row.dataset, row.value) for row in rows} >= {("shop", "warm"), ("shop", "cold"), ("more", "warm")}
    assert all(row.difference.p <= row.p_holm <= 1 for row in rows)
    ordered = sorted(rows, key=lambda row: row.difference.p)
    assert [row.p_holm for row in ordered] == sorted(row.p_holm for row in rows)


def test_only_the_same_events_are_compared(workspace: Workspace) -> None:
    evaluate(workspace, "pop", "more", EvaluationOptions(sample=5, seed=1))  # newer, and of other events
    with workspace.read() as db:
        (row,) = compare(db, ("pop", "pop-recent"), ["more"], ComparisonSpec(Slice.ALL, ["mrr"], [Seen.MASK]))
        assert row.difference.n == 40


def test_when_no_events_are_shared_it_says_what_to_run(tmp_path: Path) -> None:
    workspace = many(tmp_path, users=20, items=10)
    evaluate(workspace, "pop", "shop", EvaluationOptions(sample=5))
    evaluate(workspace, "pop-recent", "shop", EvaluationOptions(sample=5, seed=1))
    with workspace.read() as db, pytest.raises(BadInput, match="not evaluated on the same events of shop"):
        compare(db, ("pop", "pop-recent"), ["shop"], ComparisonSpec(Slice.ALL, ["mrr"], [Seen.MASK]))


def test_every_other_model_is_compared_with_one(workspace: Workspace) -> None:
    question = ComparisonSpec(Slice.ALL, ["mrr", "hr@10"], list(Seen))
    with workspace.read() as db:
        against = compare_all(db, "pop-recent", ["shop", "more"], question)
        pair = compare(db, ("pop", "pop-recent"), ["shop", "more"], question)
        assert against == pair  # there is one other model
        with pytest.raises(BadInput, match="No other model was evaluated on the same events as pop on nowhere"):
            compare_all(db, "pop", ["nowhere"], question)


def test_conditions_narrow_what_is_compared(workspace: Workspace) -> None:
    with workspace.read() as db:
        cold = compare(db, ("pop", "pop-recent"), ["shop"], ComparisonSpec(Slice.TARGET, ["mrr"], [Seen.KEEP]))[1]
        where = ComparisonSpec(Slice.ALL, ["mrr"], [Seen.KEEP], where=[condition("target=cold")])
        (row,) = compare(db, ("pop", "pop-recent"), ["shop"], where)
    assert cold.value == "cold"
    assert row.difference == cold.difference
    assert (row.slice, row.value) == ("all & target=cold", "all")


def test_the_mean_over_users_has_its_own_p(workspace: Workspace) -> None:
    for mean in Averaging:
        question = ComparisonSpec(Slice.ALL, ["mrr"], [Seen.KEEP], mean=mean)
        with workspace.read() as db:
            (row,) = compare(db, ("pop", "pop-recent"), ["shop"], question)
        assert row.p_holm == row.p == (row.difference.user_p if mean is Averaging.USER else row.difference.p)


def test_a_permutation_gives_another_p_and_the_same_difference(workspace: Workspace) -> None:
    found = {}
    for test in Significance:
        with workspace.read() as db:
            question = ComparisonSpec(Slice.ALL, ["hr@1"], [Seen.MASK], test=test)
            (found[test],) = compare(db, ("pop", "pop-recent"), ["shop"], question)
    # Differences of u0 0, of u1 2/3 + 0, of u2 1: of the eight flips, the four where u1 and u2 agree reach ± 5/3 twice
    # each; u0 makes no difference. So four of eight are as extreme.
    assert found[Significance.PERMUTATION].p == 4 / 8
    a, b = (found[test].difference for test in Significance)
    assert (a.mean, a.low, a.high) == (b.mean, b.low, b.high)


def test_sign_flips_of_three_users_by_hand() -> None:
    # Users 5, 7, 9 have differences 0.5 + 0.25, −0.5 and 1: sums 0.75, −0.5, 1, means 0.375, −0.5, 1.
    a = np.array([[0.5], [0.0], [1.0], [0.25]])
    b = np.array([[0.0], [0.5], [0.0], [0.0]])
    users = np.array([5, 7, 9, 5])
    # |±0.75 ± 0.5 ± 1| is 1.25 as found, or 2.25, 0.25, 0.75: half of the flips reach 1.25.
    # |±0.375 ± 0.5 ± 1| is 0.875 as found, or 1.875, 1.125, 0.125: three of four do.
    (flipped,) = permutation(a, b, users)
    assert (flipped.p, flipped.user_p) == (4 / 8, 6 / 8)
    (one,) = permutation(a, b, users, mask=users == 9)
    assert (one.p, one.user_p) == (1, 1)


def test_drawn_flips_come_near_all_flips() -> None:
    draw = np.random.default_rng(3)
    a, b, users = draw.random((24, 2)), draw.random((24, 2)) - 0.1, np.arange(24) % 12
    for exact, drawn in zip(permutation(a, b, users), permutation(a, b, users, rounds=4_000), strict=True):
        assert drawn.p == pytest.approx(exact.p, abs=0.04)
        assert drawn.user_p == pytest.approx(exact.user_p, abs=0.04)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40))
def test_a_permutation_knows_neither_order_nor_sides(seed: int, events: int) -> None:
    draw = np.random.default_rng(seed)
    a, b, users = draw.random((events, 1)), draw.random((events, 1)), draw.integers(0, 30, events)
    order = draw.permutation(events)
    assert permutation(a, b, users, rounds=200) == permutation(b[order], a[order], users[order], rounds=200)
    (same,) = permutation(a, a, users, rounds=200)
    assert (same.p, same.user_p) == (1, 1)


def test_a_permutation_agrees_with_the_bootstrap_where_there_is_much_to_see() -> None:
    draw = np.random.default_rng(0)
    users = np.repeat(np.arange(300), 2)
    b = draw.random((600, 2))
    a = b + np.array([0.05, 0.0]) + draw.normal(0, 0.1, (600, 2))
    better, equal = permutation(a, b, users, rounds=2_000)
    assert better.p == better.user_p == 1 / 2_001
    assert equal.p > 0.05


def test_when_a_permutation_has_nothing_to_flip() -> None:
    ones = np.ones((3, 1))
    with pytest.raises(BadInput, match="same events"):
        permutation(ones, np.ones((2, 1)), np.arange(3))
    with pytest.raises(BadInput, match="No event is left"):
        permutation(ones, ones, np.arange(3), mask=np.zeros(3, bool))
