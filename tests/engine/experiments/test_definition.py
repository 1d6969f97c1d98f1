"""Definitions: those of the package, copies of them, and files with mistakes."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.definition import ExperimentKind, definition_names, load_definition, parse_definition
from store.errors import BadInput
from tests.test_architecture import HEAVY, imports, loaded_by

ARM = '[[arms]]\nlabel = "a"\nmodel = "only"\n'


def test_the_thesis_tables_and_figures_have_names() -> None:
    assert set(definition_names()) == {
        "main", "variants", "text-format", "item-text", "cross-domain", "cross-platform", "rating", "history-length",
        "representations", "statistics", "order", "order-use",
    }  # fmt: skip


@pytest.mark.parametrize("name", definition_names())
def test_a_shipped_definition_says_what_it_is_and_its_published_names_are_the_thesis_own(name: str) -> None:
    definition = load_definition(name)
    assert definition.name == name
    assert definition.title
    assert definition.thesis
    assert definition.shows
    rows = csv.DictReader(files("engine.published").joinpath("thesis.csv").read_text().splitlines())
    there = {(row["table"], row["metric"], row["model"]) for row in rows}
    named = [arm.published for arm in definition.arms if arm.published]
    for published in named:
        for metric in definition.metrics:
            assert (definition.table, metric, published) in there
    assert bool(definition.table) == bool(named) or definition.kind == ExperimentKind.DATASETS


@pytest.mark.parametrize("name", definition_names())
def test_a_copy_says_the_same(name: str, tmp_path: Path) -> None:
    shipped = load_definition(name)
    copy = tmp_path / f"my-{name}.toml"
    copy.write_text(shipped.text)
    own = load_definition(str(copy))
    assert own.name == f"my-{name}"
    assert (own.arms, own.title, own.metrics, own.text) == (shipped.arms, shipped.title, shipped.metrics, shipped.text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('title = "T"\nkind = "evaluations"\nmetrcs = ["hr@10"]\n' + ARM, "Did you mean metrics"),
        ('title = "T"\nkind = "evaluation"\n' + ARM, "Did you mean evaluations?"),
        ('title = "T"\nkind = "evaluations"\nsample = "all"\n' + ARM, "a whole number from 0"),
        ('title = "T"\nkind = "evaluations"\nsample = -1\n' + ARM, "a whole number from 0"),
        ('title = "T"\nkind = "evaluations"\nsample = true\n' + ARM, "a whole number from 0"),
        ('title = "T"\nkind = "evaluations"\nmetrics = "hr@10"\n' + ARM, "a list"),
        ('title = "T"\nkind = "evaluations"\nmetrics = ["hr@10", "hr@10"]\n' + ARM, "each at most once"),
        ('title = "T"\nkind = "evaluations"\nmetrics = ["hr@11"]\n' + ARM, "Did you mean hr@1"),
        ('title = "T"\nkind = "evaluations"\ndescriptions = 1\n' + ARM, "true or false"),
        ('title = 3\nkind = "evaluations"\n' + ARM, "a text in quotes"),
        ('kind = "evaluations"\n' + ARM, "title is missing"),
        ('title = "T"\n' + ARM, "kind is missing"),
        ('title = "T"\nkind = "evaluations"\n', "no arms"),
        ('title = "T"\nkind = "evaluations"\narms = 1\n', "[[arms]]"),
        ('title = "T"\nkind = "evaluations"\n' + ARM + ARM, "one label"),
        ('title = "T"\nkind = "evaluations"\n[[arms]]\nmodel = "only"\n', "label is missing"),
        ('title = "T"\nkind = "evaluations"\n[[arms]]\nlabel = "a"\n', "model is missing"),
        (
            'title = "T"\nkind = "evaluations"\n[[arms]]\nlabel = "a"\nmodel = "a"\nhistory = "tex"\n',
            "structured",
        ),
        ('title = "T"\nkind = "ratings"\n[[arms]]\nlabel = "a"\n', "predictor is missing"),
        ('title = "T"\nkind = "curves"\n' + ARM, "slices is missing"),
        ('title = "T"\nkind = "curves"\nslices = ["length"]\n' + ARM, "history-length"),
        ('title = "T\nkind', "broken TOML"),
        ('title = "T"\nname = "other"\nkind = "evaluations"\n' + ARM, 'No key "name"'),
    ],
)
def test_a_mistake_is_named_with_its_file(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        load_definition(str(file))
    assert words in str(refused.value)
    assert str(refused.value).startswith(str(file))


@given(st.text())
def test_whatever_the_text_it_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_definition("mine", text)


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="Did you mean variants"):
        load_definition("variant")


@pytest.mark.parametrize("name", ["main", "list", "a b"])
def test_a_file_cannot_take_a_name_that_is_taken_or_needs_quotes(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.toml"
    file.write_text(load_definition("main").text)
    with pytest.raises(BadInput, match="Rename the file"):
        load_definition(str(file))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_definition(str(tmp_path / "none.toml"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_definition(str(tmp_path / "bytes.toml"))


def test_definitions_are_read_without_anything_heavy() -> None:
    assert not loaded_by(imports("engine.experiments.definition")) & (HEAVY | {"numpy", "typer"})


def test_outcomes_are_read_without_anything_heavy() -> None:
    assert not loaded_by(imports("engine.experiments.outcome")) & (HEAVY | {"typer", "rich", "textual"})
