"""Help as an area: everything there is to say, narrowed by a word or a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import check_snapshot, press, screen_text, settle, until

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.areas import AREAS
from workbench.help.help_entries import entries
from workbench.ui.key_table import known_keys
from workbench.ui.settings import FILE, read_settings

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_area_without_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(tmp_path)
    app = Workbench(Workspace(Path("nothing")), readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "7")
        await until(pilot, "The way to an answer")
        check_snapshot(app, f"guide-{size[0]}x{size[1]}")


async def test_a_word_or_a_key_is_found_and_what_is_not_there_says_so(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "7")
        await until(pilot, "The way to an answer")
        await press(pilot, "slash l o s t enter")
        text = await until(pilot, "? lost")
        assert "r resumes from its last checkpoint" in " ".join(text.split())
        await press(pilot, "slash x y z z y")
        assert "nothing contains that; Esc shows all again" in screen_text(app)
        await press(pilot, "escape")
        assert "The way to an answer" in screen_text(app)


async def test_enter_on_an_area_goes_there(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "7")
        await until(pilot, "The way to an answer")
        await press(pilot, "slash m o d e l s space c o m p a r e d enter j enter")
        assert app.current_mode == "results"


async def test_it_says_every_key_by_the_name_that_it_has_now(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[keys]\n"jobs.cancel" = "X"\n')
    app = Workbench(workspace, readonly=True, settings=read_settings(path))
    async with app.run_test(size=(120, 40)):
        found = entries(app)
    said = {entry.words for entry in found}
    for id, binding in known_keys().items():
        assert f"{binding.description}: {binding.tooltip}" in said, id
    assert [entry.name for entry in found if entry.words.startswith("Cancel: Ask the job")] == ["X"]
    assert [entry.words for entry in found if entry.part == "Areas"] == [area.purpose for area in AREAS]


async def test_it_says_where_ones_own_settings_are(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "mine.toml"))
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)):
        assert str(tmp_path / "mine.toml") in entries(app)[-1].words
