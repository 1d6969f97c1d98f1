"""The pictures of the documentation: drawn from what a workspace holds, and what it lacks is said."""

from __future__ import annotations

from pathlib import Path

import maps
import shop

from scripts.pictures import PICTURES
from scripts.screenshot import draw_all
from scripts.stage import lines
from scripts.subject import Subject
from store.workspace import Workspace


def draw(workspace: Workspace, out: Path, *names: str) -> tuple[dict[str, str], list[str]]:
    """The pictures that came, and the words about those that did not."""
    left_out = draw_all(Subject(workspace), tuple(each for each in PICTURES if each.name in names), out)
    return {path.stem: path.read_text() for path in sorted(out.glob("*.svg"))}, left_out


def test_every_picture_is_of_what_it_says_and_comes_out_the_same_twice(workspace: Workspace, tmp_path: Path) -> None:
    shop.add_jobs(workspace)
    maps.add_map(workspace)
    maps.add_map(workspace, method="umap")
    before = workspace.database.read_bytes()
    names = ("jobs", "results-compare", "users", "map-beside")
    drawn = []
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        drawn.append(draw(workspace, tmp_path / attempt, *names))
    pictures, left_out = drawn[0]
    assert left_out == []
    assert set(pictures) == set(names)
    assert drawn[0] == drawn[1]
    assert "A only   B" in "\n".join(lines(pictures["results-compare"]))
    assert workspace.database.read_bytes() == before


def test_what_a_workspace_lacks_is_said_and_not_drawn(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    pictures, left_out = draw(workspace, tmp_path / "out", "jobs", "map", "results-experiment", "home-empty")
    assert set(pictures) == {"home-empty"}
    assert [words.split(":")[0] for words in left_out] == [
        "jobs.svg is not drawn",
        "results-experiment.svg is not drawn",
        "map.svg is not drawn",
    ]
    assert "no training with a curve: st5 train" in left_out[0]
    assert "no experiment was asked for: st5 experiment" in left_out[1]
    assert "no map: st5 project" in left_out[2]


def test_a_model_that_cannot_be_asked_gives_no_picture(workspace: Workspace, tmp_path: Path) -> None:
    pictures, left_out = draw(workspace, tmp_path, "users-edit")  # the shop has its models in name only
    assert not pictures
    assert "users-edit.svg is not drawn" in left_out[0]
