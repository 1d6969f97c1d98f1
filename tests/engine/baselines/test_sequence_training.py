"""Training a sequence model: it learns what is there to learn, stops in time, and goes on bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.evaluation import evaluate
from engine.models import make_only
from store.enums import Split
from store.errors import BadInput, Cancelled, Failed
from store.trained_baselines import trained_baselines
from store.workspace import Workspace
from tests.engine.baselines.cycle import FP32, ITEMS, WORDS, Stopping, cycle, ranks, trained_baseline
from tests.small_shop import TEST, TRAIN, add
from tests.training_shop import Watcher, copied


def test_a_cycle_is_learned_by_heart(tmp_path: Path) -> None:
    workspace = cycle(tmp_path)
    trained = trained_baseline(workspace, "sasrec", "epochs=25", "patience=25")
    assert trained.summary["ndcg@10"] == 1.0
    assert trained.summary["targets"] == 2 * ITEMS * 3  # four train items each, the first is no target
    found = ranks(workspace, "sasrec")
    assert (found.better == 0).all()
    assert (found.tied == 0).all()
    assert (found.visible == 3).all()


def test_unisrec_learns_it_from_texts(tmp_path: Path, tiny_roberta: Path) -> None:
    workspace = cycle(tmp_path)
    make_only(workspace, name="tiny", backbone=str(tiny_roberta), device="cpu", precision="fp32")
    trained_baseline(workspace, "unisrec", "epochs=25", "patience=25", features="tiny", name="uni")
    assert (ranks(workspace, "uni").better == 0).all()


def test_unisrec_reads_whitened_features_where_that_is_set(tmp_path: Path, tiny_roberta: Path) -> None:
    workspace = cycle(tmp_path)
    make_only(workspace, name="tiny", backbone=str(tiny_roberta), device="cpu", precision="fp32")
    plain = trained_baseline(workspace, "unisrec", "epochs=2", features="tiny", name="plain")
    watcher = Watcher()
    white = trained_baseline(
        workspace, "unisrec", "epochs=2", "whitening=zca", features="tiny", name="white", watcher=watcher
    )
    assert "whitening" not in plain.settings  # as before there was such a setting
    assert white.settings == plain.settings | {"whitening": "zca"}
    assert white.weights_hash != plain.weights_hash
    assert "cycle has 8 train items, fewer than the" in watcher.messages("whitening")[0]
    rules = [evaluate(workspace, name, "cycle", FP32).protocol for name in ("plain", "white")]
    assert rules[1] == rules[0] | {"weights": white.weights_hash, "whitening": "zca"}
    with pytest.raises(BadInput, match=r"whitening = pca is not allowed\. Allowed: none or zca"):
        trained_baseline(workspace, "unisrec", "whitening=pca", features="tiny", name="other")


def test_items_without_users_are_candidates_and_no_event_is_dropped(tmp_path: Path) -> None:
    workspace = cycle(tmp_path, cold=5)
    with workspace.write() as db:  # one test target becomes an item of no train part
        db.execute("UPDATE event SET item = ? WHERE event = (SELECT max(event) FROM event)", (ITEMS + 2,))
    trained_baseline(workspace, "sasrec", "epochs=30", "patience=30")
    evaluation = evaluate(workspace, "sasrec", "cycle", FP32)
    assert (evaluation.n, evaluation.candidates) == (2 * ITEMS, ITEMS + 5)
    found = ranks(workspace, "sasrec")
    assert sorted(found.top_items[0][: ITEMS + 5].tolist()) == list(range(ITEMS + 5))
    assert found.better[-1] >= ITEMS - 1  # never seen, so everything that was seen comes before it


def test_killed_after_any_epoch_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    start = cycle(tmp_path / "start")
    settings = ("epochs=7", "patience=7", "dropout=0.5")
    whole_run = Watcher()
    whole = trained_baseline(copied(start, tmp_path / "whole"), "sasrec", *settings, watcher=whole_run)
    broken = copied(start, tmp_path / "broken")
    for epoch, target in (("epoch 1 ", 1), ("epoch 3 ", 30), ("epoch 7 ", 1)):
        with pytest.raises(Cancelled, match="goes on from there"):
            trained_baseline(broken, "sasrec", *settings, watcher=Stopping(stop_phase=epoch, stop_step=target))
    last_run = Watcher()
    again = trained_baseline(broken, "sasrec", *settings, watcher=last_run)
    assert again.weights_hash == whole.weights_hash
    assert "goes on after epoch 6" in last_run.messages("resume")[0]
    assert last_run.curve("loss") == {7: whole_run.curve("loss")[7]}
    assert not list(broken.phases.iterdir())
    other = trained_baseline(copied(start, tmp_path / "other"), "sasrec", *settings, seed=1)
    assert other.weights_hash != whole.weights_hash


def test_it_stops_once_patience_is_over_and_keeps_the_best(tmp_path: Path) -> None:
    watcher = Watcher()
    workspace = cycle(tmp_path)
    trained = trained_baseline(workspace, "sasrec", "epochs=200", "patience=3", watcher=watcher)
    measured = watcher.curve("ndcg@10")
    best = max(measured, key=lambda epoch: (measured[epoch], -epoch))
    assert trained.summary["best_epoch"] == best
    assert trained.summary["epochs"] == len(measured) == best + 3 < 200
    assert trained.summary["ndcg@10"] == measured[best]
    shorter = trained_baseline(workspace, "sasrec", f"epochs={best}", "patience=3", name="shorter")
    assert shorter.weights_hash == trained.weights_hash  # those after the best epoch, not the last


def test_without_valid_events_the_newest_train_items_are_held_out(tmp_path: Path) -> None:
    workspace = cycle(tmp_path, valid=False)
    watcher = Watcher()
    trained = trained_baseline(workspace, "sasrec", "epochs=2", watcher=watcher)
    assert trained.summary["targets"] == 2 * ITEMS * 3  # of four train targets each
    assert "newest train item of 16 users: there are no valid events" in watcher.messages("validation")[0]


def test_asked_again_nothing_is_trained(tmp_path: Path) -> None:
    workspace = cycle(tmp_path)
    first = trained_baseline(workspace, "sasrec", "epochs=2")
    watcher = Watcher()
    assert trained_baseline(workspace, "sasrec", "epochs=2", watcher=watcher) == first
    assert watcher.points == []
    with workspace.read() as db:
        assert trained_baselines(db) == trained_baselines(db, model="sasrec", dataset="cycle") == [first]
        assert trained_baselines(db, model="unisrec") == []


def test_each_dataset_has_its_own_weights_under_one_model(tmp_path: Path) -> None:
    workspace = cycle(tmp_path)
    add(workspace, "other", list(WORDS), ["Things"] * ITEMS, [("u", (0, 2, 4, 6), ((1, TRAIN), (2, TRAIN), (3, TEST)))])
    both = [trained_baseline(workspace, "sasrec", "epochs=2", on=name) for name in ("cycle", "other")]
    assert [trained.folder for trained in both] == ["models/sasrec/cycle", "models/sasrec/other"]
    assert both[0].weights_hash != both[1].weights_hash


def faulty(workspace: Workspace, fault: str) -> None:
    folder = workspace.models / "sasrec" / "cycle"
    if fault == "gone":
        (folder / "model.safetensors").unlink()
    elif fault == "exchanged":
        trained_baseline(workspace, "sasrec", "epochs=1", seed=5, name="other")
        (folder / "model.safetensors").write_bytes((workspace.models / "other/cycle/model.safetensors").read_bytes())
    else:
        content = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("fault", ["gone", "exchanged", "cut"])
def test_weights_that_are_not_those_that_were_stored_are_noticed(tmp_path: Path, fault: str) -> None:
    workspace = cycle(tmp_path)
    trained_baseline(workspace, "sasrec", "epochs=1")
    faulty(workspace, fault)
    with pytest.raises(Failed, match="st5 baseline sasrec --datasets cycle"):
        evaluate(workspace, "sasrec", "cycle", FP32)


def test_a_loss_that_is_no_number_ends_training_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    workspace = cycle(tmp_path)
    with pytest.raises(Cancelled):
        trained_baseline(workspace, watcher=Stopping(stop_phase="epoch 2 ", stop_step=1))
    (weights,) = workspace.phases.glob("*/checkpoints/checkpoint-1/weights.safetensors")
    tensors = load_file(weights)
    save_file({name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}, weights)
    with pytest.raises(Failed, match="the loss became NaN or infinite in epoch 2"):
        trained_baseline(workspace)
    assert weights.exists()


Histories = Sequence[tuple[str, Sequence[int], Sequence[tuple[int, Split]]]]


@pytest.mark.parametrize(
    "histories",
    [
        [("u", (0, 1), ((1, TRAIN),)), ("v", (0, 1), ((1, TEST),))],
        [("u", (0, 1), ((1, TEST),))],
    ],
)
def test_too_little_to_train_on_is_refused(tmp_path: Path, histories: Any) -> None:
    workspace = cycle(tmp_path)
    add(workspace, "little", list(WORDS), ["Things"] * ITEMS, histories)
    with pytest.raises(BadInput, match="little has too little to train on"):
        trained_baseline(workspace, "sasrec", on="little")
