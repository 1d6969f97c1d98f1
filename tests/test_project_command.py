"""`st5 project`: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program import Program, refusal
from tests.small_shop import five_items, many

SHORT = ("--set", "iterations=250", "--precision", "fp32")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    """A shop of 40 items and 20 users, a stall of 5 items and 3 users, and the text model `tiny`."""
    folder = tmp_path_factory.mktemp("map")
    many(folder, users=20, items=40)
    five_items(folder, "stall")
    program = Program(folder)
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny", "--precision", "fp32").code == 0
    assert program("evaluate", "pop", "--datasets", "stall").code == 0
    return program


def test_a_map_is_one_line_and_one_job(program: Program) -> None:
    asked = ("project", "tiny", "--datasets", "stall,shop", "--kind", "items", "--method", "tsne", *SHORT)
    first = program(*asked)
    assert first.code == 0, first.err
    assert first.out.startswith("tiny: 45 items of shop, stall by tsne in ")
    assert first.out.count("\n") == 1
    for name in ("silhouette", "purity", "category_purity", "trustworthiness"):
        assert f"{name} " in first.out
    again = program(*asked, "--json").document
    assert len(again) == 1
    assert again[0]["n"] == 45
    assert again[0]["parameters"]["perplexity"] == pytest.approx(44 / 3)
    assert again[0]["parameters"]["library"].startswith("scikit-learn ")
    assert again[0]["quality"]["of"] == 45
    assert program(*asked).out == first.out  # found, not made
    job = program("jobs", "list", "--json").document[0]
    assert (job["state"], job["message"]) == ("succeeded", first.out.strip())


def test_one_dataset_has_no_silhouette(program: Program) -> None:
    made = program("project", "tiny", "--datasets", "stall", "--kind", "items", *SHORT, "--json").document
    assert made[0]["quality"]["silhouette"] is None
    shown = program("project", "tiny", "--datasets", "stall", "--kind", "items", *SHORT)
    assert ": category_silhouette" in shown.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tyni", "--datasets", "shop"], 'No model "tyni". Did you mean tiny'),
        (["tiny", "--datasets", "shpo"], 'No dataset "shpo". Did you mean shop'),
        (["tiny", "--datasets", ","], "--datasets is empty"),
        (["pop", "--datasets", "shop"], "pop has no vectors of its own. Choose a text model"),
        (["last-item", "--datasets", "shop"], "last-item has no vectors of its own"),
        (["tiny", "--datasets", "shop", "--sample", "-3"], "--sample -3: allowed are 0"),
        (["tiny", "--datasets", "shop", "--sample", "4"], "4 points are too few"),
        (["tiny", "--datasets", "shop", "--sample", "20", "--set", "perplexity=20"], "below the number of points, 20"),
        (["tiny", "--datasets", "shop", "--set", "neighbours=5"], 'No setting of tsne "neighbours"'),
        (["tiny", "--datasets", "shop", "--seed", "-1"], "--seed -1: allowed are 0 and above"),
        (["tiny", "--datasets", "shop", "--history", "structred"], "Did you mean structured"),
        (["tiny", "--datasets", "shop", "--precision", "fp8"], '--precision "fp8"'),
        (["tiny", "--datasets", "shop", "--device", "tpu9"], 'No device "tpu9"'),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_message_and_no_map(program: Program, arguments: list[str], words: str) -> None:
    failed = program("project", *arguments, "--kind", "items")
    assert words in refusal(failed)
    assert failed.code == 2


def test_too_few_users(program: Program) -> None:
    failed = program("project", "tiny", "--datasets", "stall", "--kind", "users")
    assert "3 points are too few for a map; it takes 5" in refusal(failed)


def test_an_unknown_kind_or_method_is_a_usage_error(program: Program) -> None:
    for options in (["--kind", "events"], ["--kind", "items", "--method", "pca"]):
        assert program("project", "tiny", "--datasets", "shop", *options).code == 2


def test_without_a_workspace(tmp_path: Path) -> None:
    failed = Program(tmp_path / "nowhere")("project", "only", "--datasets", "shop", "--kind", "items")
    assert "no workspace here" in refusal(failed)
