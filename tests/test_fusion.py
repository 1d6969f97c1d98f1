"""`fusion`: several models added by what each is worth on valid events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from engine.baselines.fusion import search, standardised
from engine.evaluation import history_starts
from engine.inference.messages import Reasons, WhyRequest
from engine.inference.session import ModelSession
from engine.progress import silent
from engine.ranking.moments import Moments
from engine.ranking.rank import rank
from engine.ranking.scorers import VectorScorer
from engine.ranking.shared_scores import SharedScorer
from engine.ranking.sparse_scorer import SparseScorer
from engine.ranking.sum_scorer import SumScorer
from engine.scoring import scoring
from engine.text_format import TextFormat
from store import datasets
from store.evaluations import evaluations
from store.models import find_model
from store.workspace import Workspace
from tests.program import Program, refusal
from tests.small_shop import TEST, TRAIN, VALID, add

ITEMS = 30


def shop(
    workspace: Workspace, name: str, users: int, *, seed: int = 0, positions: Sequence[int] = range(ITEMS)
) -> None:
    """Half of the time somebody goes on to the next item, else to one of few that everybody likes.

    positions: of the items in the catalogue.
    """
    draw = np.random.default_rng(seed)
    histories = []
    for user in range(users):
        items = [int(draw.integers(ITEMS))]
        for _ in range(6):
            items.append((items[-1] + 1) % ITEMS if draw.random() < 0.5 else int(draw.geometric(0.3)) % ITEMS)
        chosen = tuple(positions[item] for item in items)
        histories.append((f"user{user}", chosen, ((4, TRAIN), (5, VALID), (6, TEST))))
    titles = [f"lamp {item}" for item in sorted(range(ITEMS), key=lambda item: positions[item])]
    add(workspace, name, titles, ["Lamps"] * ITEMS, histories)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    workspace = Workspace(tmp_path_factory.mktemp("fusion") / "w")
    shop(workspace, "large", 300)
    shop(workspace, "small", 60)
    made = Program(workspace.folder)
    assert made("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    for name in ("item-knn", "pop"):
        assert made("baseline", name, "--datasets", "large,small").code == 0
    done = made("baseline", "fusion", "--parts", "item-knn,pop", "--datasets", "large,small")
    assert done.code == 0, done.err
    assert "large: item-knn " in done.err
    assert "small has 60 valid events, too few to choose weights on (100 are needed)" in done.err
    return made


def ndcg(program: Program, dataset: str, split: str, *models: str) -> dict[str, float]:
    """Seen items masked, by model."""
    rows = program("evaluate", *models, "--datasets", dataset, "--split", split, "--json").document
    return {row["model"]: row["mean"] for row in rows if row["metric"] == "ndcg@10" and row["seen"] == "mask"}


def test_it_is_better_than_each_part(program: Program) -> None:
    for split in ("valid", "test"):
        found = ndcg(program, "large", split, "fusion", "item-knn", "pop")
        assert found["fusion"] > max(found["item-knn"], found["pop"]), split


def test_the_order_of_the_catalogue_changes_no_number(program: Program) -> None:
    places = np.random.default_rng(8).permutation(ITEMS).tolist()
    shop(Workspace(program.workspace), "moved", 300, positions=places)
    parts = ("item-knn", "pop", "bm25", "recency-tiny")
    assert program("baseline", "recency", "--features", "tiny", "--datasets", "large,moved").code == 0
    words = ("--parts", ",".join(parts), "--datasets", "large,moved", "--name", "four")
    done = program("baseline", "fusion", *words)
    assert done.code == 0, done.err
    rows = program("results", "--model", "four", "--by", "all", "--metric", "ndcg@10,hr@10,mrr", "--json").document
    means = {(row["dataset"], row["metric"], row["seen"]): row["mean"] for row in rows}
    assert len(means) == 12
    assert all(means["large", *rest] == means["moved", *rest] for of, *rest in means if of == "large")


def test_every_recommended_item_shows_what_each_part_adds(program: Program) -> None:
    words = ("recommend", "fusion", "--dataset", "large", "--user", "user0", "-k", "5")
    best = program(*words, "--json").document
    for row in best:
        assert set(row["shares"]) == {"item-knn", "pop"}
        assert sum(row["shares"].values()) == pytest.approx(row["score"], rel=1e-6)
    table = program(*words).out
    assert table.splitlines()[2].split() == ["rank", "title", "score", "item-knn", "pop", "item"]


def test_a_model_that_adds_nothing_has_no_shares(program: Program) -> None:
    assert "shares" not in program("recommend", "pop", "--dataset", "large", "--user", "user0", "--json").document[0]


def test_weights_can_be_said(program: Program) -> None:
    words = ("baseline", "fusion", "--parts", "item-knn,pop", "--datasets", "large")
    assert program(*words, "--set", "weights=1,0", "--name", "one").code == 0
    found = ndcg(program, "large", "test", "one", "item-knn")
    assert found["one"] == pytest.approx(found["item-knn"], abs=1e-9)  # the same order, over its deviation
    models = {row["name"]: row for row in program("models", "--json").document}
    assert list(models["one"]["recipe"]["parts"]) == ["item-knn", "pop"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "--parts (nothing): fusion is made of two or more other models"),
        ("--parts pop", "--parts pop: fusion is made of two or more"),
        ("--parts pop,pop", "each named once"),
        ("--parts pop,fusion", "other models"),
        ("--parts pop,poop", 'No model "poop"'),
        ("--parts pop,item-knn --set weights=0,0 --name new", "all are 0, so nothing counts"),
        ("--parts pop,item-knn --set weights=1,2,3 --name new", "3 for 2 parts (pop,item-knn)"),
        ("--parts pop,item-knn --set weights=1,x --name new", "numbers from 0 to 1,000, with commas between"),
        ("--parts pop,item-knn --set weights=1,nan --name new", "weights = 1,nan is not allowed"),
        ("--parts pop,star --name new", "star has not been trained here yet"),
        ("--parts pop,item-knn", 'There is already a model "fusion", made in another way'),
    ],
)
def test_what_cannot_be_added_is_refused(program: Program, words: str, message: str) -> None:
    assert message in refusal(program("baseline", "fusion", "--datasets", "large", *words.split()))


def test_parts_of_another_model_are_refused(program: Program) -> None:
    done = program("baseline", "pop", "--datasets", "large", "--parts", "item-knn,bm25")
    assert "pop is not made of other models" in refusal(done)


def test_a_part_that_was_not_trained_on_the_dataset_is_named(program: Program) -> None:
    assert program("baseline", "recency", "--features", "tiny", "--datasets", "large").code == 0
    done = program("baseline", "fusion", "--parts", "recency-tiny,pop", "--datasets", "small", "--name", "mixed")
    assert "Run `st5 baseline recency --datasets small --name recency-tiny --features tiny`" in refusal(done)


def test_a_part_that_saw_the_test_events_is_refused(program: Program) -> None:
    """The same people and items, split so that another's test events are its train events."""
    workspace = Workspace(program.workspace)
    draw = np.random.default_rng(0)
    histories = [(f"user{n}", tuple(draw.permutation(ITEMS)[:5].tolist()), ((3, TRAIN), (4, TEST))) for n in range(40)]
    later = [(key, items, ((3, TRAIN), (4, TRAIN))) for key, items, _ in histories]
    for name, chosen in (("asked", histories), ("told", later)):
        add(workspace, name, [f"lamp {n}" for n in range(ITEMS)], ["Lamps"] * ITEMS, chosen)
    words = "train nopre --datasets told --backbone tiny --name knows --set sequence-item.pairs=8 --set best-by=last"
    trained = program(*words.split())
    assert trained.code == 0, trained.err
    done = program("baseline", "fusion", "--parts", "knows,pop", "--datasets", "asked", "--name", "cheat")
    assert "knows was trained on test events of asked" in refusal(done)


def test_scores_are_added_in_deviations_by_hand() -> None:
    one = VectorScorer(np.ones((1, 1), np.float32), np.array([[0], [2], [4]], np.float32))  # mean 2, deviation √(8/3)
    other = SharedScorer(1, np.array([math.e**30 - 1, 0, math.e**30 - 1]))  # as logarithms: mean 20, deviation √200
    nothing = SharedScorer(1, np.array([7, 7, 7]))
    whole = standardised([one, other, nothing], np.array([1.0, 0.5, 9.0]), Moments(), ("one", "other", "nothing"))
    shares = whole.shares(np.zeros(3, np.int64), np.arange(3, dtype=np.int32))
    assert shares[:, 0].tolist() == pytest.approx([-2 / (8 / 3) ** 0.5, 0, 2 / (8 / 3) ** 0.5], abs=1e-4)
    assert shares[:, 1].tolist() == pytest.approx([5 / 200**0.5, -10 / 200**0.5, 5 / 200**0.5], rel=1e-6)
    assert shares[:, 2].tolist() == [0, 0, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 90))
def test_ranks_are_exact_whatever_the_blocks(seed: int, event_block: int, item_block: int) -> None:
    draw = np.random.default_rng(seed)
    events, items = int(draw.integers(1, 8)), int(draw.integers(2, 80))
    text = VectorScorer(*(draw.standard_normal((rows, 12)).astype(np.float32) for rows in (events, items)))
    terms, weights = sparse.random(events, 9, 0.5, "csr"), sparse.random(9, items, 0.3, "csr", dtype=np.float32)
    knn, popular = SparseScorer(terms, weights), SharedScorer(events, draw.integers(0, 4, items).astype(np.float32))
    star = SumScorer((text, knn), np.array([1.0, 0.3]))
    whole = standardised([star, knn, popular], draw.random(3), Moments(), ("star", "knn", "pop"))
    histories = [draw.integers(0, items, 3).astype(np.int32) for _ in range(events)]
    targets = draw.integers(0, items, events)
    got = rank(whole, targets, history_starts(histories), event_block=event_block, item_block=item_block, threads=2)
    for event in range(events):
        own = whole.exact(np.full(items, event), np.arange(items, dtype=np.int32))
        block = whole.block(slice(event, event + 1), slice(0, items), np.empty((1, items), np.float32))[0]
        assert (np.abs(block.astype(np.float64) - own) <= whole.margin(slice(event, event + 1))).all()
        assert (np.abs(own) <= whole.largest(slice(event, event + 1))).all()
        assert got.better[event] == (own > own[targets[event]]).sum()
        assert got.tied[event] == (own == own[targets[event]]).sum() - 1


def test_the_search_moves_one_weight_at_a_time_to_the_best() -> None:
    weights, best = search(lambda w: -abs(w[0] - 4) - abs(w[1] - 0.5), np.ones(2))
    assert (weights.tolist(), best) == ([4.0, 0.5], 0.0)
    assert search(lambda w: 0.0, np.ones(3))[0].tolist() == [1, 1, 1]  # nothing is better: as it was
    assert search(lambda w: -w.sum(), np.ones(2))[0].any()  # never all 0


@pytest.fixture(scope="module")
def hybrid(program: Program) -> str:
    """What `st5 baseline hybrid` said; nothing of what it is made of was trained on this dataset before."""
    shop(Workspace(program.workspace), "mixed", 120, seed=1)
    done = program("baseline", "hybrid", "--features", "tiny", "--datasets", "mixed", "--seed", "3")
    assert done.code == 0, done.err
    return done.err


def test_a_hybrid_trains_what_it_is_made_of(program: Program, hybrid: str) -> None:
    models = {row["name"]: row for row in program("models", "--json").document}
    parts = list(models["hybrid-tiny"]["recipe"]["parts"])
    assert "sasrec-seed3" in parts  # what chance decides carries the seed
    assert "recency-tiny" in parts  # and what reads vectors their model
    assert {*parts} <= {*models}
    assert f"mixed: {parts[0]} " in hybrid


def test_a_sequence_model_scores_every_history_against_the_same_vectors(program: Program, hybrid: str) -> None:
    """What a sum works out of a catalogue is remembered by its array: another array each time would pile up."""
    workspace = Workspace(program.workspace)
    with workspace.read() as db:
        model, dataset = find_model(db, "sasrec-seed3"), datasets.dataset(db, "mixed")
        assert model is not None
        opened = scoring(workspace, db, model, dataset, TextFormat(), device="cpu", keep=False)
        first, second = (opened.score([np.array([item])]).scorer for item in (1, 2))
    assert isinstance(first, VectorScorer)
    assert isinstance(second, VectorScorer)
    assert first.vectors is second.vectors


def test_a_hybrid_takes_no_other_parts(program: Program) -> None:
    done = program("baseline", "hybrid", "--datasets", "large", "--parts", "pop,bm25")
    assert "hybrid is made of recency" in refusal(done)
    done = program("baseline", "hybrid", "--datasets", "large", "--set", "weights=1,2", "--name", "said")
    assert "2 for " in refusal(done)


def test_why_says_what_each_part_adds(program: Program) -> None:
    workspace = Workspace(program.workspace)
    with workspace.read() as db:
        evaluation = evaluations(db, model="fusion", dataset="large")[0]
    session = ModelSession(workspace)
    answer = session.answer(WhyRequest(1, evaluation.key, (3, 4), 5, 2, listed=(6, 7)), silent)
    assert isinstance(answer, Reasons)
    assert answer.parts == ("item-knn", "pop")
    assert sum(answer.shares) == pytest.approx(answer.score, rel=1e-6)
    # What is said of the listed items is what is said of each of them alone.
    alone = [session.answer(WhyRequest(1, evaluation.key, (3, 4), item, 2), silent) for item in (6, 7)]
    assert [one.shares for one in alone if isinstance(one, Reasons)] == list(answer.listed)
