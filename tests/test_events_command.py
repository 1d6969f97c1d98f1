"""`st5 events`: the events that meet a filter over ranks, as `st5 ranks` has them, length and target."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.program import Program, refusal
from tests.small_shop import five_items, many


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    workspace = five_items(tmp_path_factory.mktemp("events"))
    many(workspace.folder, users=40, items=30, name="more")
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "pop-recent", "bm25", "--datasets", "more").code == 0
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    return program


def exact_ranks(program: Program, model: str, folder: Path, seen: str) -> dict[tuple[str, str], float]:
    """The expected rank of each target by user and target, out of what `st5 ranks` wrote."""
    out = folder / f"{model}.csv"
    assert program("ranks", model, "--dataset", "more", "--out", out).code == 0
    end = "_masked" if seen == "mask" else ""
    return {
        (row["user"], row["target"]): int(row[f"better{end}"]) + 1 + int(row[f"tied{end}"]) / 2
        for row in csv.DictReader(out.open(newline=""))
    }


@pytest.mark.parametrize("seen", ["mask", "keep"])
def test_the_events_are_those_that_the_ranks_say(program: Program, seen: str, tmp_path: Path) -> None:
    a, b = (exact_ranks(program, model, tmp_path, seen) for model in ("bm25", "pop"))
    base = ("events", "--dataset", "more", "--models", "bm25,pop", "--seen", seen, "--limit", "0", "--json")
    for where, meets in (
        ("", lambda one, other: True),
        ("A in top 10", lambda one, other: one <= 10),
        ("A not in top 5, B in top 10", lambda one, other: one > 5 and other <= 10),
        ("b above a", lambda one, other: other < one),
    ):
        said: dict[str, Any] = program(*base, "--where", where).document
        found = {(row["user"], row["item"]): row["ranks"] for row in said["events"]}
        assert found == {key: [a[key], b[key]] for key in a if meets(a[key], b[key])}
        assert said["found"] == len(said["events"])
        assert said["tested"] == len(a)
    assert said["models"] == ["bm25", "pop"]


def test_a_table_says_what_letters_stand_for_and_how_many_there_are(program: Program) -> None:
    done = program("events", "--dataset", "more", "--models", "pop,bm25", "--where", "length 3+", "--limit", "2")
    assert "length 3+ (A is pop, B is bm25)" in done.out
    assert "The first 2; --limit 0 prints all." in done.err
    rows = list(csv.DictReader(io.StringIO(program("events", "--dataset", "more", "--models", "pop", "--csv").out)))
    assert list(rows[0]) == ["event", "user", "length", "item", "title", "rank pop"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("--models", "pop", "--where", "A in top ten"),
            '"A in top ten" is not a valid condition. Conditions: A in top 10',
        ),
        (("--models", "pop", "--where", "B in top 10"), "there is no model B here. Name one more"),
        (("--models", "a,b,c,d"), "4 models. Name one to 3"),
        (("--models", "popp"), 'No model "popp". Did you mean pop'),
        (("--models", "pop-recent", "--dataset", "shop"), "Run `st5 evaluate pop-recent --datasets shop"),
        (("--models", "pop", "--json", "--csv"), "exclude each other"),
    ],
)
def test_what_cannot_be_listed_is_said(program: Program, arguments: tuple[str, ...], words: str) -> None:
    done = program("events", *(() if "--dataset" in arguments else ("--dataset", "more")), *arguments)
    assert words in refusal(done)
    assert done.code == 2
