"""Where marker tokens start from: a boundary the backbone knows, unless they were trained before."""

from __future__ import annotations

from pathlib import Path

import torch

from engine.encoding.encoder import Encoder, load
from engine.text.special_tokens import resolve
from engine.training.special_tokens import start_as_separator
from tests.training_shop import Watcher, make_shop, request, trained


def rows(encoder: Encoder, tokens: list[str]) -> torch.Tensor:
    """The vectors of these tokens, [T, D]."""
    table = encoder.model[0].auto_model.get_input_embeddings().weight
    return table[encoder.tokenizer.convert_tokens_to_ids(tokens)].detach().clone()


def marker_rows(encoder: Encoder) -> torch.Tensor:
    tags = resolve(encoder.tokenizer)
    return rows(encoder, [tags.sequence_start, tags.item_start, tags.item_end, tags.sequence_end])


def test_untrained_markers_start_as_the_separator_and_nothing_else_changes(tiny_roberta: Path) -> None:
    encoder, before = load(str(tiny_roberta), device="cpu"), load(str(tiny_roberta), device="cpu")
    assert start_as_separator(encoder.model)
    assert torch.equal(marker_rows(encoder), rows(before, ["</s>"] * 4))
    words = [token for token in before.tokenizer.get_vocab() if token not in vars(resolve(before.tokenizer)).values()]
    assert torch.equal(rows(encoder, words), rows(before, words))


def test_t5_met_its_markers_in_pretraining_and_keeps_them(tiny_t5: Path) -> None:
    encoder = load(str(tiny_t5), device="cpu")
    before = marker_rows(encoder)
    assert not start_as_separator(encoder.model)
    assert torch.equal(marker_rows(encoder), before)


def test_a_phase_starts_them_once_and_never_those_that_were_trained_here(tiny_roberta: Path, tmp_path: Path) -> None:
    space = make_shop(tmp_path / "w")
    first, second, kept = Watcher(), Watcher(), Watcher()
    trained(space, request("itempre", tiny_roberta, name="first", markers="separator"), first)
    trained(space, request("nopre", Path("first"), name="second", markers="separator"), second)
    trained(space, request("nopre", tiny_roberta, name="kept", markers="kept"), kept)
    assert [len(watcher.messages("markers")) for watcher in (first, second, kept)] == [1, 0, 0]
