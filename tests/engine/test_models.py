"""Models by name, and what is kept of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from engine.baselines.request import BaselineRequest
from engine.model_name import check_name
from engine.models import make_baseline, make_only, open_encoder, open_model, text_model
from store.errors import BadInput
from tests.small_shop import five_items


@given(st.text(max_size=12))
def test_an_allowed_name_is_a_single_visible_folder(name: str) -> None:
    try:
        check_name(name)
    except BadInput:
        return
    assert Path(name).name == name
    assert not name.startswith((".", "-"))
    assert not set(name) & set("/\\ \t\n\0,")


@pytest.mark.parametrize("name", ["st5-only", "final_2", "a.b", "v1+x", "Größe"])
def test_ordinary_names_are_allowed(name: str) -> None:
    check_name(name)


def test_weights_are_kept_in_fp32_whatever_precision_they_are_used_in(tmp_path: Path, tiny_t5: Path) -> None:
    workspace = five_items(tmp_path)
    model = make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="bf16")
    kept = load_file(tmp_path / model.folder / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {np.dtype(np.float32)}
    exact, fast = (open_encoder(workspace, model, device="cpu", precision=p) for p in ("fp32", "bf16"))
    assert exact.weights_hash == fast.weights_hash == model.weights_hash
    assert exact.name != fast.name  # vectors of one precision are never taken for those of the other


def test_last_item_takes_its_vectors_from_the_model_it_names(tmp_path: Path, tiny_t5: Path) -> None:
    workspace = five_items(tmp_path)
    tiny = make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
    last = make_baseline(workspace, BaselineRequest("last-item", "tiny"))
    assert text_model(workspace, last) == tiny
    assert text_model(workspace, tiny) == tiny
    assert text_model(workspace, make_baseline(workspace, BaselineRequest("pop"))) is None
    assert open_model(workspace, "last-item-tiny") == last
    with pytest.raises(BadInput, match="Did you mean last-item-tiny"):
        open_model(workspace, "last-item-tini")
