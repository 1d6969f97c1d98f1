"""What holds for every command: help with an example, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.program import Program, refusal
from tests.small_shop import five_items

COMMANDS = (
    ["demo"], ["ingest", "amazon23"], ["ingest", "yelp"], ["ingest", "movielens"], ["ingest", "table"],
    ["ingest", "synthetic"], ["datasets"], ["train"], ["baseline"], ["tune"], ["models"], ["evaluate"], ["results"],
    ["ranks"], ["events"], ["recommend"], ["why"], ["embeddings"], ["recipes"], ["jobs"], ["doctor"],
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example_and_makes_nothing(command: list[str], tmp_path: Path) -> None:
    shown = Program(tmp_path / "w")(*command, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert f"Example: st5 {' '.join(command)}" in " ".join(shown.out.split())
    assert not (tmp_path / "w").exists()


def test_help_lists_every_command(st5: Run) -> None:
    shown = st5("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert command[0] in shown.stdout
    for option in ("--workspace", "st5 demo"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["evalaute"],
        ["--nope"],
        ["results", "--nope"],
        ["evaluate"],
        ["evaluate", "pop"],
        ["recommend", "pop"],
        ["recommend", "pop", "--dataset", "x", "-k", "ten"],
        ["results", "--seen", "hide"],
        ["embeddings", "only", "--dataset", "x", "--kind", "words", "--out", "y"],
        ["train", "everything"],
        ["ingest"],
        ["ingest", "nothing"],
        ["evaluate", "pop", "--datasets", "x", "--sample", "many"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_words_on_stderr(arguments: list[str], tmp_path: Path) -> None:
    done = Program(tmp_path / "w")(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.err + done.out  # `st5 ingest` alone shows its help
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "arguments", [["results"], ["datasets"], ["models"], ["recommend", "pop", "--dataset", "x", "--user", "y"]]
)
def test_reading_where_there_is_no_workspace_makes_none(arguments: list[str], tmp_path: Path) -> None:
    failed = Program(tmp_path / "w")(*arguments)
    assert "no workspace here" in refusal(failed)
    assert failed.code == 2
    assert not (tmp_path / "w").exists()


def test_every_reading_command_prints_one_json_document(tmp_path: Path) -> None:
    program = Program(five_items(tmp_path / "w").folder)
    assert isinstance(program("evaluate", "pop", "--datasets", "shop", "--json").document, list)
    for arguments in (
        ["datasets"], ["datasets", "shop"], ["models"], ["models", "pop"], ["results"], ["doctor"],
        ["results", "--compare", "pop", "pop"], ["recommend", "pop", "--dataset", "shop", "--user", "u0"],
    ):  # fmt: skip
        assert isinstance(program(*arguments, "--json").document, list)


def test_the_workspace_may_stand_before_or_after_the_command_or_in_the_environment(tmp_path: Path, st5: Run) -> None:
    folder = five_items(tmp_path / "w").folder
    other = Program(tmp_path / "other")
    shown = [
        other("--workspace", folder, "datasets", "--json").document,
        other("datasets", "--json", "-w", folder).document,
        other("--workspace", tmp_path / "third", "datasets", "--json", "--workspace", folder).document,
        Program(folder)("datasets", "--json").document,
        json.loads(st5("datasets", "--json", workspace=folder).stdout),
    ]
    assert all(document == shown[0] for document in shown)
    assert shown[0][0]["name"] == "shop"
    assert not (tmp_path / "other").exists()
