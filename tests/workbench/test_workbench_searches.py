"""Searches over settings in Results: trials best first, what failed and why, and the commands that follow."""

from __future__ import annotations

import csv

import pytest
import shop
from conftest import check_snapshot, poll, press, screen_text, settle

from engine.tuning.table import search_table
from store.enums import TrialState
from store.searches import fail_trial, searches, trials
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.screen import ResultsScreen
from workbench.results.searches import SearchesScreen
from workbench.ui import numbers
from workbench.ui.table import Table
from workbench.ui.value import ValueDialog


async def test_trials_are_listed_best_first_with_what_failed_and_what_waits(workspace: Workspace) -> None:
    search = shop.add_search(workspace)
    with workspace.read() as db:
        done = [trial for trial in trials(db, search) if trial.state is TrialState.DONE]
    best, second = sorted(done, key=lambda trial: -trial.result.mean)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 t")
        assert isinstance(app.screen, SearchesScreen)
        text = screen_text(app)
        assert "search 1, sasrec on movielens-small" in text
        assert "valid events of movielens-small  2 of 4 done, 1 failed, 1 waiting  epochs=20" in text
        rows = [line.split() for line in app.screen.query_one("#trials", Table).as_text().split("\n")]
        assert [row[0] for row in rows] == ["trial", str(best.number), str(second.number), "3", "4"]
        assert rows[0][1:4] == ["hidden", "learning-rate", "ndcg@10"]
        settings = best.settings["hidden"], best.settings["learning-rate"]
        assert rows[1][1:4] == [*settings, f"{numbers.mean(best.result.mean)}¹"]
        assert rows[3][1:5] == ["128", "1e-3", "–", "–"]
        assert rows[4][-1] == "waiting"
        assert "failed: OutOfMemoryError" in text
        assert f"{best.result.mean:.5f}" in text  # of the trial under the cursor
        assert "60 valid events" in text
        assert "Ask the test events once" in text
        await press(pilot, "j j")
        assert "Tried to allocate 2.00 GiB" in screen_text(app)
        await press(pilot, "enter")
        assert isinstance(app.screen, ValueDialog)
        assert app.screen.value.splitlines() == [
            "failed, 3.2 s", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "",
            "epochs = 20", "hidden = 128", "learning-rate = 1e-3", "seed = 0",
        ]  # fmt: skip
        await press(pilot, "escape C")
        assert app.clipboard == (
            "st5 baseline sasrec --datasets movielens-small --set epochs=20 "
            f"--set hidden={settings[0]} --set learning-rate={settings[1]} --name sasrec-tuned"
        )
        await press(pilot, "t")
        assert app.clipboard == (
            "st5 tune sasrec --datasets movielens-small --try epochs=20 --try hidden=64,128 "
            "--try learning-rate=1e-3,3e-4"
        )
        await press(pilot, "escape")
        assert isinstance(app.screen, ResultsScreen)


async def test_trials_are_in_no_other_list(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        shop.add_search(workspace)
        await poll(pilot)
        assert screen_text(app) == before
        await press(pilot, "4")
        assert "sasrec" not in screen_text(app)


async def test_several_searches_are_shown_in_turn_and_follow_the_workspace(workspace: Workspace) -> None:
    shop.add_search(workspace)
    other = shop.add_search(workspace, dataset="shop-garden")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 t")
        assert "search 2, sasrec on shop-garden" in screen_text(app)  # the newest
        assert "1 of 2" in screen_text(app)
        with workspace.write() as db:
            waiting = next(trial for trial in trials(db, other) if trial.state is TrialState.WAITING)
            fail_trial(db, waiting, "the loss became NaN", 1.0)
        await poll(pilot)
        assert "2 of 4 done, 2 failed" in screen_text(app)
        await press(pilot, "n")
        assert "search 1, sasrec on movielens-small" in screen_text(app)
        await press(pilot, "e")
        assert "» 1  sasrec on movielens-small" in screen_text(app)
        await press(pilot, "k enter")
        assert "search 2, sasrec on shop-garden" in screen_text(app)
        with workspace.write() as db:
            db.execute("DELETE FROM dataset WHERE name = 'shop-garden'")
        await poll(pilot)
        assert "search 1, sasrec on movielens-small" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_search(workspace: Workspace, size: tuple[int, int]) -> None:
    shop.add_search(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "4 t j j")
        check_snapshot(app, f"searches-{size[0]}x{size[1]}")


async def test_the_table_is_taken_along(workspace: Workspace) -> None:
    shop.add_search(workspace)
    with workspace.read() as db:
        table = search_table(db, searches(db)[0])
    best = table.best
    assert best is not None
    assert best.result is not None
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 t o ctrl+y")
        row, other = csv.DictReader(app.clipboard.splitlines())  # a line for each number
        assert (row["trial"], row["state"], row["column"]) == (str(best.number), "done", "ndcg@10")
        assert [row["hidden"], row["learning-rate"]] == [best.settings["hidden"], best.settings["learning-rate"]]
        assert float(row["value"]) == best.result.mean > float(other["value"])


async def test_without_a_search_there_is_a_next_step(workspace: Workspace, tmp_path) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 t")
        assert "st5 tune item-knn --datasets movielens-small --try decay=" in " ".join(screen_text(app).split())
        before = screen_text(app)
        await press(pilot, "enter e n N C t o")  # no key leads to a search of nothing
        assert screen_text(app) == before
    app = Workbench(Workspace(tmp_path / "none"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 t")
        assert "There is no dataset yet" in screen_text(app)
