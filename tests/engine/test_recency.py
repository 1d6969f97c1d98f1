"""Whitened text vectors, histories as their weighted means, and co-occurrence added to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.baselines.item_knn import CoOccurrence
from engine.baselines.recency import whitened_scorer
from engine.baselines.request import BaselineRequest, check_baseline
from engine.baselines.settings import ItemKnnSettings
from engine.baselines.trained import train_baseline
from engine.baselines.whitening import fit_whitening, unit
from engine.evaluation import evaluate, history_starts
from engine.models import make_baseline, make_only
from engine.progress import Observer
from engine.protocol import EvaluationOptions
from engine.ranking.rank import rank
from engine.ranking.sum_scorer import SumScorer
from engine.recommendation import recommend
from store.errors import BadInput, Failed
from store.rows import TrainedBaseline
from store.trained_baselines import trained_baselines
from store.workspace import Workspace
from tests.small_shop import TEST, TRAIN, add, many


def vectors(rows: int, width: int, seed: int) -> np.ndarray:
    """Unit vectors that share most of their direction, and differ most in a few."""
    draw = np.random.default_rng(seed).standard_normal((rows, width)) / np.arange(1, width + 1)
    return unit(draw + 2.0)


def test_whitened_vectors_have_the_identity_as_covariance() -> None:
    given_vectors = vectors(400, 8, 0)
    whitening, shrunk = fit_whitening(given_vectors, 1.0, 0.0)
    moved = (given_vectors - whitening.mean).astype(np.float64) @ whitening.matrix
    covariance = moved.T @ moved / len(moved)
    np.testing.assert_allclose(covariance / covariance[0, 0], np.eye(8), atol=1e-4)
    assert shrunk == 0.0


def test_power_0_only_centres() -> None:
    given_vectors = vectors(50, 6, 1)
    whitening, _ = fit_whitening(given_vectors, 0.0, 0.01)
    np.testing.assert_allclose(whitening(given_vectors), unit(given_vectors - whitening.mean), atol=1e-5)


def test_with_fewer_items_than_dimensions_the_covariance_is_shrunk() -> None:
    whitening, shrunk = fit_whitening(vectors(5, 40, 2), 1.0, 0.0)
    assert 0 < shrunk <= 1
    assert np.isfinite(whitening(vectors(9, 40, 3))).all()


def test_one_vector_alone_whitens_nothing() -> None:
    whitening, shrunk = fit_whitening(np.repeat(vectors(1, 4, 4), 3, axis=0), 1.0, 0.01)
    assert shrunk == 1.0
    assert whitening.matrix.tolist() == np.eye(4).tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_vector_has_the_same_bits_alone_and_among_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_vectors = vectors(int(rng.integers(2, 60)), int(rng.integers(1, 70)), seed)
    whitening, _ = fit_whitening(given_vectors, 1.0, 0.01)
    whole, order = whitening(given_vectors), rng.permutation(len(given_vectors))
    assert whitening(given_vectors[order]).tobytes() == whole[order].tobytes()
    assert all(whitening(given_vectors[n : n + 1]).tobytes() == whole[n : n + 1].tobytes() for n in range(len(whole)))


def test_the_newest_item_weighs_most_by_hand() -> None:
    items = np.eye(3, dtype=np.float32)
    scorer, read = whitened_scorer([np.array([0, 1]), np.array([2])], items, items, 0.5, None)
    first = scorer.exact(np.zeros(3, np.int64), np.arange(3, dtype=np.int32))
    assert first.tolist() == pytest.approx([0.5 / 1.25**0.5, 1 / 1.25**0.5, 0])  # (½, 1, 0) has the length √1¼
    assert read.tolist() == [2, 1]
    newest, _ = whitened_scorer([np.array([0, 1])], items, items, 0.0, None)
    assert newest.exact(np.zeros(3, np.int64), np.arange(3, dtype=np.int32)).tolist() == [0, 1, 0]


def parts(seed: int) -> tuple[SumScorer, list[np.ndarray], int]:
    """A sum over random texts and sequences, its histories and the size of the catalogue."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 150))
    sequences = [rng.integers(0, size, rng.integers(1, 9)).astype(np.int32) for _ in range(30)]
    histories = [rng.integers(0, size, rng.integers(1, 20)).astype(np.int32) for _ in range(int(rng.integers(1, 9)))]
    items = vectors(size, 12, seed)
    together = CoOccurrence(*history_starts(sequences), size, ItemKnnSettings()).scorer(histories)
    text, _ = whitened_scorer(histories, items, items, 0.5, None)
    return SumScorer((text, together), np.array([1.0, rng.choice([0.01, 0.7, 30])])), histories, size


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 160))
def test_sums_have_exact_ranks_whatever_the_blocks(seed: int, event_block: int, item_block: int) -> None:
    scorer, histories, size = parts(seed)
    targets = np.array([size // 2] * len(histories))
    got = rank(
        scorer, targets, history_starts(histories), event_block=event_block, item_block=item_block, threads=2
    )  # fmt: skip
    ids = np.arange(size, dtype=np.int32)
    for event in range(len(histories)):
        own = scorer.exact(np.full(size, event), ids)
        block = scorer.block(slice(event, event + 1), slice(0, size), np.empty((1, size), np.float32))[0]
        assert (np.abs(block.astype(np.float64) - own) <= scorer.margin(slice(event, event + 1))).all()
        assert got.better[event] == (own > own[size // 2]).sum()
        assert got.tied[event] == (own == own[size // 2]).sum() - 1
        best = np.lexsort((ids, -own))[:50]
        assert got.top_items[event, : len(best)].tolist() == best.tolist()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Workspace:
    workspace = many(tmp_path_factory.mktemp("recency"), users=40, items=30)
    make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
    return workspace


def trained_baseline(
    workspace: Workspace, kind: str, *sets: str, called: str = "", on: str = "shop"
) -> TrainedBaseline:
    request = BaselineRequest(kind, "tiny", called, settings=sets)
    check_baseline(workspace, request)
    return train_baseline(workspace, make_baseline(workspace, request), on, Observer(), device="cpu")


@pytest.mark.parametrize("kind", ["recency", "star"])
def test_it_is_fitted_evaluated_and_asked_in_words(workspace: Workspace, kind: str) -> None:
    trained = trained_baseline(workspace, kind)
    name = f"{kind}-tiny"
    assert trained.summary["items"] <= 30
    evaluation = evaluate(workspace, name, "shop", EvaluationOptions(device="cpu"))
    assert evaluation.n == 40
    assert evaluation.protocol["weights"] == trained.weights_hash
    assert evaluate(workspace, name, "shop", EvaluationOptions(device="cpu")).key == evaluation.key
    _, best = recommend(workspace, name, "shop", history=["red lamp"], k=3, device="cpu")
    assert len(best) == 3


def test_star_weighs_co_occurrence_by_what_is_best_on_valid_events(workspace: Workspace) -> None:
    trained = trained_baseline(workspace, "star")
    assert trained.settings["weight"] > 0
    assert trained.summary["validation"] == (
        "the newest train item of 40 users: there are no valid events, seen items masked"
    )
    fixed = trained_baseline(workspace, "star", "weight=3", called="fixed")
    assert fixed.settings["weight"] == 3
    assert "validation" not in fixed.summary
    assert fixed.weights_hash != trained.weights_hash or trained.settings["weight"] == 3


def test_weights_that_are_not_those_that_were_stored_are_noticed(workspace: Workspace) -> None:
    trained = trained_baseline(workspace, "recency", called="spoilt")
    file = workspace.folder / trained.folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\1\2\3\4")
    with pytest.raises(Failed, match="st5 baseline recency --datasets shop --name spoilt"):
        evaluate(workspace, "spoilt", "shop", EvaluationOptions(device="cpu"))
    file.write_bytes(b"no weights")
    with pytest.raises(Failed, match="cannot be read"):
        evaluate(workspace, "spoilt", "shop", EvaluationOptions(device="cpu"))


def test_few_train_items_are_said(workspace: Workspace) -> None:
    with workspace.read() as db:
        known = {row.dataset for row in trained_baselines(db)}
    if "few" not in known:
        add(workspace, "few", ["a", "b", "c", "d"], [""] * 4, [("u", (0, 1, 2, 3), ((2, TRAIN), (3, TEST)))])
    told: list[str] = []
    request = BaselineRequest("recency", "tiny", "few-items")
    observer = Observer(tell=lambda kind, message: told.append(message))
    train_baseline(workspace, make_baseline(workspace, request), "few", observer, device="cpu")
    assert "few has 3 train items, fewer than the" in told[0]


def test_settings_out_of_range_are_refused(workspace: Workspace) -> None:
    for sets, words in (
        (("decay=2",), r"decay = 2.0 is not allowed\. Allowed: a number from 0 to 1"),
        (("dcay=1",), "Did you mean decay"),
    ):
        with pytest.raises(BadInput, match=words):
            check_baseline(workspace, BaselineRequest("recency", settings=sets))
    with pytest.raises(BadInput, match=r"order = sideways is not allowed\. Allowed: ordered or symmetric"):
        check_baseline(workspace, BaselineRequest("item-knn", settings=("order=sideways",)))
    with pytest.raises(BadInput, match="recency is trained without chance, so --seed 3 says nothing"):
        check_baseline(workspace, BaselineRequest("recency", seed=3))
