"""Averages and biases by hand; what is unknown falls back; nothing is rounded, everything is clipped."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from store import datasets
from store.enums import Split
from store.rated_events import rated_events
from store.workspace import Workspace
from tests.engine.rating.rated_shop import BY_HAND, TEST, TRAIN, VALID, error, predicted, rated, splits, write


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return write(tmp_path / "w", BY_HAND, items=4)


def test_material_is_every_rated_interaction_of_train_once_and_rated_events_elsewhere(workspace: Workspace) -> None:
    found = splits(workspace)
    train = found.train
    rows = sorted(zip(train.user.tolist(), train.item.tolist(), train.value.tolist(), strict=True))
    assert rows == [(0, 0, 4.0), (0, 1, 2.0), (1, 0, 5.0), (3, 1, 1.0)]
    assert [train.events.history(row).tolist() for row in range(4)] == [[], [0], [], []]
    assert found.valid.value.tolist() == [3.0, 4.0]  # the first interaction of u2 is no event: nothing came before it
    assert found.test.value.tolist() == [5.0, 1.0, 4.5]
    assert found.unrated == 1
    assert (found.scale.low, found.scale.high) == (1.0, 5.0)


def test_means_by_hand(workspace: Workspace) -> None:
    # Test: u0 with D (never rated), u1 with B (2 and 1), u2 (not in train) with A (4 and 5).
    assert predicted(workspace, rated(workspace, "mean")).tolist() == [3, 3, 3]
    assert predicted(workspace, rated(workspace, "user-mean")).tolist() == [3, 5, 3]
    assert predicted(workspace, rated(workspace, "item-mean")).tolist() == [3, 1.5, 4.5]


def test_errors_by_hand_and_apart_for_warm_and_cold(workspace: Workspace) -> None:
    run = rated(workspace, "item-mean")  # off by 2, 0.5 and 0
    assert error(workspace, run, "rmse") == pytest.approx(sqrt((4 + 0.25 + 0) / 3))
    assert error(workspace, run, "mae") == pytest.approx((2 + 0.5 + 0) / 3)
    assert error(workspace, run, "rmse", "user", "warm") == pytest.approx(sqrt((4 + 0.25) / 2))
    assert error(workspace, run, "rmse", "user", "cold") == 0
    assert error(workspace, run, "mae", "target", "cold") == 2
    assert error(workspace, run, "mae", "user+target", "warm user, warm target") == 0.5
    assert error(workspace, run, "mae", "user+target", "cold user, warm target") == 0
    assert error(workspace, run, "mae", "history-length", "3") == 2


def test_the_biases_of_two_items_by_hand(tmp_path: Path) -> None:
    rows = [
        [(0, 5, TRAIN), (1, 1, TRAIN), (3, 3, VALID), (2, 3, TEST)],
        [(2, 3, TRAIN), (3, 3, VALID), (0, 3, TEST)],
    ]
    workspace = write(tmp_path / "w", rows, items=4)
    run = rated(workspace, "bias", "bias-penalty=1")
    # μ = 3. u0's residuals +2 and −2 cancel out, so the user has no bias; b_A = 2 / (1 + 1) and b_B = −1.
    assert predicted(workspace, run).tolist() == pytest.approx([3.0, 4.0])


def test_a_users_bias_is_a_shrunken_mean_of_what_stands_out(tmp_path: Path) -> None:
    rows = [
        [(0, 5, TRAIN), (1, 4, TRAIN), (3, 3, VALID), (2, 4, TEST)],
        [(0, 1, TRAIN), (1, 2, TRAIN), (2, 2, TEST)],
    ]
    workspace = write(tmp_path / "w", rows, items=4)
    run = rated(workspace, "bias", "bias-penalty=2")
    # μ = 3; u0's residuals are 2 and 1, so b_u0 = 3 / (2 + 2); u1's are the opposite, so the items have no bias.
    assert predicted(workspace, run).tolist() == pytest.approx([3.75, 2.25])


def test_predictions_are_clipped_and_never_rounded(tmp_path: Path) -> None:
    rows = [
        [(0, 5, TRAIN), (1, 5, TRAIN), (4, 5, VALID), (3, 5, TEST)],
        [(2, 1, TRAIN), (0, 1, TRAIN), (3, 5, TRAIN), (1, 2, TEST)],
    ]
    workspace = write(tmp_path / "w", rows, items=5)
    found = predicted(workspace, rated(workspace, "bias", "bias-penalty=0.01"))
    assert found[0] == 5  # u0 gives 4 more than u1, who gave D the most already
    assert predicted(workspace, rated(workspace, "user-mean"))[1] == np.float32(7 / 3)
    assert predicted(workspace, rated(workspace, "mean")).tolist() == [np.float32(3.4)] * 2


@pytest.mark.parametrize(
    ("platform", "scale"), [("table", (2.0, 4.5)), ("movielens", (2.0, 4.5)), ("amazon23", (1.0, 5.0))]
)
def test_the_scale_is_the_platforms_or_that_of_the_train_ratings(
    tmp_path: Path, platform: str, scale: tuple[float, float]
) -> None:
    rows = [[(0, 2, TRAIN), (1, 4.5, TRAIN), (2, 1, TEST)]]
    workspace = write(tmp_path / "w", rows, items=3, platform=platform)
    found = splits(workspace).scale
    assert (found.low, found.high) == scale


def test_when_no_valid_event_is_rated_a_tenth_of_train_is_held_out_by_the_seed(tmp_path: Path) -> None:
    rows = [[(item, 1 + item % 5, TRAIN) for item in range(19)] + [(19, 3, VALID), (20, 4, TEST)]]
    rows[0][19] = (19, None, VALID)
    workspace = write(tmp_path / "w", rows, items=21)
    found, other = splits(workspace, seed=1), splits(workspace, seed=2)
    assert found.held_out
    assert (len(found.train), len(found.valid)) == (17, 2)
    together = np.sort(np.concatenate([found.train.item, found.valid.item]))
    assert together.tolist() == list(range(19))
    assert found.valid.item.tolist() == splits(workspace, seed=1).valid.item.tolist()
    assert found.valid.item.tolist() != other.valid.item.tolist()
    assert rated(workspace, "bias").summary["held_out"]


def test_when_there_is_one_train_rating(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", [[(0, 4, TRAIN), (1, 2, TEST)]], items=2)
    for predictor in ("mean", "user-mean", "item-mean", "bias", "pmf", "biased-mf"):
        run = rated(workspace, predictor)
        assert predicted(workspace, run).tolist() == [4]
        assert error(workspace, run, "mae") == 2


def test_a_target_of_a_test_event_is_never_a_train_rating_whatever_the_files_say(tmp_path: Path) -> None:
    workspace = write(tmp_path / "w", [[(0, 4, TRAIN), (1, 2, TRAIN), (3, 2, VALID), (2, 3, TEST)]], items=4)
    with workspace.write() as db:  # as if the train part reached over all events
        db.execute("UPDATE sequence SET train_length = 4")
    assert splits(workspace).train.item.tolist() == [0, 1]


def test_splits_of_rated_events_are_told_apart(workspace: Workspace) -> None:
    with workspace.read() as db:
        counted = {split: datasets.count_ratings(db, 1, split) for split in Split}
        events, known = rated_events(db, 1, Split.TEST)
    assert counted == {TRAIN: 1, VALID: 2, TEST: 3}
    assert known.tolist() == [5, 1, 4.5]
    assert [events.history(row).tolist() for row in range(3)] == [[0, 1, 2], [0, 2], [3]]
