"""late: untrained it is recency; it learns from there, never from what a user already has or from cold items."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from engine.baselines.late import PACE, Late
from engine.baselines.recency import whitened_scorer
from engine.baselines.request import BaselineRequest, check_baseline
from engine.baselines.sequences import Batch, batches, cut
from engine.baselines.settings import LateSettings
from engine.baselines.stored import WEIGHTS
from engine.baselines.whitening import fit_whitening, unit
from engine.evaluation import evaluate
from engine.models import make_only
from engine.recommendation import recommend
from store import evaluations
from store.errors import BadInput, Cancelled
from store.workspace import Workspace
from tests.engine.baselines.cycle import FP32, ITEMS, VALID, WORDS, Stopping, cycle, ranks, trained_baseline
from tests.small_shop import TEST, TRAIN, add
from tests.training_shop import Watcher, copied

MARKS = ((1, TRAIN), (2, TRAIN), (3, TRAIN), (4, VALID), (5, TEST))  # of a history: what is trained on and asked
CALM = {"dropout": 0.0, "feature_dropout": 0.0}  # nothing is left to chance


def drawn(rows: int, width: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((rows, width)) / np.arange(1, width + 1) + 1.0)


def untrained(features: np.ndarray, known: np.ndarray | None = None, **changed: object) -> Late:
    """A network as training begins; without `known` items its features stay as they are."""
    torch.manual_seed(0)
    network = Late(LateSettings(**{"hidden": 8, "inner": 8, "window": 20, **CALM, **changed}), len(features), features)  # type: ignore[arg-type]
    if known is not None:
        network.settle(known)
    return network


def batch_of(*sequences: list[int]) -> Batch:
    """Every item of these sequences but each first as a target."""
    starts = np.concatenate(([0], np.cumsum([len(sequence) for sequence in sequences])))
    windows = cut(starts, np.concatenate(sequences).astype(np.int32), 20)
    (batch,) = batches(windows, 1_000, np.random.default_rng(0))
    return batch


def stepped(network: Late, batch: Batch, steps: int = 5) -> Late:
    optimizer = network.train().optimizer(0.01, fused=False)
    for _ in range(steps):
        optimizer.zero_grad()
        network.loss(batch).backward()
        optimizer.step()
    return network


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_before_training_it_ranks_like_recency(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size, width = int(draw.integers(3, 90)), int(draw.integers(2, 40))
    features, known = drawn(size, width, seed), draw.integers(0, size, size)
    histories = [draw.integers(0, size, draw.integers(1, 30)).astype(np.int32) for _ in range(9)]
    whitened = fit_whitening(features[np.unique(known)], 1.0, 0.01)[0](features)
    recency, _ = whitened_scorer(histories, whitened, whitened, 0.5, None)
    wanted = recency.queries.astype(np.float64) @ whitened.T
    queries, items = untrained(features, known).vectors(histories, size)
    found = queries.astype(np.float64) @ items.T
    np.testing.assert_allclose(found, wanted, atol=5e-6)  # 0.5^20 of an item beyond the window is 1e-6
    order = np.argsort(-wanted, axis=1)
    clear = -np.diff(np.take_along_axis(wanted, order, axis=1), axis=1) > 1e-5
    assert (np.diff(np.take_along_axis(found, order, axis=1), axis=1) < 0)[clear].all()


def test_the_loss_by_hand() -> None:
    # Three items at right angles, all cosines 0 but with oneself. After 0 come 1 and 2, equally likely: ln 2. After
    # 0 and 1 only 2 is left: ln 1.
    network = untrained(np.eye(3, dtype=np.float32), temperature=1.0)
    assert network.train().loss(batch_of([0, 1, 2])).item() == pytest.approx(math.log(2) / 2)
    # What comes again is an answer. After 0 its cosine is 1: e / (e + 1 + 1).
    assert network.loss(batch_of([0, 0])).item() == pytest.approx(math.log((math.e + 2) / math.e))


def test_the_newest_item_weighs_most_by_hand() -> None:
    network = untrained(np.eye(3, dtype=np.float32))
    queries, _ = network.vectors([np.array([0, 1])], 3)
    assert queries[0].tolist() == pytest.approx([0.5 / 1.25**0.5, 1 / 1.25**0.5, 0, 0])  # (½, 1, 0) has the length √1¼


def test_popularity_adds_the_logarithm_of_a_count_by_hand() -> None:
    network = untrained(np.eye(3, dtype=np.float32), temperature=0.5)
    network.popularity.copy_(torch.tensor([1.0, 2.0, 4.0]).log())
    network.popular.data.fill_(2 / PACE)  # beside a cosine over ½; beside a cosine it is 1
    queries, items = network.vectors([np.array([0])], 3)
    assert (queries @ items.T)[0].tolist() == pytest.approx([1, math.log(2), math.log(4)])
    # After 0, in training: 1 has 2 ln 2 and 2 has 2 ln 4, so 4 and 16 of 20.
    assert network.train().loss(batch_of([0, 2])).item() == pytest.approx(math.log(20 / 16))


def test_a_cold_item_counts_as_what_occurs_once() -> None:
    network = untrained(drawn(4, 12), np.array([0, 0, 0, 1, 1, 2]))
    assert network.popularity.tolist() == pytest.approx([math.log(3), math.log(2), 0, 0])


def test_popularity_adds_nothing_where_that_is_set() -> None:
    known = np.array([0, 1, 2, 3, 4, 5, 3])
    network = stepped(untrained(drawn(30, 12), known, popularity="none"), batch_of([0, 1, 2, 3], [4, 5, 3]))
    assert network.popular.item() == 0


def test_the_weight_of_popularity_is_chosen_on_valid_events() -> None:
    # 1 and 2 are equally near to 0 by their text, and 2 occurs twice as often: it scores more, the more counts weigh.
    def chosen(answer: int) -> tuple[str, float]:
        network = untrained(np.eye(3, dtype=np.float32), np.array([0, 0, 0, 0, 0, 0, 1, 2, 2]))
        network.features.vectors.copy_(torch.eye(3))
        network.popular.data.fill_(0.5)

        def reached() -> float:
            queries, items = network.vectors([np.array([0])], 3)
            scores = (queries @ items.T)[0]
            return float(scores[answer] - scores[3 - answer])

        return network.choose(reached), network.popular.item()

    assert chosen(1) == ("popularity counts 0 times what it was learned to", 0.0)
    assert chosen(2) == ("popularity counts 2 times what it was learned to", 1.0)


def test_items_of_no_train_part_are_no_wrong_answers() -> None:
    features, batch = drawn(30, 12), batch_of([0, 1, 2, 3], [4, 5, 6])
    among_seven = untrained(features, np.arange(7)).train().loss(batch)
    alone = untrained(features[:7], np.arange(7)).train().loss(batch)
    assert among_seven.item() == pytest.approx(alone.item(), abs=1e-6)


def test_cold_items_are_ranked_by_their_text() -> None:
    features = drawn(30, 12)
    features[20] = features[3]
    network = stepped(untrained(features, np.arange(7)), batch_of([0, 1, 2, 3], [4, 5, 3], [6, 1, 3]), 40)
    queries, items = network.vectors([np.array([0, 1, 2]), np.array([5, 20]), np.array([5, 3])], 30)
    assert np.array_equal(items[20], items[3])
    np.testing.assert_allclose(queries[1], queries[2], atol=1e-6)
    scores = queries[0] @ items.T
    assert scores[20] > scores[4:7].max()  # ahead of the other train items, as 3 was taught to be


def test_a_sample_stands_for_a_catalogue() -> None:
    # All items are alike, so each is as likely as any other that the history lacks: 1/(50 − 1), 1/(50 − 2), 1/(50 − 3).
    features, batch = np.repeat(drawn(1, 12), 50, axis=0), batch_of([5, 6, 7, 8])
    wanted = np.mean(np.log([49, 48, 47]))
    for candidates in (50, 20, 1):
        loss = untrained(features, candidates=candidates).train().loss(batch)
        assert loss.item() == pytest.approx(wanted, abs=1e-5)


def test_every_weight_learns() -> None:
    batch, known = batch_of([0, 1, 2, 3], [4, 5, 3]), np.array([0, 1, 2, 3, 4, 5, 3])
    before, after = (stepped(untrained(drawn(30, 12), known), batch, steps) for steps in (0, 3))
    for (name, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
        used = slice(3) if name in ("by_age", "body.position") else slice(None)  # of the longest history
        assert not torch.equal(old[used] if old.ndim else old, new[used] if new.ndim else new), name


def test_decay_draws_the_map_towards_the_identity() -> None:
    batch = batch_of([0, 1, 2, 3], [4, 5, 3])
    free, drawn_back = (stepped(untrained(drawn(30, 12), decay=decay), batch, 20) for decay in (0.0, 50.0))
    assert 0 < drawn_back.turn.norm() < free.turn.norm() / 2


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, tiny_roberta: Path) -> Workspace:
    workspace = cycle(tmp_path_factory.mktemp("late"), cold=3)
    make_only(workspace, name="tiny", backbone=str(tiny_roberta), device="cpu", precision="fp32")
    return workspace


def test_a_cycle_is_learned_from_texts(start: Workspace, tmp_path: Path) -> None:
    workspace, watcher = copied(start, tmp_path / "own"), Watcher()
    trained = trained_baseline(
        workspace, "late", "epochs=25", "patience=25", features="tiny", name="late", watcher=watcher
    )
    assert (ranks(workspace, "late").better_masked == 0).all()
    assert trained.summary["validation"] == "16 valid events, seen items masked"
    assert "(16 valid events, seen items masked), the best so far" in watcher.messages("validation")[0]
    assert "cycle has 8 train items, fewer than the" in watcher.messages("whitening")[0]
    evaluation = evaluate(workspace, "late", "cycle", FP32)
    assert (evaluation.n, evaluation.candidates) == (2 * ITEMS, ITEMS + 3)
    assert evaluation.protocol.items() >= {"newest": 3, "weights": trained.weights_hash, "item_text": "title"}.items()
    _, best = recommend(workspace, "late", "cycle", history=["lamp", "a red chair"], k=3, device="cpu")
    assert len(best) == 3


def test_killed_after_any_epoch_it_ends_with_the_same_bits(start: Workspace, tmp_path: Path) -> None:
    sets = ("epochs=5", "patience=5", "candidates=4")
    whole = trained_baseline(copied(start, tmp_path / "whole"), "late", *sets, features="tiny")
    broken = copied(start, tmp_path / "broken")
    for epoch, target in (("epoch 1 ", 1), ("epoch 3 ", 30)):
        with pytest.raises(Cancelled, match="goes on from there"):
            trained_baseline(
                broken, "late", *sets, features="tiny", watcher=Stopping(stop_phase=epoch, stop_step=target)
            )
    assert trained_baseline(broken, "late", *sets, features="tiny").weights_hash == whole.weights_hash
    other = trained_baseline(copied(start, tmp_path / "other"), "late", *sets, features="tiny", seed=1)
    assert other.weights_hash != whole.weights_hash


def test_what_one_dataset_taught_is_taken_to_another(start: Workspace, tmp_path: Path) -> None:
    workspace, watcher = copied(start, tmp_path / "own"), Watcher()
    histories = [(f"v{user}", tuple((user + step) % 8 for step in range(6)), MARKS) for user in range(8)]
    add(workspace, "alike", WORDS, ["Things"] * 8, histories)  # the same cycle, of other users
    sets = ("epochs=25", "patience=25")
    with pytest.raises(BadInput, match=r"no model of these settings has been trained on cycle\. Run `st5 baseline"):
        trained_baseline(workspace, "late", *sets, "taught-on=cycle", features="tiny", name="taken", on="alike")
    taught = trained_baseline(workspace, "late", *sets, features="tiny", name="teacher")
    taken = trained_baseline(
        workspace, "late", *sets, "taught-on=cycle", features="tiny", name="taken", on="alike", watcher=watcher
    )
    assert "with what cycle taught" in watcher.messages("validation")[0]
    assert taken.summary["taught_by"] == taught.weights_hash
    learned, used = (load_file(str(workspace.folder / one.folder / WEIGHTS)) for one in (taught, taken))
    assert np.array_equal(learned["turn"], used["turn"])
    with workspace.read() as db:
        found = evaluations.ranks(db, evaluate(workspace, "taken", "alike", FP32))
    assert (found.better_masked == 0).all()
    with pytest.raises(BadInput, match="that is the dataset itself"):
        trained_baseline(workspace, "late", *sets, "taught-on=cycle", features="tiny", name="itself", on="cycle")


def test_bad_settings_are_refused(start: Workspace) -> None:
    for said, words in (
        ("decay=-1", r"decay = -1.0 is not allowed\. Allowed: a number from 0"),
        ("candidates=0", r"candidates = 0 is not allowed\. Allowed: a whole number"),
        ("hidden=15", r"hidden = 15 cannot be divided among heads = 2"),
        ("experts=8", 'No setting of late "experts"'),
    ):
        with pytest.raises(BadInput, match=words):
            check_baseline(start, BaselineRequest("late", settings=(said,)))
