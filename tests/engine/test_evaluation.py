"""Evaluating through the engine's door: blocks decide memory and nothing else, and work is done once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from engine.evaluation import JointProgress, evaluate
from engine.export import vectors_of
from engine.models import make_only
from engine.protocol import EvaluationOptions
from engine.ranking.rank import rank
from engine.recommendation import recommend
from engine.scoring import popularity
from engine.text.sentences import HistoryFormat
from engine.text_format import TextFormat
from store import datasets, evaluations
from store.enums import Seen, Split
from store.rows import Evaluation, Ranks
from store.workspace import Workspace
from tests.small_shop import TEST, TRAIN, add, five_items, many

FP32 = EvaluationOptions(precision="fp32", device="cpu")
USERS, ITEMS = 70, 40


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Workspace:
    workspace = many(tmp_path_factory.mktemp("evaluation"), users=USERS, items=ITEMS)
    for name in ("tiny", *(f"twin-{n}" for n in (1, 13, 69, 70))):
        make_only(workspace, name=name, backbone=str(tiny_t5), device="cpu", precision="fp32")
    return workspace


def ranks_of(workspace: Workspace, evaluation: Evaluation) -> Ranks:
    with workspace.read() as db:
        return evaluations.ranks(db, evaluation)


@pytest.fixture(scope="module")
def reference(workspace: Workspace) -> Ranks:
    return ranks_of(workspace, evaluate(workspace, "tiny", "shop", FP32))


@pytest.mark.parametrize("at_once", [1, 13, 69, 70])
def test_ranks_do_not_depend_on_how_many_histories_are_scored_at_once(
    workspace: Workspace, reference: Ranks, at_once: int
) -> None:
    # The twins have the same weights, so they rank by the same stored vectors.
    found = ranks_of(workspace, evaluate(workspace, f"twin-{at_once}", "shop", FP32, histories_at_once=at_once))
    for field in fields(Ranks):
        assert np.array_equal(getattr(found, field.name), getattr(reference, field.name)), field.name


def test_top_items_are_the_best_by_score_then_by_item(workspace: Workspace, reference: Ranks) -> None:
    _, items = vectors_of(workspace, "tiny", "shop", "items", TextFormat(), precision="fp32")
    _, queries = vectors_of(workspace, "tiny", "shop", "events", TextFormat(), precision="fp32")
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        events = datasets.events(db, dataset.id, Split.TEST)
    scores = (queries.astype(np.float64) @ items.astype(np.float64).T).astype(np.float32)
    for row in range(USERS):
        order = np.lexsort((np.arange(ITEMS), -scores[row]))
        assert np.array_equal(reference.top_items[row][:ITEMS], order)
        assert (reference.top_items[row][ITEMS:] == -1).all()
        seen = set(events.history(row).tolist())
        unseen = [item for item in order.tolist() if item not in seen]
        assert reference.top_items_masked[row][: len(unseen)].tolist() == unseen
        assert reference.score[row] == scores[row, events.item[row]]
        place = order.tolist().index(events.item[row])
        assert reference.better[row] <= place <= reference.better[row] + reference.tied[row]


def test_a_recommendation_is_the_head_of_the_ranking(workspace: Workspace) -> None:
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        titles = [item.title for item in datasets.items(db, dataset.id)]
        history = datasets.events(db, dataset.id, Split.TEST).history(0).tolist()
    evaluation = evaluate(workspace, "tiny", "shop", FP32)
    ranks = ranks_of(workspace, evaluation)
    for seen, column in ((Seen.KEEP, ranks.top_items), (Seen.MASK, ranks.top_items_masked)):
        _, best = recommend(
            workspace, "tiny", "shop", history=[titles[item] for item in history], k=5, seen=seen, precision="fp32"
        )
        assert [place.item.item for place in best] == column[0][:5].tolist()


def test_asked_again_nothing_is_encoded(workspace: Workspace, reference: Ranks) -> None:
    stages: list[str] = []
    evaluate(workspace, "tiny", "shop", FP32, lambda stage, *_: stages.append(stage))
    assert stages == []
    other = EvaluationOptions(precision="fp32", device="cpu", sample=9)
    evaluate(workspace, "tiny", "shop", other, lambda stage, *_: stages.append(stage))
    assert set(stages) == {"ranking", "measuring"}  # the sample's sentences are known, only its ranks are not


def test_the_progress_of_several_evaluations_is_one_scale_that_only_grows(tmp_path: Path, tiny_t5: Path) -> None:
    """20 items and 30 events are 20 + 2 × 30 units for each of the two models."""
    workspace = many(tmp_path, users=30, items=20)
    make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
    seen: list[tuple[str, int, int]] = []
    pairs = [("pop", "shop"), ("tiny", "shop")]
    progress = JointProgress(lambda *report: seen.append(report), pairs, [(20, 30), (20, 30)])
    for model, dataset in pairs:
        progress.next()
        evaluate(workspace, model, dataset, FP32, progress, histories_at_once=10)
    places = [done for _, done, _ in seen]
    assert places == sorted(places)
    assert {total for *_, total in seen} == {160}
    assert seen[0] == ("pop on shop (1 of 2): opening the model", 0, 160)
    assert ("pop on shop (1 of 2): ranking", 80, 160) in seen
    assert ("tiny on shop (2 of 2): encoding items", 100, 160) in seen
    assert ("tiny on shop (2 of 2): ranking", 160, 160) in seen


def test_a_sample_is_a_part_of_the_whole(workspace: Workspace, reference: Ranks) -> None:
    options = EvaluationOptions(precision="fp32", device="cpu", sample=9, seed=3)
    part = ranks_of(workspace, evaluate(workspace, "tiny", "shop", options))
    rows = np.searchsorted(reference.event, part.event)
    assert len(set(rows.tolist())) == 9
    for name in ("better", "tied", "better_masked", "tied_masked", "score", "visible"):
        assert np.array_equal(getattr(part, name), getattr(reference, name)[rows])


def test_visible_says_how_many_items_the_model_could_read(workspace: Workspace, reference: Ranks) -> None:
    with workspace.read() as db:
        lengths = datasets.events(db, datasets.dataset(db, "shop").id, Split.TEST).length
    assert (reference.visible >= 1).all()
    assert (reference.visible <= lengths).all()
    assert (reference.visible < lengths).any()  # 64 tokens do not hold eleven titles
    wordy = EvaluationOptions(
        precision="fp32", device="cpu", sample=20, text_format=TextFormat(HistoryFormat.UNSTRUCTURED)
    )
    assert (ranks_of(workspace, evaluate(workspace, "tiny", "shop", wordy)).visible >= 1).all()


def test_an_interruption_between_two_blocks_keeps_vectors_and_shows_nothing(tmp_path: Path, tiny_t5: Path) -> None:
    workspace = many(tmp_path, users=30, items=20)
    make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "ranking" and done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(workspace, "tiny", "shop", FP32, stop, histories_at_once=10)
    with workspace.read() as db:
        assert evaluations.evaluations(db) == []
        kept = db.execute("SELECT sum(rows) FROM embedding_block").fetchone()[0]
        assert 20 < kept <= 20 + 20  # the items and two blocks of histories, of which some read alike
    done = evaluate(workspace, "tiny", "shop", FP32, histories_at_once=10)
    assert done.n == 30
    with workspace.read() as db:
        assert db.execute("SELECT sum(rows) FROM embedding_block").fetchone()[0] <= 20 + 30


def test_popularity_counts_the_train_part_once_per_user_and_item(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        assert popularity(db, dataset, recent=False).tolist() == [2, 1, 0, 1, 0]
        assert popularity(db, dataset, recent=True).tolist() == [0, 0, 0, 1, 0]


def test_when_nothing_is_in_the_train_part_all_candidates_tie(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    add(workspace, "shop", ["a", "b", "c", "d"], ["x"] * 4, [("u", (0, 1), ((1, TEST),))])
    for model in ("pop", "pop-recent"):
        ranks = ranks_of(workspace, evaluate(workspace, model, "shop", EvaluationOptions()))
        assert (ranks.better[0], ranks.tied[0], ranks.better_masked[0], ranks.tied_masked[0]) == (0, 3, 0, 2)


def test_two_evaluations_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    add(workspace, "other", ["a", "b"], ["x"] * 2, [("u", (0, 1), ((1, TRAIN),)), ("v", (1, 0), ((1, TEST),))])
    found = [evaluate(workspace, "pop", name, EvaluationOptions()) for name in ("shop", "other")]
    assert [(e.dataset, e.n, e.candidates) for e in found] == [("shop", 4, 5), ("other", 1, 2)]


def test_models_are_ranked_by_one_evaluator() -> None:
    """A scorer has no way to say what is a candidate, what is seen or how ties count."""

    class Fixed:
        events, items = 1, 3

        def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
            out[:] = np.array([[0.5, 0.5, 0.1]], np.float32)[events, items]
            return out

        def margin(self, events: slice) -> np.ndarray:
            return np.zeros(1)

        def largest(self, events: slice) -> np.ndarray:
            return np.full(1, 0.5)

        def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
            return np.array([0.5, 0.5, 0.1], np.float32)[item_ids]

    found = rank(Fixed(), np.array([1]), (np.array([0, 1]), np.array([0])))
    assert (found.better[0], found.tied[0], found.better_masked[0], found.tied_masked[0]) == (0, 1, 0, 0)
