"""Every model against the best on the same events, and what is worked out for events that no stored slice holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.evaluation import evaluate
from engine.measuring.ad_hoc_slices import ad_hoc_metrics
from engine.measuring.against_best import compare_with_best
from engine.measuring.highlighting import FEW_EVENTS, LEVEL, cell_ranks, not_significant
from engine.measuring.intervals import paired
from engine.measuring.metrics import MEASURES, measure
from engine.measuring.slices import condition
from engine.protocol import EvaluationOptions
from store import datasets, evaluations
from store.enums import Seen, Slice, Split
from store.errors import BadInput
from store.evaluations import EvaluationWriter, evaluation_key, metric_rows
from store.models import put_model
from store.rows import Dataset, Evaluation, Metric, Ranks
from store.workspace import Workspace
from tests.small_shop import many

USERS = 60
ITEMS = 40


def write(workspace: Workspace, dataset: Dataset, name: str, better: np.ndarray, metrics: list[Metric]) -> Evaluation:
    """An evaluation with these counts above the target, seen items kept or not, and these stored metrics."""
    count = len(better)
    none, items, scores = np.zeros(count, np.int32), np.zeros((count, 1), np.int32), np.zeros((count, 1), np.float32)
    counts = better.astype(np.int32), none, better.astype(np.int32) // 2, none
    with workspace.write() as db:
        events = datasets.events(db, dataset.id, Split.TEST).event
        model = put_model(db, name=name, kind="baseline", variant=name, weights_hash=name, code_version="test")
        rules = {"candidates": "full catalogue", "ties": "expected"}
        with EvaluationWriter(
            db, key=evaluation_key(model, dataset, Split.TEST, rules), model=model, dataset=dataset,
            split=Split.TEST, protocol=rules, candidates=ITEMS,
        ) as writer:  # fmt: skip
            writer.add(Ranks(events, none + 1, *counts, scores[:, 0], items, scores, items, scores))
            return writer.finish(metrics, seconds=0.0, device="")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[Evaluation]]:
    """Three models of known ranks: `good` above `fair` for one user, `poor` far below; nothing but ranks is stored."""
    workspace = many(tmp_path_factory.mktemp("contrasts"), users=USERS, items=ITEMS)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
    draw = np.random.default_rng(0)
    good = draw.integers(0, 20, USERS)
    fair = good + (np.arange(USERS) == 7)
    ranks = {"fair": fair, "good": good, "poor": np.minimum(good + 19, ITEMS - 1)}
    return workspace, [write(workspace, dataset, name, better, []) for name, better in ranks.items()]


def _dataset(workspace: Workspace) -> Dataset:
    with workspace.read() as db:
        return datasets.dataset(db, "shop")


def _better(workspace: Workspace, of: Evaluation) -> np.ndarray:
    with workspace.read() as db:
        return evaluations.rank_column(db, of, "better")


def test_every_model_is_tested_once_against_the_best(stored: tuple[Workspace, list[Evaluation]]) -> None:
    workspace, (fair, good, poor) = stored
    with workspace.read() as db:
        found = compare_with_best(db, [fair, good, poor], Slice.ALL, [measure("mrr")], [Seen.KEEP])
        values = {e.id: 1 / (evaluations.rank_column(db, e, "better") + 1.0) for e in (fair, good, poor)}
    assert [(one.evaluation_id, one.best_id) for one in found] == [(fair.id, good.id), (poor.id, good.id)]
    for one in found:
        a, b = values[one.evaluation_id][:, None], values[one.best_id][:, None]
        (expected,) = paired(a, b, np.arange(USERS))
        assert vars(one.difference) == pytest.approx(vars(expected), abs=1e-12)
    p = {one.evaluation_id: one.p for one in found}
    assert p[poor.id] < 2 * 2 / 1001 < LEVEL <= p[fair.id]
    assert not_significant(p) == {fair.id}


def test_the_mean_that_is_asked_for_is_tested_in_every_value_with_enough_events(
    stored: tuple[Workspace, list[Evaluation]],
) -> None:
    workspace, found = stored
    with workspace.read() as db:
        whole = compare_with_best(db, found, Slice.TARGET, [measure("ndcg@10")], [Seen.MASK], by_user=True)
        lengths = compare_with_best(db, found, Slice.HISTORY_LENGTH, [measure("ndcg@10")], [Seen.MASK])
    assert {one.difference.n >= FEW_EVENTS for one in whole} == {True}
    assert all(one.p == one.difference.user_p for one in whole)
    assert lengths == []  # 60 events of nine lengths: none has thirty


def test_nothing_is_tested_for_one_model_equal_models_or_events_that_depend_on_the_model(
    stored: tuple[Workspace, list[Evaluation]],
) -> None:
    workspace, (fair, good, _) = stored
    twin = write(workspace, _dataset(workspace), "twin", _better(workspace, good), [])
    with workspace.read() as db:
        for of, by in (([fair], Slice.ALL), ([good, twin], Slice.ALL), ([fair, good], Slice.VISIBLE_LENGTH)):
            assert compare_with_best(db, of, by, [measure("mrr")], [Seen.KEEP]) == []
        where = [condition("visible-length=1")]
        assert compare_with_best(db, [fair, good], Slice.ALL, [measure("mrr")], [Seen.KEEP], where=where) == []


def test_evaluations_over_other_events_are_refused(stored: tuple[Workspace, list[Evaluation]]) -> None:
    workspace, (fair, *_) = stored
    other = Evaluation(**vars(fair) | {"dataset": "elsewhere"})
    with workspace.read() as db, pytest.raises(BadInput, match="not over the same events"):
        compare_with_best(db, [fair, other], Slice.ALL, [measure("mrr")], [Seen.KEEP])


def test_holm_counts_each_pair_once() -> None:
    # 0.03 is alone in its family. Counted twice, as best against second and second against best, it would be 0.06.
    assert not_significant({"second": 0.03}) == frozenset()
    assert not_significant({"second": 0.03, "again": 0.03}) == {"second", "again"}


def test_best_and_second_are_marked_among_enough_events_only() -> None:
    assert cell_ranks([0.1, 0.3, None, 0.2], FEW_EVENTS) == [0, 1, 0, 2]
    assert cell_ranks([0.3, 0.3, 0.1], FEW_EVENTS) == [1, 1, 2]
    assert cell_ranks([0.3, 0.1, 0.2], FEW_EVENTS, lower_is_better=True) == [0, 1, 2]
    assert cell_ranks([0.3, 0.3], FEW_EVENTS) == [0, 0]
    assert cell_ranks([0.1, 0.3, None, 0.2], FEW_EVENTS - 1) == [0, 0, 0, 0]


def test_computed_slices_are_those_that_an_evaluation_stores(tmp_path: Path) -> None:
    workspace = many(tmp_path, users=80, items=30)
    for name in ("pop", "pop-recent"):
        evaluate(workspace, name, "shop", EvaluationOptions())
    with workspace.read() as db:
        both = evaluations.evaluations(db)
        for kind in (Slice.ALL, Slice.HISTORY_LENGTH, Slice.TARGET):
            assert ad_hoc_metrics(db, both, kind, [], MEASURES, list(Seen)) == metric_rows(db, slice_name=kind)
        # History length 3 alone: the stored numbers under another name.
        where = [condition("history-length=3")]
        narrowed = ad_hoc_metrics(db, both, Slice.ALL, where, [measure("mrr")], [Seen.KEEP])
        whole = metric_rows(db, slice_name=Slice.HISTORY_LENGTH, metric="mrr", seen=Seen.KEEP)
    three = [row.metric for row in whole if row.metric.value == "3"]
    assert [vars(row.metric) for row in narrowed] == [
        vars(metric) | {"slice": "all & history-length=3", "value": "all"} for metric in three
    ]
