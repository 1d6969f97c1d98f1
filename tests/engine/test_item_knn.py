"""Items that come together in users' sequences: counts by hand, and ranks that nothing but the data decides."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.baselines.item_knn import CoOccurrence, neighbours
from engine.baselines.settings import ItemKnnSettings
from engine.evaluation import evaluate, history_starts
from engine.protocol import EvaluationOptions
from engine.ranking.rank import rank
from engine.ranking.ranked import Ranked
from engine.ranking.scorers import Scorer
from engine.recommendation import recommend
from store.errors import BadInput
from store.workspace import Workspace
from tests.small_shop import TEST, TRAIN, add, five_items

A, B, C, D = range(4)
# u0: A B C, u1: A C, u2: C A. Counts: A 3, B 1, C 3, D 0.
SEQUENCES = [[A, B, C], [A, C], [C, A]]
PLAIN = ItemKnnSettings(item_power=0.0, candidate_power=0.0)


def ragged(sequences: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts, items = history_starts([np.array(sequence) for sequence in sequences])
    return starts, items


def test_three_users_by_hand() -> None:
    found = neighbours(*ragged(SEQUENCES), 4, PLAIN).toarray()
    assert found[A].tolist() == [0, 1, 0.5 + 1 + 0.5, 0]  # C two after A in u0, next to it in u1, before it in u2
    assert found[B].tolist() == [0.5, 0, 1, 0]
    assert found[C].tolist() == [0.25 + 0.5 + 1, 0.5, 0, 0]
    assert found[D].tolist() == [0, 0, 0, 0]


def test_symmetric_counts_both_directions_alike() -> None:
    found = neighbours(*ragged(SEQUENCES), 4, replace(PLAIN, order="symmetric")).toarray()
    assert found[A].tolist() == [0, 1, 0.5 + 1 + 1, 0]
    assert (found == found.T).all()


def test_counts_divide() -> None:
    found = neighbours(*ragged(SEQUENCES), 4, ItemKnnSettings()).toarray()
    assert found[A, B] == pytest.approx(1 / 3**0.5)  # A occurs three times, B once
    assert found[B, C] == pytest.approx(1 / 3**0.25)


def test_the_window_ends_what_counts() -> None:
    found = neighbours(*ragged(SEQUENCES), 4, replace(PLAIN, window=1)).toarray()
    assert found[A].tolist() == [0, 1, 1 + 0.5, 0]


def test_neighbours_of_one_weight_are_kept_or_dropped_together() -> None:
    # After A come B once, and C and D each once in another user: C and D tie, so one alone is never kept.
    sequences = ragged([[A, B], [A, B], [A, C], [A, D]])
    assert neighbours(*sequences, 4, replace(PLAIN, neighbours=2)).toarray()[A].tolist() == [0, 2, 0, 0]
    assert neighbours(*sequences, 4, replace(PLAIN, neighbours=3)).toarray()[A].tolist() == [0, 2, 1, 1]


def test_the_newest_item_says_most() -> None:
    scorer = CoOccurrence(*ragged(SEQUENCES), 4, replace(PLAIN, decay=0.5)).scorer([np.array([B, A])])
    scores = scorer.exact(np.zeros(4, np.int64), np.arange(4, dtype=np.int32))
    assert scores.tolist() == [0.5 * 0.5, 1, 2 + 0.5 * 1, 0]  # A's row, and half of B's
    assert scorer.terms.tolist() == [2]


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[np.ndarray], int, ItemKnnSettings]:
    """Sequences, histories, the size of the catalogue, settings."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(2, 200))
    sequences = [rng.integers(0, size, rng.integers(1, 12)).tolist() for _ in range(draw(st.integers(1, 60)))]
    histories = [rng.integers(0, size, rng.integers(1, 30)).astype(np.int32) for _ in range(draw(st.integers(1, 9)))]
    chosen = ItemKnnSettings(
        order=draw(st.sampled_from(["ordered", "symmetric"])),
        window=draw(st.integers(1, 9)),
        decay=draw(st.sampled_from([0.0, 0.7, 1.0])),
        neighbours=draw(st.integers(1, 30)),
    )
    return sequences, histories, size, chosen


Case = tuple[list[list[int]], list[np.ndarray], int, ItemKnnSettings]


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(1, 5), st.integers(1, 220))
def test_ranks_are_those_of_the_exact_scores_whatever_the_blocks(case: Case, event_block: int, item_block: int) -> None:
    sequences, histories, size, chosen = case
    scorer = CoOccurrence(*ragged(sequences), size, chosen).scorer(histories)
    assert isinstance(scorer, Scorer)
    targets, seen = np.array([size // 2] * len(histories)), history_starts(histories)
    got = rank(scorer, targets, seen, event_block=event_block, item_block=item_block, threads=2)
    same_bits(rank(scorer, targets, seen), got)
    for event in range(len(histories)):
        own = scorer.exact(np.full(size, event), np.arange(size, dtype=np.int32))
        assert (own <= scorer.largest(slice(event, event + 1))).all()
        assert got.better[event] == (own > own[size // 2]).sum()
        assert got.tied[event] == (own == own[size // 2]).sum() - 1


@settings(max_examples=25, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_renaming_items_changes_no_rank(case: Case, seed: int) -> None:
    sequences, histories, size, chosen = case
    other = np.random.default_rng(seed).permutation(size).astype(np.int32)
    targets = np.array([size // 2] * len(histories))
    ranks = [
        rank(CoOccurrence(*ragged(users), size, chosen).scorer(asked), aims, history_starts(asked))
        for users, asked, aims in (
            (sequences, histories, targets),
            ([other[sequence].tolist() for sequence in sequences], [other[h] for h in histories], other[targets]),
        )
    ]
    for name in ("better", "tied", "better_masked", "tied_masked", "score"):
        assert getattr(ranks[0], name).tolist() == getattr(ranks[1], name).tolist()


def same_bits(one: Ranked, other: Ranked) -> None:
    for field in fields(Ranked):
        a, b = getattr(one, field.name), getattr(other, field.name)
        np.testing.assert_array_equal(a.view(np.int32), b.view(np.int32), err_msg=field.name)


def test_a_shop_is_evaluated_and_asked(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)  # the train part is A B and A D
    assert evaluate(workspace, "item-knn", "shop", EvaluationOptions(device="cpu")).n == 4
    _, best = recommend(workspace, "item-knn", "shop", history=["Pen"], k=2, device="cpu")
    assert [(one.item.key, one.score) for one in best] == [("k0", pytest.approx(0.5 / 2**0.25)), ("k1", 0)]
    with pytest.raises(BadInput, match="item-knn reads no text, and shop has no item «Sofa»"):
        recommend(workspace, "item-knn", "shop", history=["Sofa"], device="cpu")


def test_one_train_item_per_user_is_refused_in_words(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    users = [(f"u{n}", (n, n + 1), ((0, TRAIN), (1, TEST))) for n in range(3)]
    add(workspace, "thin", ["a", "b", "c", "d"], [""] * 4, users)
    with pytest.raises(BadInput, match="thin has no user with two train items, so nothing occurs together"):
        evaluate(workspace, "item-knn", "thin", EvaluationOptions(device="cpu"))
