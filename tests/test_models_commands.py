"""`st5 models`: what has been made, and from what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program import Program, refusal
from tests.small_shop import five_items


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    program = Program(five_items(tmp_path_factory.mktemp("models")).folder)
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    assert program("baseline", "last-item", "--features", "tiny", "--datasets", "shop").code == 0
    assert program("baseline", "pop", "--datasets", "shop").code == 0
    return program


def test_models_are_listed_with_their_origin(program: Program, tiny_t5: Path) -> None:
    tiny, last, pop = program("models", "--json").document
    assert (tiny["name"], tiny["kind"], tiny["variant"], tiny["backbone"]) == ("tiny", "text", "only", str(tiny_t5))
    assert tiny["recipe"] == {"length": 64, "dimension": 32}
    assert tiny["folder"] == "models/tiny"
    assert (program.workspace / tiny["folder"] / "model.safetensors").exists()
    assert len(tiny["weights_hash"]) == len(tiny["tokenizer_hash"]) == 32
    assert (last["name"], last["kind"], last["features"]) == ("last-item-tiny", "baseline", "tiny")
    assert (pop["name"], pop["features"]) == ("pop", "")
    assert not list(program.workspace.rglob("*.bin")) + list(program.workspace.rglob("*.pkl"))


def test_one_model_in_full(program: Program) -> None:
    assert program("models", "tiny", "--json").document == [program("models", "--json").document[0]]
    assert "safetensors" not in program("models", "tiny").out
    assert "weights_hash" in program("models", "tiny").out
    assert "last-item-tiny" in program("models").out


def test_made_again_it_stays_the_same(program: Program, tiny_t5: Path) -> None:
    before = program("models", "--json").document
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    assert program("baseline", "pop", "--datasets", "shop").code == 0
    assert program("models", "--json").document == before


def test_another_backbone_does_not_take_the_name(program: Program, tiny_roberta: Path) -> None:
    before = program("models", "--json").document
    failed = program("train", "only", "--backbone", tiny_roberta, "--name", "tiny")
    assert 'already a model "tiny" with other weights' in refusal(failed)
    assert program("models", "--json").document == before
    assert program("recommend", "tiny", "--dataset", "shop", "--user", "u0").code == 0


def test_an_unknown_model_offers_the_nearest(program: Program) -> None:
    assert 'No model "tniy". Did you mean tiny' in refusal(program("models", "tniy"))


def test_before_anything_is_made(tmp_path: Path) -> None:
    program = Program(five_items(tmp_path).folder)
    assert program("models", "--json").document == []
    assert "st5 evaluate only pop" in program("models").err
    assert "only has not been used here yet" in refusal(program("models", "only"))
