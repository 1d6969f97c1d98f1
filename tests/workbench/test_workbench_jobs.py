"""Jobs: what is listed and said of one, what appears by itself, and what can be done to them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import shop
from conftest import check_snapshot, happens, notifications, poll, press, screen_text, settle, until

from store import jobs
from store.enums import JobState
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.jobs import screen as jobs_screen
from workbench.jobs.job_events import JobEventsDialog
from workbench.jobs.job_view import JobsView
from workbench.jobs.log_pane import JobLog, LogPane
from workbench.ui import area as area_screen
from workbench.ui.table import Table

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_area_with_a_job_of_each_kind(workspace: Workspace, size: tuple[int, int]) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "3 j")
        if size > (80, 24):  # where the log is shown: at its end
            await until(pilot, "step 430 of 1000")
        check_snapshot(app, f"jobs-{size[0]}x{size[1]}")


@pytest.mark.parametrize(("name", "keys"), [("log", "v"), ("events", "v v"), ("validation", "c"), ("told", "enter")])
async def test_what_else_there_is_of_a_job_on_a_small_screen(workspace: Workspace, name: str, keys: str) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, f"3 j {keys}")
        await settle(pilot)
        check_snapshot(app, f"job-{name}-80x24")


async def test_home_says_what_runs(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "● 1 job running: train final 43 %; 1 waits" in screen_text(app)


async def test_without_a_job_it_says_how_to_start_one(workspace: Workspace, tmp_path: Path) -> None:
    for place in (workspace, Workspace(tmp_path / "nothing")):
        app = Workbench(place, readonly=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            await press(pilot, "3")
            assert "No job yet: press n to start one" in screen_text(app)
            await press(pilot, "x r c v f o C s slash escape y enter")
            assert app.is_running
    assert not (tmp_path / "nothing").exists()


async def test_a_job_appears_advances_and_ends_by_itself(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        number = shop.add_job(workspace, "train nopre --datasets shop-garden")
        await until(pilot, "○ queued")
        shop.run_job(workspace, number, device="cuda:1", seconds=12.0)
        await until(pilot, "● running on cuda:1 for 12 s")
        with workspace.write() as db:
            jobs.advance(db, number, stage="sequence-item", done=1, total=8, seconds=20.0)
            jobs.add_points(db, number, [("sequence-item-0a", "loss", step, 1 / step, 1.0 * step) for step in (1, 2)])
            jobs.add_event(db, number, "checkpoint", "step 1 of 8")
        text = await until(pilot, "█······· ".rstrip())
        assert "12 %" in text
        assert "1 of 8" in text
        await until(pilot, "loss  last 0.5000")
        path = shop.write_log(workspace, number, ["first line"])
        await until(pilot, "first line")
        with path.open("a") as file:
            file.write("\x1b[32msecond\x1b[0m 10%\rsecond 100%\nno end yet")
        text = await until(pilot, "second 100%")
        assert "10%\n" not in text
        assert "no end yet" not in text
        with workspace.write() as db:
            jobs.finish(db, number, JobState.SUCCEEDED, "final is made", 0, 30.0)
        text = await until(pilot, "✓ succeeded on cuda:1 after 30 s")
        assert "final is made" in text
        await until(pilot, "no end yet")
        assert "Log  complete" in screen_text(app)


async def test_when_nothing_is_written_nothing_is_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.jobs import screen

    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        asked: list[int | None] = []
        real = screen.read_jobs
        monkeypatch.setattr(
            screen, "read_jobs", lambda place, wanted, *more: asked.append(wanted) or real(place, wanted)
        )
        for _ in range(3):
            await poll(pilot)
        assert asked == []
        await press(pilot, "j")
        assert asked == [5]


async def test_what_the_cursor_passes_by_is_not_read(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.add_jobs(workspace)
    read: list[int | None] = []
    read_jobs = jobs_screen.read_jobs

    def recorded(*arguments: Any) -> JobsView:
        read.append(arguments[1])
        return read_jobs(*arguments)

    monkeypatch.setattr(jobs_screen, "read_jobs", recorded)
    rested = asyncio.Event()

    async def clock(seconds: float) -> None:
        await rested.wait()

    monkeypatch.setattr(area_screen, "sleep", clock)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        table = app.screen.query_one("#jobs", Table)
        for rows in (3, 1):
            read.clear()
            rested.clear()
            row = table.cursor_row + rows
            await pilot.press(*["j"] * rows)
            await happens(pilot, f"the cursor on row {row}", lambda row=row: table.cursor_row == row)
            assert read == []
            rested.set()
            await settle(pilot)
            assert set(read) == {int(table.line_at_cursor().key)}, "only where it rests"
        read.clear()
        rested.clear()
        await pilot.press("k", "1")
        await happens(pilot, "another area", lambda: app.current_mode == "home")
        rested.set()  # left before it rested
        await settle(pilot)
        assert read == []
        await press(pilot, "3")
        row = table.line_at_cursor()
        assert set(read) == {int(row.key)}
        assert f"Job {row.key}" in screen_text(app)


async def test_the_log_stands_still_while_one_reads_and_follows_again(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    shop.run_job(workspace, number)
    shop.write_log(workspace, number, [f"line {n}" for n in range(60)])
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "line 59" in await until(pilot, "▶ following")
        app.screen.query_one(JobLog).focus()
        await press(pilot, "k k k")
        text = await until(pilot, "‖ paused")
        assert "line 59" not in text
        shop.write_log(workspace, number, [f"line {n}" for n in range(60, 100)])
        text = await until(pilot, "320 bytes more")
        assert "line 56" in text
        await press(pilot, "f")
        assert "line 99" in await until(pilot, "▶ following")
        await press(pilot, "g")
        assert "line 0" in await until(pilot, "‖ paused")
        await press(pilot, "G")
        assert "line 99" in await until(pilot, "▶ following")


async def test_lines_of_the_log_are_found_and_gone_through(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    shop.run_job(workspace, number)
    lines = [f"line {n}{' Loss 0.5' if n % 20 == 7 else ''}" for n in range(90)]  # 7, 27, 47, 67, 87
    shop.write_log(workspace, number, lines)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 tab slash")
        assert screen_text(app).splitlines()[-1].startswith(" ↓ To the list  Esc Clear")
        await press(pilot, "l o s s")
        check_snapshot(app, "job-log-found-80x24")  # from the top of what is seen: 87
        assert "5 of 5 with “loss”, n N; ▶ following" in screen_text(app)
        await press(pilot, "enter n")
        text = await until(pilot, "1 of 5 with “loss”, n N; ‖ paused")
        assert "line 7 Loss" in text
        await press(pilot, "n n N")
        assert "line 27 Loss" in await until(pilot, "2 of 5 with")
        shop.write_log(workspace, number, ["one more loss"])
        await press(pilot, "N N")  # past the first to the last
        assert "one more loss" in await until(pilot, "of 6 with")
        await press(pilot, "slash n o n e enter")
        assert "no line with “none”" in screen_text(app)
        await press(pilot, "n escape")  # nothing to go to: asks again
        text = screen_text(app)
        assert "with “" not in text
        assert len(app.screen_stack) == 1
        assert isinstance(app.focused, JobLog)
        await press(pilot, "Y")
        assert app.clipboard == "\n".join([*lines, "one more loss"])


async def test_a_stage_that_was_done_is_not_shown_as_the_whole_of_a_lost_job(workspace: Workspace) -> None:
    for done in (5, 10):
        number = shop.add_job(workspace, "train final --datasets shop-garden")
        shop.run_job(workspace, number)
        with workspace.write() as db:
            jobs.advance(db, number, stage="item-description", done=done, total=10, seconds=3.0)
            jobs.finish(db, number, JobState.LOST, "the worker was killed", None, 3.0)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert "50 %" in text
        assert "100 %" not in text


async def test_what_to_do_next_is_said_of_a_job_that_did_not_succeed(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 j j")
        assert "r goes on with what is not stored yet, as a new job" in await until(pilot, "? lost on cpu")
        await press(pilot, "j")
        assert "r goes on from its last checkpoint" in await until(pilot, "■ cancelled on cpu")
        await press(pilot, "j")
        assert "r tries again from its last checkpoint" in await until(pilot, "✗ failed on cpu")
        await press(pilot, "j")
        assert "last checkpoint" not in await until(pilot, "✓ succeeded on cpu")


async def test_a_large_log_is_read_from_its_end_and_says_what_it_skipped(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    shop.write_log(workspace, number, [f"line {n:06}" for n in range(100_000)])  # 1.2 MB
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        await until(pilot, "line 099999")
        assert len(app.screen.query_one(JobLog).lines) <= 2_000
        app.screen.query_one(JobLog).focus()
        await press(pilot, "g")
        assert "bytes before this are in shop/jobs/1/run.log" in screen_text(app)


@pytest.mark.parametrize("key", ["n", "x", "r"])
async def test_a_read_only_workbench_says_that_it_does_nothing(workspace: Workspace, key: str) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, f"3 j {key}")
        assert len(app.screen_stack) == 1
        assert "This workbench is read-only (--readonly)" in notifications(app)


async def test_results_open_for_what_succeeded_and_the_command_is_copied(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 j o")
        assert "Job 5 is running: only what succeeded has results." in notifications(app)
        await press(pilot, "C")
        assert app.clipboard == "st5 train final --datasets movielens-small,shop-garden --recipe demo"
        await press(pilot, "G o")
        assert app.current_mode == "results"
        assert "dataset movielens-small" in screen_text(app)


async def test_the_list_is_filtered_and_sorted_and_counts_honestly(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 s s")
        rows = screen_text(app).splitlines()
        assert "longest first" in rows[2]
        assert "itempre" in rows[4]
        await press(pilot, "slash l o s t enter")
        text = screen_text(app)
        assert "Jobs  1 of 6" in text
        assert "Job 4  baseline last-item on shop-kitchen" in text


async def test_a_job_that_vanishes_gives_way_to_the_newest(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 j j")
        assert "Job 4 " in screen_text(app)
        with workspace.write() as db:
            db.execute("DELETE FROM job WHERE id IN (4, 6)")
        assert "Jobs  4" in await until(pilot, "Job 5  train final")
        with workspace.write() as db:
            db.execute("DELETE FROM job")
        await until(pilot, "No job yet")


async def test_a_clock_that_jumped_and_numbers_that_are_none_show_nothing_odd(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    shop.run_job(workspace, number, seconds=5.0)
    with workspace.write() as db:
        db.execute("UPDATE job SET created = '2999-01-01T00:00:00+00:00', started = '2999-01-01T00:00:00+00:00'")
        jobs.advance(db, number, stage="sequence-item", done=9, total=4, seconds=6.0)
        nothing = float("nan")
        points = [("sequence-item-0a", "loss", step, value, 1.0) for step, value in ((1, nothing), (2, nothing))]
        jobs.add_points(db, number, points)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert "for 6 s" in text
        assert "100 %" in text
        assert "loss  last not a number" in text
        assert "-" not in text.split("for 6 s")[1].split("\n")[0].replace("YYYY-MM-DD", "").replace("2999-01-01", "")


async def test_a_broken_job_row_becomes_a_dialog_and_other_areas_work(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    with sqlite3.connect(workspace.database) as db:
        db.execute("UPDATE job SET arguments = '{broken' WHERE id = 2")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "Something could not be read" in screen_text(app)
        await press(pilot, "escape x n r 4")
        assert "NDCG@10" in screen_text(app)


async def test_hostile_words_in_messages_events_and_logs_are_shown_and_never_obeyed(workspace: Workspace) -> None:
    from test_workbench_faults import NASTY, assert_clean

    number = shop.add_job(workspace, "train nopre --datasets 'nasty [red]\x1b[31m' --name '[/nope]'")
    shop.run_job(workspace, number, device="\x1b[2J[bold]")
    with workspace.write() as db:
        for words in NASTY:
            jobs.add_event(db, number, "[red]\x1b[31m", words)
            jobs.advance(db, number, stage=words, done=1, total=2, seconds=1.0, message=words or "x\x1b]0;t\x07")
        jobs.add_points(db, number, [("\x1b[31m", "[bold]\x1b[2Jloss", 1, 0.5, 1.0)])
    shop.write_log(workspace, number, NASTY)
    with (workspace.jobs / str(number) / "run.log").open("ab") as file:
        file.write(b"\xff\xfe broken \x00 bytes \x9b31m\n")
    app = Workbench(workspace, readonly=True)
    for size in ((80, 24), (200, 60)):
        async with Workbench(workspace, readonly=True).run_test(size=size) as pilot:
            app = pilot.app  # type: ignore[assignment]
            await settle(pilot)
            for keys in ("", "3", "v", "v", "v c", "C y Y enter", "G escape"):
                await press(pilot, keys)
                text = screen_text(app)
                assert_clean(text)
                assert len(text.splitlines()) == size[1]
            for row in app.screen.query_one(JobLog).lines:
                assert_clean(row)


async def test_a_log_that_cannot_be_read_says_so(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    path = workspace.jobs / str(number) / "run.log"
    path.mkdir(parents=True)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        await until(pilot, "cannot be read")
        assert app.is_running


async def test_events_in_full_are_one_dialog(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 j enter")
        assert isinstance(app.screen, JobEventsDialog)
        text = screen_text(app).replace("│", " ")
        assert "sequence-item, step 400: ndcg@10 0.0400, ndcg@10" in text
        assert "averaged 0.0430" in text
        await press(pilot, "escape")
        assert app.screen.query_one(LogPane).following
