"""Every model against the best on the same events, and what is worked out for events that no stored slice holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from engine.measuring.contrasts import contrasts

from engine.evaluation import evaluate
from engine.measuring.computed import computed
from engine.measuring.intervals import holm, paired
from engine.measuring.metrics import MEASURES, measure
from engine.measuring.slices import condition
from engine.protocol import EvaluationOptions
from store import datasets, evaluations
from store.errors import BadInput
from store.evaluations import EvaluationWriter, evaluation_key, metric_rows
from store.models import put_model
from store.records import Dataset, Evaluation, Metric, Ranks
from store.words import Seen, Slice, Split
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


def test_each_is_held_against_the_best_and_the_best_against_the_second(
    stored: tuple[Workspace, list[Evaluation]],
) -> None:
    workspace, (fair, good, poor) = stored
    with workspace.read() as db:
        found = contrasts(db, [fair, good, poor], slice=Slice.ALL, metric="mrr", seen=Seen.KEEP)
        values = {e.id: 1 / (evaluations.rank_column(db, e, "better") + 1.0) for e in (fair, good, poor)}
    assert [(c.evaluation_id, c.against_id, c.best) for c in found] == [
        (fair.id, good.id, False),
        (good.id, fair.id, True),
        (poor.id, good.id, False),
    ]
    for contrast in found:
        a, b = values[contrast.evaluation_id][:, None], values[contrast.against_id][:, None]
        (expected,) = paired(a, b, np.arange(USERS))
        assert vars(contrast.difference) == pytest.approx(vars(expected), abs=1e-12)
    by_id = {contrast.evaluation_id: contrast for contrast in found}
    # Good against fair is one comparison, seen from both sides: the family is of two.
    assert [by_id[e.id].p_holm for e in (fair, poor)] == holm([by_id[e.id].p for e in (fair, poor)])
    assert by_id[good.id].p_holm == by_id[fair.id].p_holm
    assert by_id[poor.id].p_holm < 2 * 2 / 1001 < 0.05 <= by_id[fair.id].p_holm


def test_contrasts_are_corrected_over_all_values_and_go_by_the_mean_asked_for(
    stored: tuple[Workspace, list[Evaluation]],
) -> None:
    workspace, found = stored
    with workspace.read() as db:
        by_user = contrasts(db, found, slice=Slice.HISTORY_LENGTH, metric="ndcg@10", seen=Seen.MASK, by_user=True)
    assert len({contrast.value for contrast in by_user}) > 3
    assert all(contrast.p == contrast.difference.user_p <= contrast.p_holm for contrast in by_user)
    others = [contrast for contrast in by_user if not contrast.best]
    assert [contrast.p_holm for contrast in others] == holm([contrast.p for contrast in others])


def test_one_evaluation_has_no_other(stored: tuple[Workspace, list[Evaluation]]) -> None:
    workspace, (fair, *_) = stored
    with workspace.read() as db:
        assert contrasts(db, [fair], slice=Slice.ALL, metric="mrr", seen=Seen.KEEP) == []


def test_when_a_metric_or_the_events_are_wrong(stored: tuple[Workspace, list[Evaluation]]) -> None:
    workspace, (fair, good, _) = stored
    other = Evaluation(**vars(good) | {"dataset": "elsewhere"})
    with workspace.read() as db:
        with pytest.raises(BadInput, match="not over the same events"):
            contrasts(db, [fair, other], slice=Slice.ALL, metric="mrr", seen=Seen.KEEP)
        with pytest.raises(BadInput, match='No metric "hr@7"'):
            contrasts(db, [fair, good], slice=Slice.ALL, metric="hr@7", seen=Seen.KEEP)


def test_computed_slices_are_those_that_an_evaluation_stores(tmp_path: Path) -> None:
    workspace = many(tmp_path, users=80, items=30)
    for name in ("pop", "pop-recent"):
        evaluate(workspace, name, "shop", EvaluationOptions())
    with workspace.read() as db:
        both = evaluations.evaluations(db)
        for kind in (Slice.ALL, Slice.HISTORY_LENGTH, Slice.TARGET):
            assert computed(db, both, kind, [], MEASURES, list(Seen)) == metric_rows(db, slice_name=kind)
        # History length 3 alone: the stored numbers under another name.
        where = [condition("history-length=3")]
        narrowed = computed(db, both, Slice.ALL, where, [measure("mrr")], [Seen.KEEP])
        whole = metric_rows(db, slice_name=Slice.HISTORY_LENGTH, metric="mrr", seen=Seen.KEEP)
    three = [row.metric for row in whole if row.metric.value == "3"]
    assert [vars(row.metric) for row in narrowed] == [
        vars(metric) | {"slice": "all & history-length=3", "value": "all"} for metric in three
    ]
