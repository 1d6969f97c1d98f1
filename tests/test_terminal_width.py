"""What the reading commands print fits a terminal of 100 and of 80 columns, whatever the names are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from store.workspace import Workspace
from tests.program import Program
from tests.small_shop import many

DATASETS = ("industrial_and_scientific_supplies_2018", "a-shop-of-very-large-and-very-small-things", "shop")
USER = "user00003"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three datasets of 40 events, two models on each, as jobs with long commands."""
    folder = tmp_path_factory.mktemp("width") / "w"
    for seed, name in enumerate(DATASETS):
        workspace = many(folder, users=40, items=30, name=name, seed=seed)
    program = Program(folder)
    assert program("evaluate", "pop", "pop-recent", "bm25", "--datasets", ",".join(DATASETS)).code == 0
    return workspace


LISTS = {
    ("datasets",): len(DATASETS),
    ("models",): 3,
    ("jobs",): 1,
    ("recommend", "pop", "--dataset", DATASETS[0], "--user", USER): 10,
    ("results", "--compare", "pop", "pop-recent", "--metric", "ndcg@10,mrr"): 2 * 2 * len(DATASETS),
    ("results", "--against", "pop", "--metric", "mrr", "--by", "target"): 2 * 2 * len(DATASETS),
}


def too_wide(text: str, width: int) -> list[str]:
    return [line for line in text.splitlines() if cell_len(line.rstrip()) > width]


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("arguments", LISTS, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_list_has_one_line_for_each_row(workspace: Workspace, arguments: tuple[str, ...], width: int) -> None:
    shown = Program(workspace.folder, width)(*arguments)
    assert shown.code == 0
    assert too_wide(shown.out, width) == []
    lines = [line for line in shown.out.splitlines() if line.strip()]
    rule = next(place for place, line in enumerate(lines) if set(line.strip()) == {"─"})
    assert len(lines) - rule - 1 == LISTS[arguments], shown.out


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize("options", [(), ("--by", "history-length"), ("--metric", "hr@10,mrr", "--seen", "keep")])
def test_results_stand_in_as_many_parts_as_the_width_needs(
    workspace: Workspace, options: tuple[str, ...], width: int
) -> None:
    shown = Program(workspace.folder, width)("results", *options)
    assert too_wide(shown.out, width) == []
    assert too_wide(shown.err, width) == []
    narrow = re.findall(r"\d\.\d{4}–\d\.\d{4}", shown.out)
    wide = re.findall(r"\d\.\d{4}–\d\.\d{4}", Program(workspace.folder, 4000)("results", *options).out)
    assert sorted(narrow) == sorted(wide)  # nothing is cut but names


def test_a_name_is_broken_after_a_separator(workspace: Workspace) -> None:
    shown = Program(workspace.folder, 80)("results").out
    assert re.search(r"industrial_and_\s", shown)
    assert re.search(r"\sn 40\s", shown)


def test_without_a_terminal_lists_are_whole(workspace: Workspace) -> None:
    shown = Program(workspace.folder, 4000)("datasets").out
    assert all(name in shown for name in DATASETS)


def test_two_evaluations_of_one_model_are_told_apart_by_words(tmp_path: Path) -> None:
    program = Program(many(tmp_path, users=40, items=30).folder)
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    assert program("evaluate", "pop", "--datasets", "shop", "--sample", "20").code == 0
    lines = program("results").out.splitlines()
    rows = [lines[place + 1].split()[:2] for place, line in enumerate(lines) if line.split()[:1] == ["pop"]]
    assert rows == [["all", "events"], ["sample", "20"]]
