"""Ridge and the dense head: against the normal equations, without leaks, resumed bit for bit, stored once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.models import make_only, open_encoder, open_model
from engine.rating.predictor import UserVector
from engine.rating.ratings import RatingSplits
from engine.rating.vectors import Vectors, read_vectors
from engine.scoring import TextScoring
from engine.text.sentences import Template
from store import ratings
from store.errors import Cancelled
from store.workspace import Workspace
from tests.engine.rating.rated_shop import NAME, TEST, dataset_of, drawn, predicted, rated, splits, write
from tests.training_shop import Watcher

SMALL = ("epochs=3", "batch=16", "learning-rate=0.01")


@pytest.fixture
def workspace(tmp_path: Path, tiny_t5: Path) -> Workspace:
    workspace = write(tmp_path / "w", drawn(), items=25)
    make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
    return workspace


def vectors_of(workspace: Workspace, splits: RatingSplits, kind: str) -> tuple[Vectors, np.ndarray]:
    """The vectors of ratings under the model `tiny`, and those of the catalogue."""
    encoder = open_encoder(workspace, open_model(workspace, "tiny"), device="cpu", precision="fp32")
    with workspace.write() as db:
        texts = TextScoring(db, dataset_of(workspace), encoder, Template())
        return read_vectors(texts, splits, kind), texts.catalogue


def test_users_are_what_they_did_before_each_rating(workspace: Workspace) -> None:
    found = splits(workspace)
    vectors, items = vectors_of(workspace, found, UserVector.ITEM_MEAN)
    for part, pairs in ((found.train, vectors.train), (found.valid, vectors.valid), (found.test, vectors.test)):
        for row in range(len(part)):
            history = part.events.history(row)
            if len(history):
                np.testing.assert_allclose(pairs.users[row], items[history].mean(axis=0), atol=1e-6)
        np.testing.assert_array_equal(pairs.rows()[:, items.shape[1] :], items[part.item])
    first = found.train.events.length == 0
    assert first.sum() == found.users  # each user's first interaction is learned from too, with nobody in particular
    nobody = vectors.train.users[~first].mean(axis=0)
    np.testing.assert_allclose(vectors.train.users[first], np.tile(nobody, (found.users, 1)), atol=1e-6)


def test_a_history_of_one_item_is_read_as_a_text(workspace: Workspace) -> None:
    found = splits(workspace)
    read, _ = vectors_of(workspace, found, UserVector.HISTORY_TEXT)
    auto, _ = vectors_of(workspace, found, UserVector.AUTO)
    assert auto.user_vector is UserVector.HISTORY_TEXT  # few enough
    np.testing.assert_array_equal(read.train.users, auto.train.users)
    np.testing.assert_allclose(np.linalg.norm(read.test.users, axis=1), 1, atol=1e-5)


def test_ridge_solves_the_normal_equations(workspace: Workspace) -> None:
    run = rated(workspace, "ridge", "penalty=2", "user-vector=item-mean", features="tiny")
    found = splits(workspace)
    vectors, _ = vectors_of(workspace, found, UserVector.ITEM_MEAN)
    x, y = vectors.train.rows().astype(np.float64), found.train.value
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + 2 * np.eye(x.shape[1]), centred.T @ (y - y.mean()))
    expected = y.mean() + (vectors.test.rows() - x.mean(axis=0)) @ weights
    np.testing.assert_allclose(predicted(workspace, run), np.clip(expected, 1, 5), atol=1e-3)
    assert run.summary["user_vector"] == "item-mean"
    assert run.features == "tiny"


@pytest.mark.parametrize("predictor", ["mean", "item-mean", "biased-mf", "ridge", "dense"])
def test_no_test_rating_reaches_training(tmp_path: Path, tiny_t5: Path, predictor: str) -> None:
    text = predictor in ("ridge", "dense")
    histories = drawn(users=25)
    turned = [[(item, 6 - value if split is TEST else value, split) for item, value, split in h] for h in histories]
    found = []
    for name, rows in (("as-it-is", histories), ("turned", turned)):
        workspace = write(tmp_path / name, rows, items=25)
        if text:
            make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
        run = rated(workspace, predictor, *(SMALL if predictor == "dense" else ()), features="tiny" if text else "")
        found.append((predicted(workspace, run), run.summary))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_the_dense_head_learns(workspace: Workspace) -> None:
    watcher = Watcher()
    rated(workspace, "dense", "epochs=15", "patience=15", *SMALL[1:], features="tiny", observer=watcher.observer)
    loss = watcher.curve("loss")
    assert list(loss) == list(range(1, 16))
    assert min(loss.values()) < 0.5 * loss[1]


def test_a_dense_training_that_was_cancelled_goes_on_bit_for_bit(workspace: Workspace, tmp_path: Path) -> None:
    import shutil

    other = Workspace(Path(shutil.copytree(workspace.folder, tmp_path / "other")))
    straight = rated(workspace, "dense", *SMALL, features="tiny")
    with pytest.raises(Cancelled, match="end of epoch 2"):
        rated(other, "dense", *SMALL, features="tiny", observer=Watcher("dense", 2).observer)
    watcher = Watcher()
    resumed = rated(other, "dense", *SMALL, features="tiny", observer=watcher.observer)
    assert watcher.messages("resume") == ["dense: goes on from epoch 2 of 3"]
    assert list(watcher.curve("loss")) == [3]
    np.testing.assert_array_equal(predicted(workspace, straight), predicted(other, resumed))
    assert not list((other.folder / "ratings").glob("*"))


def test_early_stopping_takes_the_best_epoch(workspace: Workspace) -> None:
    watcher = Watcher()
    run = rated(workspace, "dense", "epochs=40", "patience=2", *SMALL[1:], features="tiny", observer=watcher.observer)
    curve = watcher.curve("validation rmse")
    best = min(curve, key=lambda epoch: curve[epoch])
    assert run.summary["best_epoch"] == best
    assert run.summary["epochs"] == min(40, best + 2)
    assert run.summary["valid_rmse"] == pytest.approx(curve[best])


def test_the_same_asked_again_is_found_and_anything_else_is_not(workspace: Workspace, tiny_t5: Path) -> None:
    first = rated(workspace, "ridge", features="tiny")
    assert rated(workspace, "ridge", features="tiny").id == first.id
    make_only(workspace, name="twin", backbone=str(tiny_t5), device="cpu", precision="fp32")
    ids = {
        first.id,
        rated(workspace, "ridge", features="twin").id,
        rated(workspace, "ridge", features="tiny", seed=1).id,
    }
    ids |= {rated(workspace, "ridge", "penalty=3", features="tiny").id}
    assert len(ids) == 4
    with workspace.read() as db:
        newest = ratings.rating_runs(db, predictor="ridge", dataset=NAME)
    assert [(run.name, run.settings["penalty"]) for run in newest] == [("ridge (twin)", 0.0), ("ridge (tiny)", 3.0)]
