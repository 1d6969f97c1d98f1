"""What must not break the workbench: broken rows, broken files, other writers, and hostile titles."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import maps
import pytest
import shop
from conftest import poll, press, screen_text, settle, until

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.help.dialog import HelpDialog
from workbench.ui.item import ItemDialog
from workbench.ui.key_table import bindings_of
from workbench.ui.problem import ProblemDialog

NASTY = [
    "\x1b[31mred\x1b[0m \x1b]52;c;ZXZpbA==\x07 \x1b[2J",
    "[bold red]markup[/] [@click=app.quit]quit[/] [/nope]",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "漢字" * 200,
    "👩‍👩‍👧‍👦 family é combi\u0301\u0301\u0301ning",
    "long " * 20_000,
    "",
    "tabs\tand\nlines\r\nand \u2028 and \x00 nul",
    "~~~ `code` {braces} %s $(rm) \\n",
    "\u00ad\ufeff\u200b",
]


@pytest.fixture
def busy(workspace: Workspace) -> Workspace:
    """With jobs of every state and two maps."""
    shop.add_jobs(workspace)
    maps.add_map(workspace, method="umap", seed=3)
    maps.add_map(workspace)
    return workspace


def assert_clean(text: str) -> None:
    bad = {c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u202e\u202c\u2066\u2028"}
    assert not bad, bad


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_hostile_titles_are_shown_and_never_obeyed(tmp_path: Path, size: tuple[int, int]) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "nasty [red]\x1b[31m", users=12, items=len(NASTY), seed=7, titles=NASTY)
    shop.add_model(workspace, "pop")
    shop.evaluate(workspace, "pop", "nasty [red]\x1b[31m")
    app = Workbench(workspace)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert_clean(screen_text(app))
        await press(pilot, "4 v j j enter d escape s")
        assert_clean(screen_text(app))
        await press(pilot, "5")
        for keys in ("", "n x", "n plus", "r"):
            await press(pilot, keys)
            assert_clean(screen_text(app))
            rows = screen_text(app).splitlines()
            assert len(rows) == size[1]
        for number in range(len(NASTY) if size == (80, 24) else 0):
            item = next(h.item for h in _everything(app) if h.item.item == number)
            app.push_screen(ItemDialog(item))
            await settle(pilot)
            assert_clean(screen_text(app))
            await press(pilot, "G escape")
        assert app.is_running


def _everything(app: Workbench) -> list:
    from workbench.ui.ui_state import UsersChoice
    from workbench.users.user_event import read_user_event

    found = []
    for user in range(12):
        name = app.ui_state.users.dataset
        user_event = read_user_event(app.workspace, UsersChoice(name, f"user{user:05d}"), "user").user_event
        found += [*user_event.history, user_event.target]
    return found


async def test_a_100_000_character_title_is_counted_in_full(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "long", users=3, items=5, seed=7, titles=["x" * 100_000] * 5)
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 enter G")
        assert isinstance(app.screen, ItemDialog)
        app.screen.query_one("#dialog-body").scroll_home(animate=False)
        assert "the first 20,000 of 100,000 characters" in str(app.screen.query_one("#item").render())


# Area, its key, what it says where there is nothing, and what it then shows of a dataset.
AREAS = {
    "home": ("1", "The demo makes one", "movielens-small      3"),
    "data": ("2", "No dataset yet", "movielens-small         3"),
    "jobs": ("3", "No job yet", "ingest other"),
    "results": ("4", "there is no dataset", "shop-garden"),
    "users": ("5", "there is no dataset", "Users  3"),
    "map": ("6", "No map yet", "st5 project only"),
    "help": ("question_mark", "Esc closes", "Esc closes"),
}
# The broken row that each area meets, and what the dialog says of it.
BROKEN = {
    "home": ("UPDATE model SET lineage = '{broken' WHERE name = 'pop'", "The models cannot be read"),
    "data": ("UPDATE dataset SET source = '{broken' WHERE name = 'shop-kitchen'", "This is unexpected"),
    "jobs": ("UPDATE job SET arguments = '{broken' WHERE id = 2", "This is unexpected"),
    "results": ("UPDATE evaluation SET protocol = '{broken' WHERE id = 1", "This is unexpected"),
    "users": ("UPDATE sequence SET items = x'00' WHERE sequence = 0", "This is unexpected"),
    "map": ("UPDATE projection SET parameters = '{broken' WHERE id = 1", "This is unexpected"),
}


@pytest.mark.parametrize("exists", [False, True], ids=["no workspace", "an empty one"])
@pytest.mark.parametrize("area", AREAS)
async def test_with_nothing_there_an_area_says_what_to_do_and_every_key_of_it_is_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, area: str, exists: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    if exists:
        with Workspace(tmp_path / "w").write():
            pass
    key, nothing, _ = AREAS[area]
    app = Workbench(Workspace(tmp_path / "w"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, key)
        assert nothing in screen_text(app)
        opened = app.screen
        for binding in [] if exists or area == "help" else list(bindings_of(opened, app)):
            await pilot.press(binding.key)
            await settle(pilot)
            assert not isinstance(app.screen, ProblemDialog), (binding, screen_text(app))
            while app.screen is not opened:
                app.pop_screen()
                await settle(pilot)
        assert nothing in screen_text(app)
    assert (tmp_path / "w").exists() == exists


@pytest.mark.parametrize("area", BROKEN)
async def test_a_broken_row_becomes_a_dialog_and_the_rest_is_shown(busy: Workspace, area: str) -> None:
    statement, words = BROKEN[area]
    with sqlite3.connect(busy.database) as db:
        assert db.execute(statement).rowcount
    app = Workbench(busy, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        if isinstance(app.screen, ProblemDialog):  # Home meets what many areas read
            assert "cannot be read" in screen_text(app)
            await press(pilot, "escape")
            assert "st5 doctor" in screen_text(app)  # and nothing of what may be there is said to be missing
            assert "No model has been evaluated" not in screen_text(app)
            assert "has no dataset yet" not in screen_text(app)
        if area != "home":
            await press(pilot, AREAS[area][0])
            assert isinstance(app.screen, ProblemDialog)
            assert words in screen_text(app)
            await press(pilot, "escape")
        for key in "123456":  # the others go on, whatever they can read
            await press(pilot, key)
            await press(pilot, "escape")
            assert f"[{key} " in screen_text(app)
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpDialog)


@pytest.mark.parametrize("area", AREAS)
async def test_a_database_that_changes_under_an_area(busy: Workspace, area: str) -> None:
    key, nothing, replaced = AREAS[area]
    app = Workbench(busy, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, key)
        shop.add_dataset(busy, "movielens-small", users=3, items=10, seed=9, replace=True)
        shop.add_job(busy, "ingest other")
        await poll(pilot)
        assert replaced in screen_text(app)
        with busy.write() as db:
            for table in ("dataset", "model", "job", "projection"):
                db.execute(f"DELETE FROM {table}")
        await poll(pilot)
        assert nothing in screen_text(app)
        shutil.rmtree(busy.folder)
        await poll(pilot)
        assert nothing in screen_text(app)
        await press(pilot, "escape 1")
        await until(pilot, "There is no workspace here yet")
        assert len(app.screen_stack) == 1


async def test_a_block_with_a_wrong_checksum_is_named(workspace: Workspace) -> None:
    with sqlite3.connect(workspace.database) as db:
        db.execute("UPDATE rank_block SET hash = 'wrong' WHERE name = 'top_items'")
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert "do not match their checksum" in screen_text(app)
        await press(pilot, "escape 4")
        assert "NDCG@10" in screen_text(app)


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "st5.db").write_bytes(b"this is a letter, not a database" * 400)
    before = (tmp_path / "st5.db").read_bytes()
    app = Workbench(Workspace(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, ProblemDialog)
        assert "is damaged or is no SQLite database" in screen_text(app)
        await press(pilot, "escape 4")
        await press(pilot, "escape 5 escape q")
    assert (tmp_path / "st5.db").read_bytes() == before


async def test_a_database_of_a_newer_version_is_refused_in_words(workspace: Workspace) -> None:
    with sqlite3.connect(workspace.database) as db:
        db.execute("PRAGMA user_version = 999")
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "version 999" in screen_text(app)


async def test_another_writer_at_work_disturbs_nothing(workspace: Workspace) -> None:
    with workspace.write() as db:
        db.execute("BEGIN IMMEDIATE")
        app = Workbench(workspace)
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await press(pilot, "4 x m")
            assert "[4 Results]" in screen_text(app)
            await pilot.press("q")  # cannot be remembered: forgotten without a word
        db.execute("ROLLBACK")
    assert Workbench(workspace).ui_state.results.seen == "mask"


async def test_a_dataset_replaced_or_removed_under_the_app(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 n n")
        shop.add_dataset(workspace, "movielens-small", users=3, items=10, seed=9, replace=True)
        await until(pilot, "Users  3")
        await press(pilot, "n n r 4 1 5")
        with workspace.write() as db:
            db.execute("DELETE FROM dataset")
        await until(pilot, "there is no dataset")
        shutil.rmtree(workspace.folder)
        await poll(pilot)
        await press(pilot, "1")
        assert "There is no workspace here yet" in screen_text(app)


async def test_remembered_nonsense_gives_way_to_defaults(workspace: Workspace) -> None:
    from store import ui_state

    nonsense = [
        {"results": {"slice": "nope", "cutoff": 7, "family": 3, "seen": None}, "users": {"top": 11}, "theme": "none"},
        ["not", "a", "dict"],
        {"results": {"dataset": "gone"}, "users": {"dataset": "gone", "user": "nobody", "event": 99_999}},
    ]
    for value in nonsense:
        with workspace.write() as db:
            ui_state.put(db, "workbench", value)
        app = Workbench(workspace, readonly=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            await press(pilot, "4 5 n")
            assert "rank" in screen_text(app)
