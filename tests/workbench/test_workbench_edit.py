"""A history that is edited and ranked again: the draft by itself, and the screen with the real process behind it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import shop
from conftest import check_snapshot, notifications, press, screen_text, settle, until
from test_workbench_faults import NASTY, assert_clean
from test_workbench_keys import own_bindings
from textual.pilot import Pilot

from engine.baselines.request import BaselineRequest
from engine.baselines.trained import train_baseline
from engine.evaluation import evaluate
from engine.models import make_baseline
from engine.progress import Observer
from engine.protocol import EvaluationOptions
from store.rows import Item
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.help.dialog import sections
from workbench.ui.table import Table
from workbench.users.edited_panel import EditedPanel
from workbench.users.history_draft import HistoryDraft
from workbench.users.part_shares import ItemShares
from workbench.users.part_shares import rows as part_rows
from workbench.users.rank_changes import rank_changes
from workbench.users.score_bars import ScoreBar, bar_cells, rows
from workbench.users.why import WhyDialog


def items(*numbers: int) -> tuple[Item, ...]:
    return tuple(Item(n, f"k{n}", f"title {n}", "", "") for n in numbers)


def test_a_draft_keeps_every_step() -> None:
    stored = HistoryDraft.of(items(3, 5, 7), older=(1, 2))
    assert stored.query == (1, 2, 3, 5, 7)
    edited = stored.dropped(1)
    assert edited.query == (1, 2, 3, 7)
    edited = edited.grown(1, None, "a lamp").grown(3, items(9)[0])
    assert edited.query == (1, 2, 3, "a lamp", 7, 9)
    assert edited.moved(1, 1).query == (1, 2, 3, 7, "a lamp", 9)
    assert edited.moved(0, -1) == edited
    assert edited.moved(3, 1) == edited
    assert len({entry.number for entry in edited.entries}) == 4
    assert edited.changed
    assert edited.undone().query == (1, 2, 3, "a lamp", 7)
    assert edited.undone().undone().undone() == HistoryDraft(stored.older, stored.first, stored.entries, added=2)
    assert not edited.reset().changed
    assert edited.reset().undone().entries == edited.entries
    assert stored.undone() == stored.reset() == stored


def test_places_that_changed() -> None:
    assert rank_changes([7, 9, 5, 1, 8], [9, 7, 8, 1]) == ["▲1", "▼1", "new", "=", "▼2"]
    assert rank_changes([1, 2], None) == ["", ""]
    assert rank_changes([1, 2], [1, 2]) == ["=", "="]


def test_bars_share_one_zero_and_one_scale() -> None:
    assert bar_cells([4, 2, 0, -4], 9) == ["    │████", "    │██  ", "    │    ", "▒▒▒▒│    "]
    assert bar_cells([1, 0.5], 5) == ["│████", "│██  "]
    assert bar_cells([-1, -0.01], 5) == ["▒▒▒▒│", "   ▒│"]
    assert bar_cells([0.0, 0.0], 5) == ["│    ", "│    "]
    text = rows([ScoreBar(9, "[b]一 lamp\x1b[2J", 0.25), ScoreBar(10, "x" * 500, -0.125)], 60)
    assert all(row.cell_len == 60 for row in text)
    assert " 9  [b]一 lamp" in text[0].plain
    assert "+.2500" in text[0].plain
    assert "−.1250" in text[1].plain
    assert "\x1b" not in text[0].plain


@pytest.fixture
def real(workspace: Workspace) -> Workspace:
    """The workspace with an evaluation of bm25, which needs no weights: it is ranked for real here."""
    shop.add_model(workspace, "bm25")
    shop.evaluate(workspace, "bm25", "movielens-small")
    return workspace


async def opened(pilot: Pilot, keys: str = "5 e") -> str:
    await settle(pilot)
    await press(pilot, keys)
    return await until(pilot, "ready,")


def listed(app: Workbench, table: str) -> list[list[str]]:
    """The rows of a table as words."""
    return [row.split("\t") for row in app.screen.query_one(table, Table).as_text().split("\n")[1:]]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def ranked(pilot: Pilot, before: list[list[str]]) -> list[list[str]]:
    """The ranking once it is there, which is not the one before."""
    app: Workbench = pilot.app  # type: ignore[assignment]
    await settle(pilot)
    assert app.screen.query_one("#again-picks").display, screen_text(app)
    now = listed(app, "#again-picks")
    assert now != before, screen_text(app)
    return now


async def test_edits_rank_again_and_the_process_ends_with_the_workbench(real: Workspace) -> None:
    app = Workbench(real, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        text = await opened(pilot)
        assert "● ready, … MB, … ms" in text  # as the screen is read here
        assert "History  " in text
        assert "as stored" in text
        await press(pilot, "m")
        assert "The model that ranks" in screen_text(app)
        await press(pilot, "G enter")  # the newest evaluation: bm25
        await until(pilot, "m model bm25")
        first = await ranked(pilot, [])
        assert {row[1] for row in first} == {""}
        history = listed(app, "#edited")
        newest = history[-1][2]
        picked = [row[4] for row in first]
        assert newest not in picked  # masked

        await press(pilot, "d")
        dropped = await ranked(pilot, first)
        assert listed(app, "#edited") == history[:-1]
        assert "edited" in screen_text(app)
        assert any(row[1].startswith(("▲", "▼")) or row[1] in ("new", "=") for row in dropped)

        await press(pilot, "u")
        again = await ranked(pilot, dropped)
        assert [row[4] for row in again] == picked
        assert listed(app, "#edited") == history

        await press(pilot, "G K")
        assert [row[2] for row in listed(app, "#edited")][-2:] == [newest, history[-2][2]]
        assert app.screen.query_one(EditedPanel).table.cursor_row == len(history) - 2
        await press(pilot, "alt+down")
        assert listed(app, "#edited") == history

        await press(pilot, "a")
        await press(pilot, *[" ".join("orchard")])
        assert "Orchard" in screen_text(app)
        await press(pilot, "up enter")  # above the first item found: the words themselves
        await until(pilot, '" words')
        worded = await ranked(pilot, again)
        assert listed(app, "#edited")[-1][1:] == ['"', "orchard"]
        assert "Orchard" in worded[0][4]

        await press(pilot, "w")
        text = await until(pilot, "Score with the whole history")
        assert re.search(r"orchard +\+\d*\.\d{4} +│█+", text)
        assert "How much the score that bm25 gives it falls (+) or rises (−)" in text
        await press(pilot, "escape r")
        await until(pilot, "as stored")
        assert listed(app, "#edited") == history

        await press(pilot, " ".join("d" * len(history)))
        text = await until(pilot, "The history is empty: there is nothing to rank by.")
        assert not app.screen.query_one("#again-picks").display
        await press(pilot, "w")
        assert "Nothing is ranked yet." in notifications(app)
        await press(pilot, "u x")
        text = await until(pilot, "• in the history")
        assert "x seen items kept" in text
        pid = app.inference.pid
        assert pid is not None
        assert alive(pid)
        await press(pilot, "escape")
        assert "before the target" in screen_text(app)
    assert not alive(pid)


async def test_a_model_that_cannot_be_opened_and_a_process_that_dies_are_said(real: Workspace) -> None:
    app = Workbench(real, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        await press(pilot, "e m")
        await press(pilot, "g j j j enter")  # only, which never had weights
        await until(pilot, "m model only")
        await until(pilot, "! ")
        assert not app.screen.query_one("#again-picks").display
        await press(pilot, "m g enter")
        await until(pilot, "● ready")
        pid = app.inference.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        text = await until(pilot, "was ended by SIGKILL")
        assert "starts it again" in text
        await press(pilot, "d")
        await until(pilot, "● ready")
        assert app.inference.pid not in (None, pid)


async def test_where_there_is_nothing_to_ask_the_keys_say_why(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 d G enter w")  # a dataset without evaluations
        assert "No model recommends anything here" in notifications(app)
        await press(pilot, "e")
        assert "there is no model to rank with" in notifications(app)


async def test_why_is_about_the_row_under_the_cursor_the_target_included(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        *earlier, target = (row[4] for row in listed(app, "#history"))
        third = listed(app, "#left-picks")[2][-1]
        for keys, title in (("w", target), ("escape k w", earlier[-1]), ("escape tab j j w", third)):
            await press(pilot, keys)
            assert isinstance(app.screen, WhyDialog)
            asked = app.screen.as_text() or screen_text(app)
            assert title in asked
            assert "How much the score that only gives it" in asked


def test_shares_of_parts_stand_in_columns() -> None:
    items = [ItemShares(1, "[b]一 lamp\x1b[2J", (0.25, -1.5)), ItemShares(10, "x" * 500, (0.0, 12.0), marked=True)]
    blank, heading, *lines = part_rows(("bm25", "popularity-of-late"), items, 60)
    assert not blank.plain
    assert [line.cell_len for line in (heading, *lines)] == [60, 60, 60]
    assert heading.plain.split() == ["#", "recommended", "bm25", "popularity-of-late"]
    assert [line.plain.split()[-2:] for line in lines] == [["+.25", "−1.50"], ["+.00", "+12.00"]]
    assert "\x1b" not in lines[0].plain
    assert len(part_rows(("bm25", "popularity-of-late"), items, 40)[1].plain) == 40
    assert "…" in part_rows(("bm25", "popularity-of-late"), items, 40)[1].plain  # names are cut before titles are


async def test_why_says_what_each_part_of_a_sum_adds_to_all_that_is_recommended(real: Workspace) -> None:
    request = BaselineRequest("fusion", parts=("pop", "bm25"), settings=("weights=1,0.5",))
    train_baseline(real, make_baseline(real, request), "movielens-small", Observer())
    evaluate(real, "fusion", "movielens-small", EvaluationOptions())
    app = Workbench(real, readonly=True)
    app.ui_state.users.dataset = "movielens-small"
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 tab j w")
        await until(pilot, "recommended")
        assert isinstance(app.screen, WhyDialog)
        said = app.screen.as_text()
        heading, *lines = said[said.rindex("#") :].splitlines()
        assert heading.split() == ["#", "recommended", "pop", "bm25"]
        await press(pilot, "escape")
        assert [line.split()[0] for line in lines] == [row[0] for row in listed(app, "#left-picks")]
        for line, row in zip(lines, listed(app, "#left-picks"), strict=True):
            pop, bm25 = (float(share.replace("−", "-")) for share in line.split()[-2:])
            assert pop + bm25 == pytest.approx(float(row[2].replace("−", "-")), abs=0.011)  # three rounded numbers


async def test_why_from_users_and_titles_of_any_kind(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "nasty [red]\x1b[31m", users=12, items=len(NASTY), seed=7, titles=NASTY)
    shop.evaluate(workspace, "pop", "nasty [red]\x1b[31m")
    app = Workbench(workspace, readonly=True)
    app.ui_state.users.dataset = "nasty [red]\x1b[31m"
    app.ui_state.users.seen = "keep"
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 tab w")
        shown = await until(pilot, "Score with the whole history")
        assert "How much the score that pop gives it" in shown
        assert "No entry makes a difference" in shown
        await press(pilot, "escape e")
        await until(pilot, "● ready")
        await ranked(pilot, [])
        shown += screen_text(app)
        await press(pilot, "a")
        shown += screen_text(app)
        await press(pilot, "left_square_bracket r e d right_square_bracket up enter")
        shown += await until(pilot, '" words')
        await press(pilot, "w")
        shown += await until(pilot, "Score with the whole history")
        await press(pilot, "escape k k enter")
        shown += screen_text(app)
        assert_clean(shown)
        assert app.is_running


async def test_the_screen(real: Workspace) -> None:
    app = Workbench(real, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 a G enter e")
        await until(pilot, "ready,")
        before = await ranked(pilot, [])
        await press(pilot, "k d")
        await ranked(pilot, before)
        for width, height in ((120, 40), (200, 60), (80, 24)):
            await pilot.resize_terminal(width, height)
            await settle(pilot)
            check_snapshot(app, f"edit-{width}x{height}")
        for width, height in ((80, 24), (120, 40)):
            await pilot.resize_terminal(width, height)
            await press(pilot, "a " + " ".join("mirror"))
            check_snapshot(app, f"edit-add-{width}x{height}")
            await press(pilot, "escape w")
            await until(pilot, "Score with the whole history")
            check_snapshot(app, f"edit-why-{width}x{height}")
            await press(pilot, "escape")


async def test_the_keys_of_the_screen_are_explained_and_do_not_clash(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 e")
        last = screen_text(app).splitlines()[-1]
        assert last.endswith("? Help  q Quit")
        listed_ids = {line.id for part in sections(app.screen, app).values() for line in part}
        by_key: Counter[str] = Counter()
        for binding in (b for node in (app.screen, app, Table) for b in own_bindings(node)):
            assert binding.id in listed_ids or binding.system
            assert binding.tooltip
            if not binding.system:
                by_key.update(binding.key.split(","))
        assert {key for key, count in by_key.items() if count > 1} <= {"enter"}


def test_no_process_outlives_a_workbench_that_was_killed(real: Workspace, tmp_path: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from store.workspace import Workspace
from workbench.users.inference_process import InferenceProcess
from engine.inference.messages import RankRequest

warm = InferenceProcess(Path({str(real.folder.absolute())!r}))
warm.ask(lambda number: RankRequest(number, "gone", (1,), 1, 5), lambda answer: None)
print(warm.pid, flush=True)
time.sleep(600)  # until it is killed
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())
        assert alive(pid)
        killed.kill()
    waited = subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], timeout=60, check=False)
    assert waited.returncode == 0
