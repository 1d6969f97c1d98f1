"""Errors with their intervals, and two predictors on the same events."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from engine.measuring.highlighting import LEVEL
from engine.measuring.intervals import paired, slice_means
from engine.rating.errors import compare_errors_with_best
from store import ratings
from store.enums import Split
from store.errors import BadInput
from store.rated_events import rated_events
from store.workspace import Workspace
from tests.engine.rating.rated_shop import BY_HAND, NAME, drawn, predicted, rated, write


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write(tmp_path / "w", drawn(), items=25)


def test_intervals_hold_the_error_and_are_the_roots_of_those_of_the_mean_square(workspace: Workspace) -> None:
    run = rated(workspace, "item-mean")
    with workspace.read() as db:
        found = {(e.slice, e.value, e.metric): e for e in ratings.rating_errors(db, run.id)}
        events, truth = rated_events(db, 1, Split.TEST)
    for one in found.values():
        assert 0 <= one.low <= one.mean <= one.high <= 4 or one.users == 1
        assert 0 <= one.user_low <= one.user_mean <= one.user_high <= 4 or one.users == 1
    off = predicted(workspace, run).astype(np.float64) - truth
    whole = {"all": np.ones(len(off), bool)}
    (square,) = slice_means((off**2)[:, None], events.user, whole)["all"]
    rmse = found["all", "all", "rmse"]
    assert (rmse.low, rmse.mean, rmse.high) == pytest.approx([sqrt(x) for x in (square.low, square.mean, square.high)])
    assert (rmse.n, rmse.users) == (len(off), 40)
    assert {key[0] for key in found} == {"all", "user", "target", "history-length", "user+target"}


def test_a_slice_of_one_user_says_nothing_about_others(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", BY_HAND, items=4)
    run = rated(workspace, "mean")
    with workspace.read() as db:
        (cold,) = (
            e for e in ratings.rating_errors(db, run.id) if (e.slice, e.value, e.metric) == ("user", "cold", "mae")
        )
    assert (cold.users, cold.low, cold.high) == (1, 0, 4)


def test_every_predictor_is_tested_once_against_the_smallest_error(workspace: Workspace) -> None:
    bias, mean, item = (rated(workspace, name) for name in ("bias", "mean", "item-mean"))
    with workspace.read() as db:
        events, known = rated_events(db, 1, Split.TEST)
        p = compare_errors_with_best(db, [mean, bias, item])
        by_user = compare_errors_with_best(db, [mean, bias, item], by_user=True)
        twice = compare_errors_with_best(db, [bias, bias])
    off = {run.id: predicted(workspace, run).astype(np.float64) - known for run in (bias, mean, item)}
    for metric, error in (("rmse", lambda x: x**2), ("mae", np.abs)):
        errors = {run: error(own)[:, None] for run, own in off.items()}
        best = min(errors, key=lambda run: errors[run].mean())
        assert {run for run, name in p if name == metric} == errors.keys() - {best}
        for run in errors.keys() - {best}:
            (expected,) = paired(errors[run] / 16, errors[best] / 16, events.user)
            assert p[run, metric] == pytest.approx(expected.p, abs=1e-6)
    assert p.keys() == by_user.keys()
    assert p[mean.id, "rmse"] < LEVEL
    assert twice == {}


def test_predictors_of_other_events_cannot_be_compared(workspace: Workspace) -> None:
    write(workspace.folder, BY_HAND, items=4, name="other")
    here, there = rated(workspace, "mean"), rated(workspace, "mean", name="other")
    with workspace.read() as db, pytest.raises(BadInput, match="did not predict the same events"):
        compare_errors_with_best(db, [here, there])


def test_runs_go_with_their_dataset(workspace: Workspace) -> None:
    rated(workspace, "mean")
    with workspace.write() as db:
        assert [run.dataset for run in ratings.rating_runs(db)] == [NAME]
        db.execute("DELETE FROM dataset")
        assert ratings.rating_runs(db) == []
        assert db.execute("SELECT count(*) FROM rating_block").fetchone()[0] == 0
