"""Exact ranks: the same bits for any blocks, threads and path, equal to sorting everything."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ranking.rank import rank, rank_blocks
from engine.ranking.ranked import Ranked
from engine.ranking.scan import compiled
from engine.ranking.scorers import Scorer, TensorScorer, VectorScorer
from engine.ranking.shared_scores import SharedScorer
from store.errors import BadInput

NOTHING_SEEN = np.empty(0, np.int32)


def unseen(events: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(events + 1, np.int64), NOTHING_SEEN


def ragged(histories: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0, *map(len, histories)]).astype(np.int64)
    return starts, np.array([item for history in histories for item in history], np.int32)


def unit(rows: int, width: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, width), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_sorting(scorer: Scorer, targets: np.ndarray, histories: list[list[int]], top: int) -> Ranked:
    """What `rank` must find, by sorting all canonical scores of each event."""
    found = Ranked.empty(scorer.events, top)
    ids = np.arange(scorer.items, dtype=np.int32)
    for e, target in enumerate(targets):
        scores = scorer.exact(np.full(len(ids), e), ids)
        seen = set(histories[e]) - {target}
        for masked, suffix in ((False, ""), (True, "_masked")):
            use = np.array([not (masked and i in seen) for i in ids])
            best = [i for i in np.lexsort((ids, -scores)) if use[i]][:top]
            getattr(found, f"top_items{suffix}")[e, : len(best)] = best
            getattr(found, f"top_scores{suffix}")[e, : len(best)] = scores[best]
            better = (scores > scores[target]) & use
            tied = (scores == scores[target]) & use
            getattr(found, f"better{suffix}")[e] = better.sum() if target >= 0 else scorer.items
            getattr(found, f"tied{suffix}")[e] = tied.sum() - 1 if target >= 0 else 0
        if target >= 0:
            found.score[e] = scores[target]
    return found


def assert_same_bits(got: Ranked, expected: Ranked) -> None:
    for field in fields(Ranked):
        a, b = getattr(got, field.name), getattr(expected, field.name)
        assert (a.dtype, a.shape) == (b.dtype, b.shape), field.name
        np.testing.assert_array_equal(a.view(np.int32), b.view(np.int32), err_msg=field.name)


class Noisy:
    """A scorer whose blocks are wrong by anything up to its margin."""

    def __init__(self, inner: VectorScorer, margin: float) -> None:
        self.inner, self.events, self.items, self.size = inner, inner.events, inner.items, margin

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng([events.start, items.start])
        ids = np.arange(items.start, items.stop)
        for row, e in enumerate(range(events.start, events.stop)):
            true = self.inner.exact(np.full(len(ids), e), ids)
            out[row] = true + 0.99 * self.size * rng.uniform(-1, 1, len(ids))
        return out

    def margin(self, events: slice) -> np.ndarray:
        return np.full(events.stop - events.start, self.size)

    def largest(self, events: slice) -> np.ndarray:
        return self.inner.largest(events)

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        return self.inner.exact(event_rows, item_ids)


class NoisyTensors(Noisy):
    """The same for the path of tensors."""

    def tensor_block(self, events: slice, items: slice, device: torch.device) -> torch.Tensor:
        out = np.empty((events.stop - events.start, items.stop - items.start), np.float32)
        return torch.from_numpy(self.block(events, items, out)).to(device)

    def tensor_exact(self, event_rows: torch.Tensor, item_ids: torch.Tensor) -> torch.Tensor:
        return self.inner.tensor_exact(event_rows, item_ids)


def test_one_event_by_hand() -> None:
    items = np.array([[1, 0], [0.5, 0], [0.75, 0], [0.5, 9], [0.25, 0]], np.float32)
    got = rank(VectorScorer(np.array([[1, 0]], np.float32), items), np.array([1]), ragged([[0, 4, 0]]), top=3)
    assert (got.better[0], got.tied[0]) == (2, 1)  # 1 and 0.75 above 0.5; item 3 beside it
    assert (got.better_masked[0], got.tied_masked[0]) == (1, 1)  # item 0 was seen
    assert got.score[0] == 0.5
    assert got.top_items[0].tolist() == [0, 2, 1]  # the tie goes to the smaller id
    assert got.top_items_masked[0].tolist() == [2, 1, 3]
    assert got.top_scores_masked[0].tolist() == [0.75, 0.5, 0.5]


def test_popularity_is_one_dimension_and_exact() -> None:
    counts = np.array([3, 0, 7, 3, 3, 0], np.float32)[:, None]
    scorer = VectorScorer(np.ones((2, 1), np.float32), counts)
    assert scorer.margin(slice(0, 2)).tolist() == [0, 0]
    got = rank(scorer, np.array([3, 1]), ragged([[2], []]), top=4)
    assert got.better.tolist() == [1, 4]
    assert got.tied.tolist() == [2, 1]
    assert got.better_masked.tolist() == [0, 4]
    assert got.top_items.tolist() == [[2, 0, 3, 4]] * 2
    assert got.top_items_masked.tolist() == [[0, 3, 4, 1], [2, 0, 3, 4]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_scores_shared_by_all_are_counted_to_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items, events = int(rng.integers(1, 90)), int(rng.integers(1, 12))
    scores = rng.integers(0, int(rng.integers(1, 9)), items).astype(np.float32)
    histories = [rng.integers(0, items, rng.integers(0, 40)).tolist() for _ in range(events)]
    targets = rng.integers(-1, items, events)
    scorer = SharedScorer(events, scores)
    got = rank(scorer, targets, ragged(histories), top=7)
    assert_same_bits(got, by_sorting(scorer, targets, histories, 7))
    swept = VectorScorer(np.ones((events, 1), np.float32), scores[:, None])
    assert_same_bits(got, rank(swept, targets, ragged(histories), top=7))


def test_the_target_stays_a_candidate_when_it_was_seen() -> None:
    scorer = VectorScorer(np.ones((1, 1), np.float32), np.array([[1], [2], [3]], np.float32))
    got = rank(scorer, np.array([2]), ragged([[2, 1]]), top=3)
    assert got.better_masked[0] == 0
    assert got.top_items_masked[0].tolist() == [2, 0, -1]
    assert got.top_scores_masked[0].tolist() == [3, 1, -np.inf]


def test_a_target_outside_the_candidates_is_a_miss_with_a_top() -> None:
    scorer = VectorScorer(unit(2, 4, 0), unit(7, 4, 1))
    got = rank(scorer, np.array([-1, 3]), ragged([[0, -1], [-1]]), top=7)
    assert (got.better[0], got.better_masked[0], got.tied[0], got.tied_masked[0]) == (7, 7, 0, 0)
    assert got.score[0] == -np.inf
    assert sorted(got.top_items[0]) == list(range(7))
    assert got.top_items_masked[0, -1] == -1
    assert got.better[1] < 7


def test_it_agrees_with_a_float64_argsort_where_nothing_is_close() -> None:
    queries, items = unit(40, 32, 0), unit(500, 32, 1)
    targets = np.random.default_rng(2).integers(0, 500, 40)
    got = rank(VectorScorer(queries, items), targets, unseen(40), top=10)
    scores = queries.astype(np.float64) @ items.T.astype(np.float64)
    order = np.argsort(-scores, axis=1)
    gaps = np.diff(-np.sort(-scores, axis=1)[:, :11], axis=1)
    clear = (np.abs(gaps) > 1e-6).all(axis=1)
    np.testing.assert_array_equal(got.top_items[clear], order[clear, :10])
    above = (scores > scores[np.arange(40), targets][:, None] + 1e-6).sum(axis=1)
    below = (scores < scores[np.arange(40), targets][:, None] - 1e-6).sum(axis=1)
    assert (above <= got.better).all()
    assert (got.better + got.tied <= 499 - below).all()


@pytest.mark.parametrize("width", [1, 2, 3, 64, 100, 384])
def test_canonical_scores_have_the_same_bits_in_both_implementations(width: int) -> None:
    rng = np.random.default_rng(width)
    queries, items = (rng.standard_normal((n, width), dtype=np.float32) for n in (50, 60))
    items[:5] = 0
    scorer = VectorScorer(queries, -items)
    rows, ids = rng.integers(0, 50, 2000), rng.integers(0, 60, 2000)
    compiled_bits = scorer.exact(rows, ids).view(np.int32)
    tensor_bits = scorer.tensor_exact(torch.from_numpy(rows), torch.from_numpy(ids)).numpy().view(np.int32)
    np.testing.assert_array_equal(compiled_bits, tensor_bits)
    true = (queries[rows].astype(np.float64) * -items[ids].astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(compiled_bits.view(np.float32), true, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("width", [2, 17, 384])
def test_blocks_stay_within_their_margin(width: int) -> None:
    scorer = VectorScorer(unit(64, width, 3) * 5, unit(300, width, 4) * 2)
    block = scorer.block(slice(0, 64), slice(0, 300), np.empty((64, 300), np.float32))
    rows, ids = np.indices((64, 300)).reshape(2, -1)
    error = np.abs(block.ravel().astype(np.float64) - scorer.exact(rows, ids))
    assert (error <= scorer.margin(slice(0, 64))[rows]).all()
    assert scorer.margin(slice(0, 64)).max() < 5 * 2 * (width + 4) * 2**-24


@st.composite
def questions(draw: st.DrawFn) -> tuple[VectorScorer, np.ndarray, list[list[int]]]:
    """Small catalogues full of duplicates, near-ties of one ulp, exact ties and zeros."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    events, items = draw(st.integers(1, 9)), draw(st.integers(1, 400))
    width = draw(st.sampled_from([1, 2, 3, 8, 17]))
    distinct = draw(st.integers(1, items))
    coarse = draw(st.booleans())
    vectors = rng.standard_normal((distinct, width)).astype(np.float32)
    if coarse:
        vectors = np.round(vectors)
    vectors = vectors[rng.integers(0, distinct, items)]
    if draw(st.booleans()):
        nudged = rng.random(vectors.shape) < 0.3
        vectors[nudged] = np.nextafter(vectors[nudged], np.float32(np.inf))
    queries = rng.standard_normal((events, width)).astype(np.float32)
    if draw(st.booleans()):
        queries[:] = vectors[rng.integers(0, items, events)]
    targets = rng.integers(-1, items, events)
    histories = [rng.integers(-1, items, rng.integers(0, 12)).tolist() for _ in range(events)]
    return VectorScorer(queries, vectors), targets, histories


@settings(max_examples=120, deadline=None)
@given(
    questions(),
    st.sampled_from([1, 3, 50]),
    st.integers(1, 10),
    st.integers(1, 420),
    st.integers(1, 3),
    st.booleans(),
)
def test_any_blocks_threads_and_path_give_what_sorting_gives(
    question: tuple[VectorScorer, np.ndarray, list[list[int]]],
    top: int,
    event_block: int,
    item_block: int,
    threads: int,
    tensors: bool,
) -> None:
    scorer, targets, histories = question
    got = rank(
        scorer,
        targets,
        ragged(histories),
        top=top,
        event_block=event_block,
        item_block=item_block,
        threads=threads,
        tensors=tensors,
    )
    assert_same_bits(got, by_sorting(scorer, targets, histories, top))


@settings(max_examples=80, deadline=None)
@given(questions(), st.sampled_from([1e-6, 1e-2, 10.0]), st.integers(1, 300), st.booleans())
def test_errors_of_a_block_within_the_margin_change_nothing(
    question: tuple[VectorScorer, np.ndarray, list[list[int]]], margin: float, item_block: int, tensors: bool
) -> None:
    scorer, targets, histories = question
    noisy = (NoisyTensors if tensors else Noisy)(scorer, margin + 1e-5)
    assert isinstance(noisy, TensorScorer if tensors else Scorer)
    got = rank(noisy, targets, ragged(histories), top=3, item_block=item_block, threads=2, tensors=tensors)
    assert_same_bits(got, by_sorting(scorer, targets, histories, 3))


def test_paths_agree_on_a_larger_catalogue() -> None:
    items = unit(6000, 48, 0)
    items[3000:] = items[:3000]
    items[5000:] = np.nextafter(items[5000:], np.float32(1))
    queries = unit(130, 48, 1)
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 6000, 130)
    seen = ragged([rng.integers(0, 6000, 20).tolist() for _ in range(130)])
    scorer = VectorScorer(queries, items)
    default = rank(scorer, targets, seen)
    assert default.tied.max() >= 1
    assert_same_bits(rank(scorer, targets, seen, threads=3, event_block=7, item_block=1000), default)
    assert_same_bits(rank(scorer, targets, seen, tensors=True, event_block=64, item_block=2500), default)


@pytest.mark.parametrize("tensors", [False, True])
def test_when_every_item_has_the_same_vector(tensors: bool) -> None:
    items = np.repeat(unit(1, 8, 0), 5000, axis=0)
    got = rank(VectorScorer(unit(3, 8, 1), items), np.array([0, 77, 4999]), ragged([[1, 2], [], [0]]), tensors=tensors)
    assert got.better.tolist() == [0, 0, 0]
    assert got.tied.tolist() == [4999] * 3
    assert got.tied_masked.tolist() == [4997, 4999, 4998]
    assert got.top_items[2].tolist() == list(range(50))
    assert got.top_items_masked[0].tolist() == [0, *range(3, 52)]


def test_when_there_are_no_events() -> None:
    got = rank(VectorScorer(np.empty((0, 4), np.float32), unit(5, 4, 0)), np.empty(0, np.int32), unseen(0))
    assert len(got) == 0
    assert got.top_items.shape == (0, 50)


def test_read_only_arrays_are_ranked_as_they_are(recwarn: pytest.WarningsRecorder) -> None:
    queries, items = unit(4, 8, 0), unit(30, 8, 1)
    frozen = VectorScorer(
        np.frombuffer(queries.tobytes(), np.float32).reshape(4, 8),
        np.frombuffer(items.tobytes(), np.float32).reshape(30, 8),
    )
    targets = np.arange(4)
    assert_same_bits(rank(frozen, targets, unseen(4)), rank(VectorScorer(queries, items), targets, unseen(4)))
    assert not recwarn.list


def test_blocks_come_in_order_with_progress_and_leave_torch_as_it_was() -> None:
    before = (torch.get_num_threads(), torch.get_float32_matmul_precision())
    torch.set_float32_matmul_precision("medium")
    try:
        told: list[tuple[int, int]] = []
        scorer = VectorScorer(unit(10, 8, 0), unit(99, 8, 1))
        stream = rank_blocks(
            scorer,
            np.arange(10),
            unseen(10),
            event_block=4,
            threads=2,
            progress=lambda done, total: told.append((done, total)),
        )
        assert [(rows.start, rows.stop) for rows, _ in stream] == [(0, 4), (4, 8), (8, 10)]
        assert told == [(4, 10), (8, 10), (10, 10)]
        left_early = rank_blocks(scorer, np.arange(10), unseen(10), event_block=1)
        next(left_early)
        left_early.close()
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before[1])
    assert torch.get_num_threads() == before[0]


def test_a_scorer_that_breaks_its_promise_of_exact_blocks_is_found_out() -> None:
    class Liar(Noisy):
        def margin(self, events: slice) -> np.ndarray:
            return np.zeros(events.stop - events.start)

    scorer = Liar(VectorScorer(unit(3, 8, 0), unit(40, 8, 1)), 1.0)
    with pytest.raises(ValueError, match="Liar gave margin 0"):
        rank(scorer, np.arange(3), unseen(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused_with_their_row(bad: float) -> None:
    items = unit(9, 4, 0)
    items[6, 2] = bad
    with pytest.raises(BadInput, match="vector of item 6"):
        VectorScorer(unit(2, 4, 1), items)
    with pytest.raises(BadInput, match="vector of query 6"):
        VectorScorer(items, unit(2, 4, 1))


def test_bad_questions_are_refused_with_what_is_allowed() -> None:
    scorer = VectorScorer(unit(3, 4, 0), unit(9, 4, 1))
    with pytest.raises(BadInput, match="0 to 8"):
        rank(scorer, np.array([0, 9, 1]), unseen(3))
    with pytest.raises(BadInput, match="one item id per event"):
        rank(scorer, np.array([0, 1]), unseen(3))
    with pytest.raises(BadInput, match="starts must rise"):
        rank(scorer, np.array([0, 1, 2]), unseen(2))
    with pytest.raises(BadInput, match="Seen items reach from 0 to 12"):
        rank(scorer, np.array([0, 1, 2]), ragged([[0], [12], []]))
    with pytest.raises(BadInput, match="top = 0"):
        rank(scorer, np.array([0, 1, 2]), unseen(3), top=0)
    with pytest.raises(BadInput, match="no item to rank"):
        rank(VectorScorer(unit(1, 4, 0), np.empty((0, 4), np.float32)), np.array([-1]), unseen(1))
    with pytest.raises(BadInput, match="same D"):
        VectorScorer(unit(3, 4, 0), unit(9, 5, 1))
    with pytest.raises(BadInput, match="could overflow"):
        VectorScorer(unit(3, 4, 0) * 1e20, unit(9, 4, 1) * 1e20)


def test_when_nothing_can_be_cached_the_loops_still_compile() -> None:
    scope: dict[str, object] = {}
    exec("def nowhere(x):\n    return x + 1", scope)  # a function without a file has no place for a cache
    assert compiled(scope["nowhere"])(1) == 2  # type: ignore[arg-type]


def test_ranks_are_stored_with_events_and_visible_lengths() -> None:
    got = rank(VectorScorer(unit(2, 4, 0), unit(9, 4, 1)), np.array([0, 1]), unseen(2))
    ranks = got.stored(np.array([5, 8]), np.array([2, 3]))
    assert ranks.event.tolist() == [5, 8]
    assert ranks.visible.dtype == np.int32
    assert ranks.better is got.better
    assert len(ranks) == 2
