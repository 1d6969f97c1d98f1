"""The form: the command it makes while one types, starting it, and looking for files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import shop
from conftest import check_snapshot, happens, notifications, press, screen_text, settle, until
from textual.events import Key
from textual.pilot import Pilot

from store import jobs
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.help.dialog import HelpDialog
from workbench.launch.dialog import LaunchDialog
from workbench.launch.registry import KINDS
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.file_picker import FilePicker
from workbench.ui.problem import NotStartedDialog

SIZES = [(80, 24), (120, 40), (200, 60)]


async def ended(pilot: Pilot, workspace: Workspace, number: int) -> None:
    """Wait until a job is over, which on a loaded machine may take its time: it loads libraries."""

    def over() -> bool:
        with workspace.read() as db:
            return any(job.id == number and job.state in jobs.FINAL for job in jobs.jobs(db, 10))

    await happens(pilot, f"the end of job {number}", over)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_form(workspace: Workspace, size: tuple[int, int]) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        check_snapshot(app, f"launch-{size[0]}x{size[1]}")


async def test_the_forms_of_other_kinds(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n enter")
        check_snapshot(app, "launch-kinds-80x24")
        await press(pilot, "escape")
        kinds = list(KINDS)
        place = 0
        for kind in ("evaluate", "project", "experiment", "report", "ingest amazon23", "ingest table"):
            steps = kinds.index(kind) - place
            await pilot.press(*["right"] * steps)
            await settle(pilot)
            check_snapshot(app, f"launch-{kind.split()[-1]}-80x24")
            place += steps


async def test_the_command_follows_what_is_typed_and_nothing_wrong_starts(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        form = app.screen
        assert isinstance(form, LaunchDialog)
        await press(pilot, "ctrl+s")
        assert app.screen is form  # no dataset is chosen
        await press(pilot, "tab right right right")  # nopre, itempre, final, only: and round again
        assert "‹ only ›  nothing is trained" in screen_text(app)
        await press(pilot, "left tab down space tab tab tab")
        await pilot.press(*"bach=64")
        await settle(pilot)
        text = screen_text(app)
        assert "‹ final ›" in text
        assert "[x] shop-garden" in text
        assert '✗ --set bach=64: No setting "bach"' in text
        await pilot.press(*["backspace"] * 5, *"tch=64", "ctrl+y")
        await settle(pilot)
        assert "✓ ready" in screen_text(app)
        command = "st5 train final --datasets shop-garden --recipe modern --set batch=64 --detach"
        assert form.command == command
        assert app.clipboard == command
        await press(pilot, "escape n")
        assert isinstance(app.screen, LaunchDialog)
        assert app.screen.command == command  # what was filled in stays


async def test_every_kind_keeps_what_was_filled_in_also_after_the_form_was_left(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n right tab space tab space")
        assert "st5 evaluate pop --datasets movielens-small --detach" in screen_text(app)
        await press(pilot, "shift+tab shift+tab right")
        assert "st5 baseline pop --detach" in screen_text(app)
        await press(pilot, "escape 2 i")  # from another area, for another kind
        assert "‹ ingest movielens ›" in screen_text(app)
        await press(pilot, "escape 3 n")
        assert "‹ ingest movielens ›" in screen_text(app)  # as it was left
        await press(pilot, "enter g down enter")
        assert "st5 evaluate pop --datasets movielens-small --detach" in screen_text(app)


async def test_fields_that_say_nothing_are_not_there(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n tab left")
        text = screen_text(app)
        assert "‹ only ›" in text
        assert "recipe" not in text
        assert "pooling" not in text
        await press(pilot, "tab")
        await pilot.press(*"./mine")
        await settle(pilot)
        assert "pooling" in screen_text(app)
        assert "✗ Backbone ./mine: no such folder" in screen_text(app)


async def test_what_the_command_refuses_is_shown_and_the_form_keeps_its_words(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n right tab space tab space")
        assert "✓ ready" in screen_text(app)
        with workspace.write() as db:  # by another process, after all was judged
            db.execute("DELETE FROM dataset")
        await press(pilot, "ctrl+s")
        text = await until(pilot, "The job could not be started")
        assert isinstance(app.screen, NotStartedDialog)
        assert "No dataset" in " ".join(text.split())
        await press(pilot, "escape n")
        assert isinstance(app.screen, LaunchDialog)


async def test_a_job_is_started_and_shown_also_where_all_is_typed_ahead(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        for key in ("right", "tab", "space", "tab", "j", "j", "space", "ctrl+s"):  # before the first is drawn
            app.post_message(Key(key, {"space": " ", "j": "j"}.get(key)))
        await until(pilot, "Job 1  evaluate pop on shop-kitchen")
        await ended(pilot, workspace, 1)
        await until(pilot, "✓ succeeded")
        await press(pilot, "o")
        assert "dataset shop-kitchen" in screen_text(app)


async def test_a_table_is_ingested_from_files_that_were_looked_for(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "plays.csv").write_text("user_id,item_id,position\nu,a,1\nu,b,2\nu,c,3\nv,b,1\nv,c,2\n")
    (folder / "songs.csv").write_text("item_id,title\na,Alpha\nb,Beta\nc,Gamma\n")
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2 i enter G up up enter tab m i n e tab")
        for name in ("plays", "songs"):
            await press(pilot, "ctrl+o")
            await press(pilot, "slash f i l e s enter" if name == "plays" else "slash s o n g enter")
            if name == "plays":  # into the folder; its filter stays behind
                await press(pilot, "enter")
                assert "songs.csv" in screen_text(app)
                await press(pilot, "slash p l a y s enter")
            await press(pilot, "enter tab")
        assert "st5 ingest table --events files/plays.csv --items files/songs.csv --name mine --detach" in screen_text(
            app
        )
        await press(pilot, "ctrl+s")
        await ended(pilot, workspace, 1)
        assert "mine " in await until(pilot, "Datasets  4")


async def test_replacing_a_dataset_asks_with_what_is_deleted_and_is_not_carried_over(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2 i")
        form = app.screen
        assert isinstance(form, LaunchDialog)
        await press(pilot, "tab tab")
        await pilot.press(*"movielens-small")
        while app.focused is not form.page.shown[-1]:
            await press(pilot, "tab")
        await press(pilot, "right")
        assert "--name movielens-small --replace" in form.command
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, ConfirmDialog)
        assert re.search(r"Its \d+ evaluations are deleted", app.screen.words)
        await press(pilot, "escape")
        assert app.screen is form  # nothing was started
        await press(pilot, "escape i")
        assert isinstance(app.screen, LaunchDialog)
        assert "--name movielens-small" in app.screen.command
        assert "--replace" not in app.screen.command


async def test_a_read_only_workbench_starts_nothing_and_says_so(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "n 2 i 3 n")
        assert len(app.screen_stack) == 1
        assert notifications(app).count("read-only") == 3


@pytest.fixture
def picking(workspace: Workspace, tmp_path: Path) -> Path:
    """A folder to look into: two folders, hidden things, names that are not plain."""
    for name in ("data", "empty", ".hidden"):
        (tmp_path / "here" / name).mkdir(parents=True)
    for name in ("a.csv", "[b]bold.csv", "esc\x1b[31m.csv", ".secret"):
        (tmp_path / "here" / name).write_text("x" * 1234)
    (tmp_path / "here" / "data" / "deep.json").touch()
    return tmp_path / "here"


async def test_the_picker(workspace: Workspace, picking: Path) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.push_screen(FilePicker("here/a.csv", folder=False))
        await settle(pilot)
        check_snapshot(app, "picker-80x24")


async def test_the_picker_walks_hides_and_gives_the_path_as_one_would_type_it(
    workspace: Workspace, picking: Path, tmp_path: Path
) -> None:
    app = Workbench(workspace)
    chosen: list[str | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.push_screen(FilePicker("here/a.csv", folder=False), chosen.append)
        await settle(pilot)
        assert ".secret" not in screen_text(app)
        await press(pilot, "full_stop")
        assert ".secret" in screen_text(app)
        assert ".hidden/" in screen_text(app)
        await press(pilot, "full_stop slash d a t a enter l")
        assert "deep.json" in screen_text(app)
        await press(pilot, "h")  # on the folder that one came from
        await press(pilot, "l j k l")
        assert chosen == ["here/data/deep.json"]
        app.push_screen(FilePicker("here/nowhere", folder=True), chosen.append)
        await settle(pilot)
        text = screen_text(app)
        assert "a.csv" not in text
        assert "✓ this folder" in text
        await press(pilot, "g enter")
        assert chosen[1:] == ["here"]
        app.push_screen(FilePicker("/", folder=True), chosen.append)
        await settle(pilot)
        await press(pilot, "h slash escape")  # nothing lies above; Esc leaves the filter first
        assert isinstance(app.screen, FilePicker)
        await press(pilot, "escape")
        assert chosen[2:] == [None]


async def test_a_folder_that_goes_away_is_said_in_the_picker(workspace: Workspace, picking: Path) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.push_screen(FilePicker("here/empty/", folder=False))
        await settle(pilot)
        assert "nothing in it" in screen_text(app)
        (picking / "empty").rmdir()
        await press(pilot, "full_stop")
        assert "cannot be listed (No such file or directory)" in screen_text(app)
        await press(pilot, "h")
        assert "a.csv" in screen_text(app)


async def test_quitting_says_which_jobs_go_on(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train final --datasets movielens-small")
    shop.run_job(workspace, number)
    shop.add_job(workspace, "evaluate pop --datasets shop-garden")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "q")
        check_snapshot(app, "quit-80x24")
        await press(pilot, "escape 3 question_mark")
        assert isinstance(app.screen, HelpDialog)
        await press(pilot, "ctrl+q")
        assert "2 jobs go on without it" in screen_text(app)
        await press(pilot, "q")
        assert app.return_code == 0


async def test_quitting_without_a_job_asks_nothing(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "q")
        assert app.return_code == 0
