"""Alternating least squares: the objective never rises, and what is learned is what the ratings were made of."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rating.factors import Shape, alternate
from engine.rating.ratings import Ratings
from store.errors import Cancelled
from store.rows import Events
from tests.engine.rating.rated_shop import BY_HAND, drawn, error, predicted, rated, write
from tests.training_shop import Watcher


def ratings_of(user: np.ndarray, item: np.ndarray, value: np.ndarray) -> Ratings:
    nothing = np.zeros(len(user), np.int32)
    events = Events(nothing, user.astype(np.int32), nothing, nothing, item.astype(np.int32), nothing, {})
    return Ratings(events, value)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([(0, 0.1), (0, 3.0), (1, None), (5, None), (2, 0.1), (4, 3.0)]),
    st.sampled_from([0.05, 1.0, 20.0]),
)
def test_no_half_step_raises_the_objective(seed: int, kind: tuple[int, float | None], penalty: float) -> None:
    rng = np.random.default_rng(seed)
    users, items = int(rng.integers(1, 12)), int(rng.integers(1, 12))
    rated_pairs = rng.random((users, items)) < 0.6
    rated_pairs[0, 0] = True
    user, item = np.nonzero(rated_pairs)
    train = ratings_of(user, item, rng.normal(3, 1.5, len(user)))
    shape = Shape(kind[0], penalty, kind[1])
    values = [step.objective(train, shape) for step in islice(alternate(train, users, items, shape, seed), 12)]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(values))


def test_a_half_step_solves_the_normal_equations_of_each_user() -> None:
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(6), 5), np.tile(np.arange(5), 6)
    train = ratings_of(user, item, rng.normal(3, 1, 30))
    shape = Shape(3, 0.7, 2.0)
    steps = alternate(train, 6, 5, shape, seed=0)
    before = list(islice(steps, 2))[1]
    after = next(steps)
    design = np.column_stack((np.ones(5), before.item[:, 1:]))
    for one in range(6):
        target = train.value[user == one] - train.value.mean() - before.item[:, 0]
        solved = np.linalg.solve(design.T @ design + np.diag([2.0, 0.7, 0.7, 0.7]), design.T @ target)
        np.testing.assert_allclose(after.user[one], solved, rtol=1e-9)


def test_factors_find_what_a_product_made_and_biases_cannot(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    taste, kind = draw.choice([-1, 1], 60), draw.choice([-1, 1], 30)
    histories = []
    for user, history in enumerate(drawn(users=60, items=30, seed=2)):
        histories.append([(item, float(3 + 1.5 * taste[user] * kind[item]), split) for item, _, split in history])
    workspace = write(tmp_path / "w", histories, items=30)
    assert error(workspace, rated(workspace, "bias"), "rmse") > 1.2
    assert error(workspace, rated(workspace, "pmf"), "rmse") < 0.6
    assert error(workspace, rated(workspace, "biased-mf"), "rmse") < 0.6


def test_biases_find_what_a_sum_made(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", drawn(), items=25)
    errors = {name: error(workspace, rated(workspace, name), "rmse") for name in ("mean", "user-mean", "bias")}
    assert errors["bias"] < errors["user-mean"] < errors["mean"]


def test_who_is_unknown_gets_what_is_known_of_the_rest(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", BY_HAND, items=4)
    # u0 with D, which has no rating; u2, who rated nothing, with A.
    pmf = predicted(workspace, rated(workspace, "pmf"))
    assert (pmf[0], pmf[2]) == (3, 3)
    bias = predicted(workspace, rated(workspace, "bias", "bias-penalty=1"))
    assert bias[2] > 3  # A was liked


@pytest.mark.parametrize("predictor", ["bias", "pmf", "biased-mf"])
def test_the_seed_decides(tmp_path: Path, predictor: str) -> None:
    workspaces = [write(tmp_path / name, drawn(), items=25) for name in ("a", "b")]
    a, b = (predicted(workspace, rated(workspace, predictor, seed=3)) for workspace in workspaces)
    np.testing.assert_array_equal(a, b)
    other = predicted(workspaces[0], rated(workspaces[0], predictor, seed=4))
    assert np.array_equal(a, other) == (predictor == "bias")


def test_cancelling_stores_nothing(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", drawn(), items=25)
    with pytest.raises(Cancelled, match="iteration 2"):
        rated(workspace, "pmf", "penalty=1", observer=Watcher("pmf, penalty 1", 2).observer)
    with workspace.read() as db:
        assert db.execute("SELECT count(*) FROM rating_run").fetchone()[0] == 0
