"""`st5 recipes`: how the phases can be trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.training.recipe import load_recipe, stored_recipe
from tests.program import Program, refusal


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "workspace")


def test_recipes_are_listed(program: Program) -> None:
    listed = program("recipes", "--json").document
    assert {"thesis", "modern", "demo"} <= {recipe["name"] for recipe in listed}
    assert all(recipe["summary"] for recipe in listed)
    table = program("recipes")
    assert all(recipe["summary"] in table.out for recipe in listed)
    assert "st5 recipes NAME" in table.err
    assert not program.workspace.exists()


def test_one_recipe_in_full(program: Program) -> None:
    document = program("recipes", "thesis", "--json").document
    assert stored_recipe(document) == load_recipe("thesis")
    out = program("recipes", "thesis").out
    assert "by phase" not in out
    assert [line.split() for line in out.splitlines() if line.startswith(" learning-rate")] == [
        ["learning-rate", "2e-05"]
    ]
    assert "item-description → sequence-sequence → sequence-item" in out


def test_phases_stand_side_by_side_where_they_differ(program: Program) -> None:
    out = program("recipes", "thesis", "--set", "sequence-item.batch=32", "--set", "augmentations=crop,drop").out
    rows = [line.split() for line in out.splitlines()]
    assert ["by", "phase", "item-description", "sequence-sequence", "sequence-item"] in rows
    assert ["batch", "64", "64", "32"] in rows
    assert ["augmentations", "crop,drop"] in rows


def test_settings_of_the_bank_are_shown_where_they_are_read(program: Program) -> None:
    assert "bank-" not in program("recipes", "modern").out
    assert "bank-items" not in program("recipes", "modern", "--json").document["sequence-item"]
    out = program("recipes", "modern", "--set", "sequence-item.loss=catalogue", "--set", "bank-items=50").out
    rows = [line.split() for line in out.splitlines()]
    assert ["loss", "symmetric-ranking", "symmetric-ranking", "catalogue"] in rows
    assert ["bank-items", "–", "–", "50"] in rows


def test_a_file_of_ones_own(program: Program, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('base = "modern"\n[chains]\nseqpre = ["sequence-sequence", "sequence-item"]\n')
    assert program("recipes", own, "--json").document["name"] == "mine"
    assert "seqpre" in program("recipes", own).out
    own.write_text("batch 3")
    assert f"{own} line 1" in refusal(program("recipes", own))


def test_mistakes_are_refused(program: Program) -> None:
    assert 'No recipe "modren". Did you mean modern?' in refusal(program("recipes", "modren"))
    assert 'No setting "batches". Did you mean batch' in refusal(program("recipes", "demo", "--set", "batches=3"))
    assert "st5 recipes modern --set" in refusal(program("recipes", "--set", "batch=3"))
