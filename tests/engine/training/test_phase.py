"""A phase from end to end: interrupted and resumed, with every way to train, and stopped by what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch.nn.modules.module import register_module_forward_hook

from engine.training.recipe import load_recipe
from engine.training.request import TrainRequest
from store.enums import Split
from store.errors import Cancelled, Failed
from store.workspace import Workspace
from tests.small_shop import add
from tests.training_shop import CAMERAS, GAMES, KITCHEN, Watcher, checkpoints, copied, make_shop, request, trained

ALL = (CAMERAS, GAMES, KITCHEN)
TRAIN, VALID, TEST = Split


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with data in which nothing is trained; tests take copies."""
    return make_shop(tmp_path_factory.mktemp("shop") / "w")


@contextmanager
def at_forward(happens: Callable[[int, dict[str, torch.Tensor]], None]) -> Iterator[None]:
    """While inside, `happens(n, features)` sees the vectors of the n-th forward pass in training.

    With the small recipe that is the n-th optimizer step: a batch of eight pairs is one micro-batch.
    """
    count = 0

    def hook(module: torch.nn.Module, arguments: Any, output: Any) -> None:
        nonlocal count
        if isinstance(module, SentenceTransformer) and module.training:
            count += 1
            happens(count, output)

    handle = register_module_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


WAYS: dict[str, dict[str, Any]] = {
    "full": {},
    "averaged": {"average": 0.9},
    "cached": {"cached": True, "micro_tokens": 64},
    "accumulated": {"accumulation": 3, "pairs": 160, "gradient_checkpointing": True},
    "the last weights": {"best_by": "last", "checkpoint_every": 1, "schedule": "cosine"},
    "lora": {"lora_rank": 4},
    "averaged lora": {"lora_rank": 4, "average": 0.9, "best_by": "last"},
    "catalogue": {"loss": "catalogue", "average": 0.9},  # its bank is encoded before steps 0, 2, 4 and 6
    "catalogue, best by its loss": {"loss": "catalogue", "best_by": "validation-loss", "bank_refreshes": 3},
    "catalogue, cached, sampled": {"loss": "catalogue", "cached": True, "micro_tokens": 64, "bank_items": 9},
    "catalogue, accumulated": {"loss": "catalogue", "accumulation": 3, "pairs": 160, "bank_refreshes": 1},
}


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_and_moved_it_ends_with_the_same_bits(
    shop: Workspace, tiny_t5: Path, tmp_path: Path, way: str
) -> None:
    if "lora" in way:
        pytest.importorskip("peft", reason="lora-rank needs peft")
    wanted = request("nopre", tiny_t5, **WAYS[way])
    whole = Watcher()
    model = trained(copied(shop, tmp_path / "whole"), wanted, whole)

    parts = copied(shop, tmp_path / "parts")
    # At step 4 a validation is due, at step 3 none.
    stops = (3, 4) if way == "full" else (3,)
    for number, step in enumerate(stops, start=1):
        first = Watcher("sequence-item", step)
        with pytest.raises(Cancelled, match=f"step {step} of"):
            trained(parts, wanted, first)
        assert step in checkpoints(parts)
        assert (3 in first.curve("ndcg@10"), 4 in first.curve("ndcg@10")) == (False, step == 4)
        parts = Workspace(parts.folder.rename(tmp_path / f"moved-{number}"))
    last = Watcher()
    again = trained(parts, wanted, last)
    assert again.weights_hash == model.weights_hash
    assert last.messages("resume") == [f"sequence-item: goes on from step {stops[-1]} of {last.progress[2]}"]
    for name in ("loss", "learning rate", "gradient norm", "ndcg@10", "hr@10"):
        curve = whole.curve(name)
        assert last.curve(name) == {step: value for step, value in curve.items() if step > stops[-1]}
    summary, expected = again.lineage[0]["summary"], model.lineage[0]["summary"]
    assert {key: summary[key] for key in expected} == expected
    assert checkpoints(parts) == []


def test_augmentations_of_later_epochs_and_phases_survive_an_interruption(
    shop: Workspace, tiny_t5: Path, tmp_path: Path
) -> None:
    few = ["item-description.pairs=16", "sequence-item.pairs=16"]
    wanted = request("final", tiny_t5, pairs=0, epochs=2, validate_every=10, overrides=few)
    whole = trained(copied(shop, tmp_path / "whole"), wanted)
    (views,) = [phase for phase in whole.lineage if phase["phase"] == "sequence-sequence"]
    assert views["summary"]["steps"] > 11  # so that step 9 is in the second epoch
    parts = copied(shop, tmp_path / "parts")
    with pytest.raises(Cancelled, match="step 9 of"):
        trained(parts, wanted, Watcher("sequence-sequence", 9))
    after = Watcher()
    assert trained(parts, wanted, after).weights_hash == whole.weights_hash
    assert any("item-description was trained before" in message for message in after.messages("phase"))


def test_the_best_checkpoint_outlives_a_later_interruption(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    """The weights get worse on purpose: what validated best lies before the interruption, and is what comes out."""
    wanted = request("nopre", tiny_t5, learning_rate=1.0, gradient_clip=0, warm_up=0, schedule="constant")
    whole = Watcher()
    model = trained(copied(shop, tmp_path / "whole"), wanted, whole)
    curve = whole.curve("ndcg@10")
    best = max(curve, key=lambda step: (curve[step], -step))
    assert model.lineage[0]["summary"]["best_step"] == best
    assert model.lineage[0]["summary"]["best"] == curve[best]
    parts = copied(shop, tmp_path / "parts")
    with pytest.raises(Cancelled):
        trained(parts, wanted, Watcher("sequence-item", 7))
    kept = max((step for step in curve if step < 7), key=lambda step: (curve[step], -step))
    assert checkpoints(parts) == sorted({kept, 7})
    parts = Workspace(parts.folder.rename(tmp_path / "elsewhere"))
    assert trained(parts, wanted).weights_hash == model.weights_hash


def test_a_checkpoint_holds_no_pickle(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    workspace = copied(shop, tmp_path / "w")
    with pytest.raises(Cancelled):
        trained(workspace, request("nopre", tiny_t5, average=0.9), Watcher("sequence-item", 3))
    (folder,) = workspace.phases.glob("*/checkpoints/checkpoint-3")
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}


def test_the_bank_is_encoded_when_the_recipe_says_and_not_again_where_a_training_goes_on(
    shop: Workspace, tiny_t5: Path, tmp_path: Path
) -> None:
    wanted = request("nopre", tiny_t5, (CAMERAS, GAMES), loss="catalogue", bank_refreshes=3)
    whole, first, last = Watcher(), Watcher("sequence-item", 3), Watcher()
    trained(copied(shop, tmp_path / "whole"), wanted, whole)
    assert [message.partition(" item texts")[0].rpartition(" ")[0] for message in whole.messages("bank")] == [
        f"sequence-item, step {step}:" for step in (0, 2, 5)
    ]
    parts = copied(shop, tmp_path / "parts")
    with pytest.raises(Cancelled):
        trained(parts, wanted, first)
    trained(parts, wanted, last)
    assert first.messages("bank") + last.messages("bank") == whole.messages("bank")


def test_other_losses_and_refreshes_train_other_weights(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    workspace = copied(shop, tmp_path / "w")
    ways: dict[str, dict[str, Any]] = {
        "ranking": {},
        "catalogue": {"loss": "catalogue"},
        "once": {"loss": "catalogue", "bank_refreshes": 1},
        "sampled": {"loss": "catalogue", "bank_items": 9},
    }
    # The last weights: the best ones may be those before the first new bank.
    models = [
        trained(workspace, request("nopre", tiny_t5, name=name, best_by="last", **way)) for name, way in ways.items()
    ]
    assert len({model.weights_hash for model in models}) == len(ways)
    assert len({model.lineage[0]["key"] for model in models}) == len(ways)
    (first, *_) = (model.lineage[0]["settings"] for model in models)
    assert "bank-refreshes" not in first


def test_a_loss_that_is_no_number_stops_and_keeps_what_was_good(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    wanted = request("nopre", tiny_t5)
    model = trained(copied(shop, tmp_path / "whole"), wanted)
    workspace = copied(shop, tmp_path / "w")

    def nonsense(step: int, output: dict[str, torch.Tensor]) -> None:
        if step == 6:
            output["sentence_embedding"] = output["sentence_embedding"] * torch.nan

    with (
        at_forward(nonsense),
        pytest.raises(Failed, match=r"NaN or infinite at step 6 of 8\. The checkpoint of step 4 is"),
    ):
        trained(workspace, wanted)
    assert 4 in checkpoints(workspace)
    assert trained(workspace, wanted).weights_hash == model.weights_hash


def test_weights_that_a_gradient_spoils_are_not_kept(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    wanted = request("nopre", tiny_t5)
    workspace = copied(shop, tmp_path / "w")

    def overflow(step: int, output: dict[str, torch.Tensor]) -> None:
        if step == 4:
            output["sentence_embedding"].register_hook(lambda gradient: gradient * torch.inf)

    with (
        at_forward(overflow),
        pytest.raises(Failed, match=r"NaN or infinite at step 4 of 8\. The checkpoint of step 2 is"),
    ):
        trained(workspace, wanted)
    assert checkpoints(workspace) == [2]


def test_out_of_memory_names_the_batch_that_fits(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    def small_device(step: int, output: dict[str, torch.Tensor]) -> None:
        rows, tokens = output["attention_mask"].shape
        if rows * tokens > 9 * 64:  # four pairs fit whatever their texts, eight do not
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {rows * tokens} KiB.\nMore words")

    with at_forward(small_device):
        with pytest.raises(
            Failed, match=r"A batch of 4 fits: --set batch=4\. Or keep batch=8 with --set cached"
        ) as said:
            trained(copied(shop, tmp_path / "w"), request("nopre", tiny_t5))
        assert "Tried to allocate" in str(said.value)
        assert "More words" not in str(said.value)
        assert trained(copied(shop, tmp_path / "four"), request("nopre", tiny_t5, batch=4)).kind == "text"
        # What else is said helps as well, once the micro-batches fit.
        cached = request("nopre", tiny_t5, cached=True, micro_tokens=1024)
        with pytest.raises(Failed, match="keep batch=8 with --set micro-tokens=512"):
            trained(copied(shop, tmp_path / "cached"), cached)
        cached = request("nopre", tiny_t5, cached=True, micro_tokens=512)
        assert trained(copied(shop, tmp_path / "cached-512"), cached).kind == "text"


def test_where_nothing_fits_it_says_what_else_to_try(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    def no_device(step: int, output: dict[str, torch.Tensor]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with at_forward(no_device), pytest.raises(Failed, match=r"Not even a batch of 2 fits: --set tokens=128"):
        trained(copied(shop, tmp_path / "w"), request("nopre", tiny_t5))


def thesis(backbone: Path, *overrides: str, datasets: tuple[str, ...] = ALL, variant: str = "nopre") -> TrainRequest:
    settings = ("batch=8", "pairs=224", "validate-every=2", "learning-rate=0.003", "log-every=1", *overrides)
    return TrainRequest(variant, load_recipe("thesis", settings), datasets, str(backbone), variant, 0, "cpu")


def test_the_thesis_way_takes_the_step_of_the_least_validation_loss(
    shop: Workspace, tiny_t5: Path, tmp_path: Path
) -> None:
    watcher = Watcher()
    model = trained(copied(shop, tmp_path / "w"), thesis(tiny_t5), watcher)
    (phase,) = model.lineage
    settings = phase["settings"]
    assert (settings["accumulation"], settings["gradient-checkpointing"]) == (4, True)
    assert (settings["duplicate-texts"], settings["mask-false-negatives"]) == (False, False)
    assert phase["summary"]["batches"] == 28
    assert phase["summary"]["steps"] == 7  # four batches each
    losses = watcher.curve("validation loss")
    assert sorted(losses) == [2, 4, 6, 7]
    assert phase["summary"]["best_step"] == min(losses, key=lambda step: losses[step])
    assert -phase["summary"]["best"] == min(losses.values())


def test_gradient_checkpointing_changes_memory_only(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    on = trained(copied(shop, tmp_path / "on"), thesis(tiny_t5, "pairs=64"))
    off = trained(copied(shop, tmp_path / "off"), thesis(tiny_t5, "pairs=64", "gradient-checkpointing=false"))
    assert on.weights_hash == off.weights_hash


def test_with_too_few_valid_pairs_the_last_weights_are_taken(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    watcher = Watcher()
    model = trained(copied(shop, tmp_path / "w"), thesis(tiny_t5, "pairs=64", datasets=(CAMERAS,)), watcher)
    assert watcher.messages("selection") == [
        "sequence-item: too few valid pairs to choose by; the last weights are taken."
    ]
    assert model.lineage[0]["summary"]["best_step"] == model.lineage[0]["summary"]["steps"] == 2


def test_short_sentences_of_one_phase_do_not_shorten_the_next(shop: Workspace, tiny_t5: Path, tmp_path: Path) -> None:
    workspace = copied(shop, tmp_path / "w")
    short = trained(workspace, request("itempre", tiny_t5, pairs=16, overrides=["item-description.tokens=20"]))
    assert short.recipe["length"] == 64
    (first, second) = short.lineage
    assert (first["settings"]["tokens"], second["settings"]["tokens"]) == (20, 0)
    both = trained(workspace, request("itempre", tiny_t5, pairs=16, overrides=["tokens=30"], name="both"))
    assert both.recipe["length"] == 30  # what was trained on is what it reads


def test_what_comes_after_the_train_part_has_no_influence(tiny_t5: Path, tmp_path: Path) -> None:
    """Two shops with the same train events and other targets to validate and test on give the same weights."""
    models = []
    for number in range(2):
        draw, later = np.random.default_rng(0), np.random.default_rng(number)
        histories = []
        for user in range(30):
            items = draw.permutation(20)
            items = np.concatenate([items[:4], later.permutation(items[4:])[:2]]).tolist()
            marks = ((1, TRAIN), (2, TRAIN), (3, TRAIN), (4, VALID), (5, TEST))
            histories.append((f"u{user}", items, marks))
        workspace = Workspace(tmp_path / str(number))
        add(workspace, "shop", [f"Thing {n}" for n in range(20)], ["Things"] * 20, histories)
        watcher = Watcher()
        models.append(trained(workspace, request("final", tiny_t5, ["shop"], best_by="last"), watcher))
        assert len(watcher.curve("ndcg@10")) == 4  # it was measured, all the same
    assert models[0].weights_hash == models[1].weights_hash
