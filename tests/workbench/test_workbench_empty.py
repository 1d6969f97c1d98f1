"""An area that is opened empty: its footer offers what works, and it is as usual once a job has filled it."""

from __future__ import annotations

from pathlib import Path

import maps
import pytest
import shop
from conftest import check_snapshot, notifications, poll, press, screen_text, settle

from store import jobs
from store.enums import JobState
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.map.map_canvas import MapCanvas
from workbench.ui.area import AreaScreen
from workbench.ui.table import Table

PROJECT = "project only --datasets films --kind items --method tsne"
# Area, its key, its table that `j` moves in once there is something, and the footer while there is nothing.
TABLES = {
    "home": ("1", "#evaluations", "n Start  i Ingest  c Copy command"),
    "data": ("2", "#data", "i Ingest"),
    "jobs": ("3", "#jobs", "n New"),
    "results": ("4", "#grid", ""),
    "users": ("5", "#history", ""),
}


def fill(workspace: Workspace) -> None:
    """What jobs of other processes would store."""
    shop.build(workspace.folder)
    shop.add_jobs(workspace)


def footer(app: Workbench) -> str:
    """The keys of the last line, less those that work everywhere."""
    line = screen_text(app).splitlines()[-1].strip()
    assert line.endswith("? Help  q Quit")
    return line.removesuffix("? Help  q Quit").strip()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("exists", [False, True], ids=["no workspace", "an empty one"])
@pytest.mark.parametrize("area", TABLES)
async def test_what_a_job_fills_has_the_cursor(tmp_path: Path, area: str, exists: bool, size: tuple[int, int]) -> None:
    workspace = Workspace(tmp_path / "w")
    if exists:
        with workspace.write():
            pass
    key, table, keys = TABLES[area]
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, key)
        assert footer(app) == keys
        fill(workspace)
        await poll(pilot)
        found = app.screen.query_one(table, Table)
        assert app.focused is found
        assert footer(app) != keys
        found.move_cursor(row=0)
        before = found.cursor_coordinate
        await press(pilot, "j l")
        assert found.cursor_coordinate == (1, before.column + (found.cursor_type == "cell"))


async def test_a_list_that_is_filled_later_takes_no_focus_away(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    shop.add_dataset(workspace, "films", users=5, items=9, seed=1)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.focused is app.screen.query_one("#datasets")
        shop.add_model(workspace, "pop")
        shop.evaluate(workspace, "pop", "films")
        await poll(pilot)
        assert app.screen.query_one("#evaluations", Table).row_count == 1
        assert app.focused is app.screen.query_one("#datasets")


async def test_numbers_that_a_slice_hid_have_the_cursor_again(workspace: Workspace) -> None:
    with workspace.write() as db:
        db.execute("DELETE FROM metric WHERE slice = 'target'")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        screen = app.screen
        assert isinstance(screen, AreaScreen)
        app.ui_state.results.slice = "target"
        screen.reload()
        await settle(pilot)
        assert "No evaluation here has metrics by target" in screen_text(app)
        assert footer(app) == "e Show"
        app.ui_state.results.slice = "all"
        screen.reload()
        await settle(pilot)
        assert app.focused is screen.query_one("#grid")
        await press(pilot, "j")
        assert screen.query_one("#grid", Table).cursor_row == 1


@pytest.mark.parametrize("area", [*TABLES, "map"])
async def test_no_key_and_no_command_is_offered_that_needs_what_is_not_there(tmp_path: Path, area: str) -> None:
    app = Workbench(Workspace(tmp_path / "w"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, TABLES[area][0] if area in TABLES else "6")
        commands = {command.title for command in app.get_system_commands(app.screen)}
        assert not [title for title in commands if title.startswith(("Copy  (", "Copy table", "Pager", "Maximise"))]
        for key in ("y", "Y", "V", "z"):
            await press(pilot, key)
        assert not notifications(app)


async def test_an_empty_map_follows_the_job_that_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path("w"))
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        assert footer(app) == ""  # no dataset to make a map of
        shop.add_dataset(workspace, "films", users=5, items=9, seed=1)
        shop.add_model(workspace, "only")
        await poll(pilot)
        assert "No map yet. p opens the form" in screen_text(app)
        assert footer(app) == "p New map"
        number = shop.add_job(workspace, PROJECT)
        await poll(pilot)
        assert "No map yet" not in screen_text(app)
        assert "○ queued  job 1, project only on films" in screen_text(app)
        assert "Jobs (3)" in screen_text(app)
        shop.run_job(workspace, number)
        with workspace.write() as db:
            jobs.advance(db, number, stage="t-SNE", done=43, total=100, seconds=3.0)
        await poll(pilot)
        assert "● running  job 1, project only on films: t-SNE  ███·····  43 %" in screen_text(app)
        check_snapshot(app, "map-making-80x24")
        maps.add_map(workspace, ("films",))
        with workspace.write() as db:
            jobs.finish(db, number, JobState.SUCCEEDED, "9 points", 0, 4.0)
        await poll(pilot)
        assert "9 of 9" in screen_text(app)
        assert app.focused is app.screen.query_one("#map-first", MapCanvas)
        assert "n Neighbours" in footer(app)


async def test_an_empty_map_says_that_the_job_failed_which_should_have_made_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    shop.add_dataset(workspace, "films", users=5, items=9, seed=1)
    number = shop.add_job(workspace, PROJECT)
    shop.run_job(workspace, number)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        assert "● running  job 1" in screen_text(app)
        with workspace.write() as db:
            jobs.finish(db, number, JobState.FAILED, "no space left", 1, 3.0)
        await poll(pilot)
        assert "✗ failed  job 1, project only on films: no space left" in screen_text(app)
        assert "No map yet. p opens the form" in screen_text(app)
        again = shop.add_job(workspace, PROJECT)
        await poll(pilot)
        assert "no space left" not in screen_text(app)
        assert f"○ queued  job {again}" in screen_text(app)
