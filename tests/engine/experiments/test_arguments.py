"""What an experiment was asked with survives JSON."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.arguments import Arguments, arguments_of
from engine.measuring.choices import Averaging
from store.enums import Seen
from store.experiments import experiments, put_experiment
from store.workspace import Workspace

names = st.lists(st.text("abc-_1", min_size=1), unique=True).map(tuple)
arguments = st.builds(
    Arguments, datasets=names, models=names, backbone=st.text(), recipe=st.text(),
    seeds=st.lists(st.integers(0, 99), min_size=1, unique=True).map(tuple), sample=st.none() | st.integers(0),
    settings=names, seen=st.none() | st.sampled_from(Seen), mean=st.sampled_from(Averaging), train=st.booleans(),
)  # fmt: skip


@given(arguments)
def test_json_gives_back_what_was_asked(original: Arguments) -> None:
    assert arguments_of(json.loads(json.dumps(original.document()))) == original


def test_keys_of_another_version_are_left_out() -> None:
    assert arguments_of({"datasets": ["shop"], "colour": "red"}) == Arguments(("shop",))


def test_the_command_line_names_what_differs_from_the_default() -> None:
    assert Arguments().command("main") == ("experiment", "main")
    asked = Arguments(
        ("a", "b"), ("only",), "bert", "cpu", (0, 1), 50, ("sasrec.epochs=3",), Seen.MASK, Averaging.USER, train=True
    )
    assert asked.command("main") == (
        "experiment", "main", "--datasets", "a,b", "--models", "only", "--backbone", "bert", "--recipe", "cpu",
        "--seeds", "0,1", "--sample", "50", "--set", "sasrec.epochs=3", "--train", "--seen", "mask", "--mean", "user",
    )  # fmt: skip
    assert Arguments().command("own") == ("experiment", "./own.toml")


def test_of_an_experiment_the_last_time_is_kept(tmp_path: Path) -> None:
    with Workspace(tmp_path).write() as db:
        assert experiments(db) == []
        for sample in (5, 7):
            asked = Arguments(("shop",), sample=sample).document()
            put_experiment(db, name="main", definition="title", arguments=asked, code_version="1")
        (stored,) = experiments(db)
        assert stored.name == "main"
        assert arguments_of(stored.arguments) == Arguments(("shop",), sample=7)
        assert (stored.definition, stored.code_version) == ("title", "1")
