"""LoRA: what trains, and what is left of it in the finished model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.encoding.encoder import load
from engine.text.special_tokens import resolve
from engine.training.adapter import add_adapter, merge
from tests.training_shop import make_shop, request, trained

pytest.importorskip("peft", reason="lora-rank needs peft")
RANK = 2


@pytest.fixture(params=["tiny_t5", "tiny_roberta"])
def backbone(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def marker_rows(folder: Path) -> list[int]:
    tokenizer = load(str(folder), device="cpu").tokenizer
    tags = resolve(tokenizer)
    names = [tags.sequence_start, tags.item_start, tags.item_end, tags.sequence_end]
    return sorted(tokenizer.convert_tokens_to_ids(names))


def test_only_small_matrices_and_the_markers_rows_train(backbone: Path) -> None:
    model = load(str(backbone), device="cpu").model
    whole = sum(weights.numel() for weights in model.parameters())
    add_adapter(model, RANK, 4)
    training = {name: weights for name, weights in model.named_parameters() if weights.requires_grad}
    assert all("lora_" in name or "trainable_tokens" in name for name in training)
    assert {min(weights.shape) for name, weights in training.items() if "lora_" in name} == {RANK}
    markers = [weights for name, weights in training.items() if "trainable_tokens" in name]
    assert {tuple(weights.shape) for weights in markers} == {(4, 32)}
    assert sum(weights.numel() for weights in training.values()) < whole / 2


def test_an_adapter_that_learned_nothing_leaves_the_model_as_it_was(backbone: Path) -> None:
    model = load(str(backbone), device="cpu").model.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    text = ["Title: Big Hero 6"]
    vectors = model.encode(text)
    adapted = add_adapter(model, RANK, 4)
    assert np.abs(model.eval().encode(text) - vectors).max() < 1e-6
    merge(adapted)
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_finished_model_is_a_plain_one_that_differs_in_what_trained(backbone: Path, tmp_path: Path) -> None:
    workspace = make_shop(tmp_path / "w")
    trained(workspace, request("nopre", backbone, lora_rank=RANK, lora_alpha=4, best_by="last"))
    folder = workspace.models / "nopre"
    load(str(backbone), device="cpu", precision="fp32").save(tmp_path / "start")  # with rows for the markers
    before, after = (load_file(path / "model.safetensors") for path in (tmp_path / "start", folder))
    assert after.keys() == before.keys()
    markers = marker_rows(folder)
    changed = []
    for name, old in before.items():
        difference = (after[name] - old).double()
        if not difference.any():
            continue
        changed.append(name)
        if not is_linear(name):  # the vocabulary
            assert sorted(difference.any(dim=1).nonzero().ravel().tolist()) == markers
        else:
            strengths = torch.linalg.svdvals(difference)
            assert int((strengths > 1e-5 * strengths[0]).sum()) <= RANK
    linear = [name for name, old in before.items() if old.ndim == 2 and is_linear(name)]
    assert set(linear) < set(changed)
    assert len(changed) == len(linear) + 1
    assert not list(workspace.folder.rglob("adapter_*"))


def is_linear(name: str) -> bool:
    """A matrix on the way from tokens to vectors: mean pooling has no use for RoBERTa's pooler."""
    return not any(word in name for word in ("embed", "shared", "relative_attention_bias", "norm", "pooler"))
