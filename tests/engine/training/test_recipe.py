"""Recipes: what wins, what is refused with which words, and that what is written reads back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.recipe import (
    CHOICES,
    DEFAULTS,
    VARIANTS,
    PhaseSettings,
    check_losses,
    check_overrides,
    differences,
    load_recipe,
    recipe_names,
    stored_recipe,
)
from store.enums import Phase
from store.errors import BadInput

DOCS = Path(__file__).resolve().parents[3] / "docs" / "recipes.md"
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a recipe of one's own; the name to load it by."""

    def written(text: str) -> str:
        file = tmp_path / "own.toml"
        file.write_text(text)
        return str(file)

    return written


def message(name: str, *overrides: str) -> str:
    with pytest.raises(BadInput) as refused:
        load_recipe(name, overrides)
    return str(refused.value)


@pytest.mark.parametrize("name", ["thesis", "modern", "demo"])
def test_named_recipes_load_for_every_phase_and_read_back(name: str) -> None:
    assert name in recipe_names()
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.summary
    assert set(recipe.phases) == set(Phase)
    assert recipe.chains == VARIANTS
    assert stored_recipe(json.loads(json.dumps(recipe.document()))) == recipe


@pytest.mark.parametrize("phase", Phase)
def test_the_thesis_is_followed_to_the_letter(phase: Phase) -> None:
    said = load_recipe("thesis").phases[phase]
    assert (said.batch, said.epochs, said.learning_rate, said.warm_up, said.accumulation) == (64, 10, 2e-5, 0.1, 4)
    assert (said.gradient_checkpointing, said.best_by, said.validate_every) == (True, "validation-loss", 500)
    assert (said.duplicate_texts, said.mask_false_negatives, said.cached) == (False, False, False)
    assert (said.crop, said.reorder, said.drop, said.scale, said.weight_decay) == (0.8, 0.7, 0.5, 20, 0.01)


@pytest.mark.parametrize("phase", Phase)
def test_the_others_mask_false_negatives_and_take_larger_steps(phase: Phase) -> None:
    modern, demo = (load_recipe(name).phases[phase] for name in ("modern", "demo"))
    assert modern.mask_false_negatives
    assert modern.cached
    assert (modern.accumulation, modern.learning_rate, modern.best_by) == (1, 1e-4, "ndcg@10")
    assert modern.average > 0
    assert demo.mask_false_negatives
    assert (demo.pairs, demo.tokens, demo.epochs) == (1024, 64, 1)


def test_variants_are_chains_of_phases() -> None:
    recipe = load_recipe("thesis")
    assert recipe.chain("only") == ()
    assert recipe.chain("nopre") == ("sequence-item",)
    assert recipe.chain("itempre") == ("item-description", "sequence-item")
    assert recipe.chain("final") == ("item-description", "sequence-sequence", "sequence-item")
    with pytest.raises(BadInput, match=r'No variant "fnal"\. Did you mean final'):
        recipe.chain("fnal")


def epochs(name: str, *overrides: str) -> list[int]:
    """Epochs of item-description, sequence-sequence, sequence-item."""
    return [load_recipe(name, overrides).phases[phase].epochs for phase in Phase]


def test_later_wins(write: Write) -> None:
    assert epochs(write("")) == [1, 1, 1]
    assert epochs(write('base = "thesis"')) == [10, 10, 10]
    assert epochs(write('base = "thesis"\nepochs = 4')) == [4, 4, 4]
    own = write('base = "thesis"\nepochs = 4\n[sequence-item]\nepochs = 5')
    assert epochs(own) == [4, 4, 5]
    assert epochs(own, "epochs=6") == [6, 6, 6]
    assert epochs(own, "sequence-sequence.epochs=7", "epochs=6") == [6, 7, 6]
    assert epochs(own, "epochs=6", "epochs=8") == [8, 8, 8]
    assert load_recipe(own).phases[Phase.SEQUENCE_ITEM].accumulation == 4


def test_a_recipe_names_its_own_chains(write: Write) -> None:
    own = write('summary = "Mine"\n[chains]\nseqpre = ["sequence-sequence", "sequence-item"]')
    recipe = load_recipe(own, ["chains.back=sequence-item, item-description"])
    assert (recipe.name, recipe.summary) == ("own", "Mine")
    assert recipe.chain("seqpre") == (Phase.SEQUENCE_SEQUENCE, Phase.SEQUENCE_ITEM)
    assert recipe.chain("back") == (Phase.SEQUENCE_ITEM, Phase.ITEM_DESCRIPTION)
    assert recipe.chain("final") == VARIANTS["final"]
    assert stored_recipe(recipe.document()) == recipe
    with pytest.raises(BadInput, match=r'No variant "seqpro"\. Did you mean seqpre'):
        recipe.chain("seqpro")


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("batch=128", "batch", 128),
        (" batch = 1_024 ", "batch", 1024),
        ("learning-rate=5e-5", "learning_rate", 5e-5),
        ("scale=30", "scale", 30.0),
        ("cached=true", "cached", True),
        ("best-by=last", "best_by", "last"),
        ('best-by="last"', "best_by", "last"),
        ("history=instruction+structured", "history", "instruction+structured"),
        ("augmentations=crop,drop", "augmentations", ("crop", "drop")),
        ("augmentations=drop", "augmentations", ("drop",)),
        ('augmentations=["reorder"]', "augmentations", ("reorder",)),
    ],
)
def test_values_are_read_as_toml_and_bare_words_as_texts(override: str, key: str, value: Any) -> None:
    for phase in Phase:
        settings = load_recipe("thesis", [override]).phases[phase]
        assert getattr(settings, key) == value
        assert type(getattr(settings, key)) is type(value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["batchs=3"], ['--set batchs=3: No setting "batchs"', "Did you mean batch"]),
        (["learning_rate=1"], ['No setting "learning_rate"', "Did you mean learning-rate"]),
        (["sequence-items.batch=3"], ['No phase "sequence-items"', "sequence-item"]),
        (["sequence-item.bach=3"], ["[sequence-item]", 'No setting "bach"', "Did you mean batch"]),
        (["batch"], ["--set batch: is not KEY=VALUE", "--set batch=128"]),
        (["=3"], ["is not KEY=VALUE"]),
        (["batch="], ["--set batch=: the value is not complete"]),
        (['best-by="last'], ["the value is not complete"]),
        (["batch=1"], ["batch = 1 is not allowed", "a whole number from 2"]),
        (["batch=64.0"], ["batch = 64.0 is not allowed", "a whole number"]),
        (["batch=many"], ['batch = "many" is not allowed']),
        (["batch=64\nepochs=3"], ["batch = ", "is not allowed"]),
        (["epochs=true"], ["epochs = true is not allowed"]),
        (["cached=1"], ["cached = 1 is not allowed", "true or false"]),
        (["cached=True"], ['cached = "True" is not allowed', "true or false"]),
        (["bank-refreshes=0"], ["bank-refreshes = 0 is not allowed", "a whole number from 1"]),
        (["bank-items=-1"], ["bank-items = -1 is not allowed", "a whole number from 0"]),
        (["loss=catalog"], ['No loss "catalog". Did you mean catalogue']),
        (["crop=0"], ["crop = 0 is not allowed", "above 0 to 1"]),
        (["drop=1"], ["drop = 1 is not allowed", "to below 1"]),
        (["learning-rate=nan"], ["learning-rate = nan is not allowed"]),
        (["scale=inf"], ["scale = inf is not allowed"]),
        (["precision=bf61"], ['No precision "bf61". Did you mean bf16', "auto"]),
        (["precision=16"], ["precision = 16 is not allowed", "auto or fp32 or bf16"]),
        (["history=strutured"], ["Did you mean structured"]),
        (["augmentations=crop,crap"], ['"crap"', "Did you mean crop"]),
        (["augmentations=crop,crop"], ["each at most once"]),
        (["augmentations=[]"], ["augmentations = [] is not allowed"]),
        (["sequence-item=3"], ["sequence-item = 3 is no table"]),
        (["chains.final=sequence-item"], ['chain "final" has the name of a built-in variant']),
        (["chains.twice=sequence-item,sequence-item"], ["names a phase twice"]),
        (["chains.odd=sequence-itm"], ['chain "odd"', 'No phase "sequence-itm". Did you mean sequence-item']),
        (["chains.none=[]"], ['chain "none" = [] is no list of phases']),
        (["chains.a/b=sequence-item"], ["allowed are letters"]),
        (["chains=final"], ["is no table"]),
        (["summary=mine"], ['No setting "summary"']),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_is_wrong_is_refused_in_words(overrides: list[str], words: list[str]) -> None:
    said = message("thesis", *overrides)
    assert said.startswith("--set ")
    for each in words:
        assert each in said


def test_a_name_that_is_no_recipe() -> None:
    said = message("thesys")
    assert 'No recipe "thesys". Did you mean thesis?' in said
    assert ".toml" in said


def test_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    assert "missing.toml: cannot be read (No such file or directory)" in message(str(tmp_path / "missing.toml"))
    assert "cannot be read" in message(f"{tmp_path}/")
    said = message(write("batch = 64\nepochs = = 3\n"))
    assert "own.toml line 2, column 10: broken TOML" in said
    assert "KEY = VALUE" in said
    assert "line 2" in message(write("batch = 64\nbatch = 65\n"))
    (tmp_path / "latin.toml").write_bytes('summary = "für"'.encode("latin-1"))
    assert "is not UTF-8 (byte 12)" in message(str(tmp_path / "latin.toml"))


def test_mistakes_in_files_name_the_file(write: Write) -> None:
    for text, words in {
        "btach = 3": 'own.toml: No setting "btach". Did you mean batch',
        "[sequence-itme]\nbatch = 3": 'own.toml: No phase "sequence-itme". Did you mean sequence-item',
        "[sequence-item]\nbatch = 1": "own.toml [sequence-item]: batch = 1 is not allowed",
        "[batch]\nx = 1": "own.toml: batch = {'x': 1} is not allowed",
        "sequence-item = 3": "own.toml: sequence-item = 3 is no table",
        "summary = 3": "own.toml: summary = 3 is no text",
        'base = "modrn"': 'own.toml: No recipe "modrn". Did you mean modern',
        "base = 1": "own.toml: base = 1 is no text",
    }.items():
        assert words in message(write(text))


def test_a_file_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes("epochs = 3".encode("utf-8-sig"))
    assert epochs(str(tmp_path / "own.toml")) == [3, 3, 3]


def test_settings_check_themselves_and_stay() -> None:
    settings = PhaseSettings(scale=30, augmentations=("drop",))
    assert settings.document()["scale"] == 30.0
    assert settings.document()["augmentations"] == ["drop"]
    with pytest.raises(BadInput, match="batch = 1 is not allowed"):
        PhaseSettings(batch=1)
    with pytest.raises(FrozenInstanceError):
        settings.batch = 3  # type: ignore[misc]


def test_differences_name_the_keys_that_differ() -> None:
    thesis = load_recipe("thesis")
    assert differences(thesis, thesis) == {}
    changed = load_recipe("thesis", ["sequence-item.batch=32"])
    assert differences(thesis, changed) == {Phase.SEQUENCE_ITEM: {"batch": (64, 32)}}


BANK = {"bank-refreshes", "bank-items"}


def test_settings_of_the_bank_are_there_where_the_loss_reads_them() -> None:
    # Phases stored before these keys were known are found by what `decisive` says of them.
    assert not BANK & set(PhaseSettings().document())
    assert not BANK & set(PhaseSettings(bank_items=5).decisive())
    settings = PhaseSettings(loss="catalogue", bank_items=5)
    assert set(settings.decisive()) >= BANK
    assert settings.decisive() != PhaseSettings(loss="catalogue").decisive()
    recipe = load_recipe("modern", ["sequence-item.loss=catalogue", "bank-refreshes=7"])
    assert stored_recipe(recipe.document()).phases[Phase.SEQUENCE_ITEM] == recipe.phases[Phase.SEQUENCE_ITEM]
    assert differences(load_recipe("modern"), recipe)[Phase.SEQUENCE_ITEM] == {
        "loss": ("symmetric-ranking", "catalogue"),
        "bank-refreshes": (None, 7),
        "bank-items": (None, 0),
    }


@pytest.mark.parametrize("override", ["bank-refreshes=8", "sequence-item.bank-items=100"])
def test_a_setting_of_a_bank_that_is_not_there_is_refused(override: str) -> None:
    check_overrides(load_recipe("cpu", ["sequence-item.loss=catalogue", override]), "final")
    with pytest.raises(BadInput, match=r'sequence-item has no bank of items \(loss = "symmetric-ranking"\)\. Leave it'):
        check_overrides(load_recipe("cpu", [override]), "final")
    with pytest.raises(BadInput, match="bank-items is for sequence-item"):
        check_overrides(load_recipe("cpu", ["item-description.bank-items=3"]), "final")


def test_the_loss_over_all_items_is_for_one_phase(write: Write) -> None:
    for variant in ("only", "nopre", "itempre", "final"):
        check_losses(load_recipe("cpu", ["sequence-item.loss=catalogue"]), variant)
    everywhere = load_recipe(write('base = "cpu"\nloss = "catalogue"'))
    check_losses(everywhere, "nopre")
    for variant in ("itempre", "final"):
        with pytest.raises(BadInput, match=r'item-description: loss = "catalogue" is for sequence-item alone'):
            check_losses(everywhere, variant)


@given(
    batch=st.integers(2, 10**9),
    rate=st.floats(0, 1, exclude_min=True),
    cached=st.booleans(),
    best=st.sampled_from(CHOICES["best-by"]),
    phase=st.sampled_from(Phase),
)
def test_any_allowed_value_survives_the_command_line_and_the_store(
    batch: int, rate: float, cached: bool, best: str, phase: Phase
) -> None:
    said = {"batch": batch, "learning-rate": rate, "cached": str(cached).lower(), "best-by": best}
    recipe = load_recipe("modern", [f"{phase}.{key}={value}" for key, value in said.items()])
    settings = recipe.phases[phase]
    assert (settings.batch, settings.learning_rate, settings.cached, settings.best_by) == (batch, rate, cached, best)
    assert stored_recipe(json.loads(json.dumps(recipe.document()))) == recipe


@given(st.text())
def test_any_text_after_set_is_taken_or_refused_in_words(text: str) -> None:
    try:
        load_recipe("demo", [text])
    except BadInput as refused:
        assert str(refused).startswith("--set ")  # noqa: PT017 - most texts are refused, a few may not be


def test_the_table_of_the_documentation_is_the_settings() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| `(.+?)` \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    told = {key: tomllib.loads(f"value = {value}")["value"] for key, value, _ in rows}
    assert told == {key: list(value) if isinstance(value, tuple) else value for key, value in DEFAULTS.items()}
    assert list(told) == [entry.name.replace("_", "-") for entry in fields(PhaseSettings)]


def test_the_example_of_the_documentation_loads(write: Write) -> None:
    example = re.search(r"```toml\n(.+?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    recipe = load_recipe(write(example[1]))
    assert recipe.chain("seqpre") == (Phase.SEQUENCE_SEQUENCE, Phase.SEQUENCE_ITEM)
    assert [recipe.phases[phase].epochs for phase in Phase] == [3, 3, 10]


def test_recipes_load_without_heavy_libraries() -> None:
    script = "import engine.training.recipe as r, sys; r.load_recipe('modern'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "polars", "transformers", "sqlite_utils"} & set(loaded)
