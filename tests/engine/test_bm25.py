"""BM25 over titles: the formula by hand, blocks that are exact, and ranks equal to sorting everything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.baselines.bm25 import Bm25Index, Bm25Scorer
from engine.evaluation import history_starts
from engine.ranking.rank import rank
from engine.ranking.scorers import Scorer

TITLES = ("Red lamp", "Red red chair", "Oak desk", "", "LAMP, oak!")
K1, B = 1.5, 0.75


def bm25(titles: Sequence[str], histories: Sequence[np.ndarray]) -> Bm25Scorer:
    return Bm25Index(titles).scorer(histories)


def history(*items: int) -> np.ndarray:
    return np.array(items, np.int32)


def scores(scorer: Bm25Scorer, event: int = 0) -> np.ndarray:
    return scorer.exact(np.full(scorer.items, event), np.arange(scorer.items, dtype=np.int32))


def by_formula(titles: Sequence[Sequence[str]], query: Sequence[str]) -> list[float]:
    """Σ over the query's words of ln(1 + (N − df + ½) / (df + ½)) · tf / (tf + k1 · (1 − b + b · length / mean))."""
    mean = sum(map(len, titles)) / len(titles)
    found = []
    for title in titles:
        total = 0.0
        for word in query:
            df, tf = sum(word in other for other in titles), title.count(word)
            idf = math.log(1 + (len(titles) - df + 0.5) / (df + 0.5))
            total += idf * tf / (tf + K1 * (1 - B + B * len(title) / mean))
        found.append(total)
    return found


def test_scores_are_those_of_the_formula() -> None:
    words = [["red", "lamp"], ["red", "red", "chair"], ["oak", "desk"], [], ["lamp", "oak"]]
    got = scores(bm25(TITLES, [history(0, 4)]))
    np.testing.assert_allclose(got, by_formula(words, ["red", "lamp", "lamp", "oak"]), rtol=1e-6)
    assert got[3] == 0


def test_the_order_of_a_history_says_nothing_and_a_repeat_counts_twice() -> None:
    scorer = bm25(TITLES, [history(0, 2), history(2, 0), history(0, 0)])
    np.testing.assert_array_equal(scores(scorer, 0), scores(scorer, 1))
    np.testing.assert_allclose(scores(scorer, 2), 2 * scores(bm25(TITLES, [history(0)])), rtol=1e-6)


def test_further_texts_ask_with_the_words_that_titles_know() -> None:
    scorer = Bm25Index(TITLES).scorer([history(5), history(6), history(7)], ["oak table", "zebra", "oak"])
    assert scorer.items == len(TITLES)
    np.testing.assert_array_equal(scores(scorer, 0), scores(scorer, 2))  # no title has "table"
    assert not scores(scorer, 1).any()
    assert np.argmax(scores(scorer, 2)) in (2, 4)


def test_single_characters_and_other_scripts_are_words() -> None:
    titles = ["Toy Story", "Toy Story 2", "玩具 总动员", "Ñandú azul"]
    assert np.argmax(scores(bm25([*titles, "2"], [history(4)]))[:4]) == 1
    assert np.argmax(scores(bm25([*titles, "总动员"], [history(4)]))[:4]) == 2
    assert np.argmax(scores(bm25([*titles, "ñandú"], [history(4)]))[:4]) == 3


def test_when_no_title_has_a_word() -> None:
    scorer = bm25(["", "…", " "], [history(0, 1), history(2)])
    got = rank(scorer, np.array([0, 2]), history_starts([history(0), history(2)]))
    assert got.better.tolist() == [0, 0]
    assert got.tied.tolist() == [2, 2]


def test_when_there_are_no_events() -> None:
    assert len(rank(bm25(TITLES, []), np.empty(0, np.int32), history_starts([]))) == 0


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[str], list[np.ndarray]]:
    """Titles of few words, so that many share some; empty ones, long ones and copies among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    words = np.array(draw(st.lists(st.text("abcé漢 ", min_size=1, max_size=3), min_size=1, max_size=12)))
    items = draw(st.integers(1, 300))
    titles = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(items)]
    events = draw(st.integers(1, 9))
    return titles, [rng.integers(0, items, rng.integers(1, 60)).astype(np.int32) for _ in range(events)]


@settings(max_examples=60, deadline=None)
@given(questions(), st.integers(0, 2**32))
def test_any_block_has_the_bits_of_the_exact_scores(question: tuple[list[str], list[np.ndarray]], seed: int) -> None:
    titles, histories = question
    scorer = bm25(titles, histories)
    assert isinstance(scorer, Scorer)
    rng = np.random.default_rng(seed)
    for _ in range(4):
        e, i = np.sort(rng.integers(0, scorer.events + 1, 2)), np.sort(rng.integers(0, scorer.items + 1, 2))
        buffer = np.full((e[1] - e[0], i[1] - i[0] + 3), np.nan, np.float32)  # rows of a wider array, as in a sweep
        block = scorer.block(slice(*e), slice(*i), buffer[:, : i[1] - i[0]])
        rows, ids = (part.ravel() for part in np.meshgrid(np.arange(*e), np.arange(*i), indexing="ij"))
        order = rng.permutation(len(rows))
        exact = scorer.exact(rows[order], ids[order].astype(np.int32))
        np.testing.assert_array_equal(block.ravel()[order].view(np.int32), exact.view(np.int32))
        assert scorer.margin(slice(*e)).tolist() == [0.0] * int(e[1] - e[0])


@settings(max_examples=30, deadline=None)
@given(questions(), st.integers(1, 5), st.integers(1, 320))
def test_ranks_are_those_of_sorting_everything(
    question: tuple[list[str], list[np.ndarray]], event_block: int, item_block: int
) -> None:
    titles, histories = question
    scorer = bm25(titles, histories)
    targets = np.array([len(titles) // 2] * len(histories))
    got = rank(scorer, targets, history_starts(histories), event_block=event_block, item_block=item_block, threads=2)
    for event, past in enumerate(histories):
        own = scores(scorer, event)
        unseen = np.ones(len(titles), bool)
        unseen[np.setdiff1d(past, targets[:1])] = False
        target = own[targets[event]]
        assert got.better[event] == (own > target).sum()
        assert got.tied[event] == (own == target).sum() - 1
        assert got.better_masked[event] == (unseen & (own > target)).sum()
        best = np.lexsort((np.arange(len(own)), -own))[:50]
        assert got.top_items[event, : len(best)].tolist() == best.tolist()
