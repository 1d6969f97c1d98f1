"""Two models on the same events."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.evaluation import evaluate
from engine.measuring.comparison import compare
from engine.protocol import EvaluationOptions
from store.errors import BadInput
from store.words import Seen
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
        (row,) = compare(db, ("pop", "pop-recent"), ["shop"], "all", ["mrr"], [Seen.KEEP])
    pop = ((1 / 4 + 1 / 5) / 2 * 2 + (1 / 2 + 1 / 3) / 2 + 1) / 4
    assert row.difference.mean == pytest.approx(pop - (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 4)
    assert (row.models, row.dataset, row.difference.n) == (("pop", "pop-recent"), "shop", 4)


def test_the_correction_covers_all_rows_and_never_helps(workspace: Workspace) -> None:
    with workspace.read() as db:
        alone = compare(db, ("pop", "pop-recent"), ["more"], "all", ["ndcg@10"], [Seen.MASK])
        rows = compare(db, ("pop", "pop-recent"), ["shop", "more"], "target", ["ndcg@10", "mrr"], list(Seen))
    assert alone[0].p_holm == alone[0].difference.p
    assert {(row.dataset, row.value) for row in rows} >= {("shop", "warm"), ("shop", "cold"), ("more", "warm")}
    assert all(row.difference.p <= row.p_holm <= 1 for row in rows)
    ordered = sorted(rows, key=lambda row: row.difference.p)
    assert [row.p_holm for row in ordered] == sorted(row.p_holm for row in rows)


def test_only_the_same_events_are_compared(workspace: Workspace) -> None:
    evaluate(workspace, "pop", "more", EvaluationOptions(sample=5, seed=1))  # newer, and of other events
    with workspace.read() as db:
        (row,) = compare(db, ("pop", "pop-recent"), ["more"], "all", ["mrr"], [Seen.MASK])
        assert row.difference.n == 40


def test_when_no_events_are_shared_it_says_what_to_run(tmp_path: Path) -> None:
    workspace = many(tmp_path, users=20, items=10)
    evaluate(workspace, "pop", "shop", EvaluationOptions(sample=5))
    evaluate(workspace, "pop-recent", "shop", EvaluationOptions(sample=5, seed=1))
    with workspace.read() as db, pytest.raises(BadInput, match="not evaluated on the same events of shop"):
        compare(db, ("pop", "pop-recent"), ["shop"], "all", ["mrr"], [Seen.MASK])
