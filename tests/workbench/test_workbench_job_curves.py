"""The curves of marked jobs beside each other."""

from __future__ import annotations

import pytest
import shop
from conftest import check_snapshot, notifications, press, screen_text, settle, until

from store import jobs
from store.enums import JobState
from store.workspace import Workspace
from workbench.application import Workbench

SIZES = [(80, 24), (120, 40), (200, 60)]


def add_trained(workspace: Workspace) -> None:
    """Two jobs that trained: 100 steps in 50 s from a loss of 3 down, and 200 steps in 20 s from 2 down."""
    for words, steps, seconds, first in (("nopre", 100, 50.0, 3.0), ("only-more", 200, 20.0, 2.0)):
        number = shop.add_job(workspace, f"train {words} --datasets shop-garden")
        shop.run_job(workspace, number, seconds=seconds)
        points = [
            (f"sequence-item-{words}", name, step, value / step, seconds * step / steps)
            for step in range(1, steps + 1)
            for name, value in (("loss", first), ("learning rate", 1e-4))
        ]
        with workspace.write() as db:
            jobs.add_points(db, number, points)
            jobs.finish(db, number, JobState.SUCCEEDED, "made", 0, seconds)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_same_series_of_marked_jobs_and_of_the_one_under_the_cursor(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    add_trained(workspace)
    shop.add_jobs(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "3 G space k space k k k k k")  # the two, then onto the one that still trains
        check_snapshot(app, f"job-curves-{size[0]}x{size[1]}")


async def test_steps_or_run_time_another_series_and_back_layer_by_layer(workspace: Workspace) -> None:
    add_trained(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 t")
        assert "asked of marked jobs: Space marks the one under the cursor" in notifications(app)
        await press(pilot, "space j")
        text = await until(pilot, "a 2 train only-more 0.0100   b 1 train nopre 0.0300")
        assert "all phases · 200 steps" in text
        await press(pilot, "t")
        assert "run time · 50 s" in screen_text(app)
        assert app.ui_state.jobs.by_time
        await press(pilot, "c")
        await until(pilot, "learning rate  of 2 jobs")
        await press(pilot, "space")
        assert " b   1" in screen_text(app)
        await press(pilot, "escape")
        text = screen_text(app)
        assert "of 2 jobs" not in text
        assert "learning rate  last" in text


async def test_when_a_job_measured_nothing_or_six_are_marked_it_says_so(workspace: Workspace) -> None:
    for _ in range(4):
        add_trained(workspace)
    nothing = shop.add_job(workspace, "evaluate pop --datasets shop-garden")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 space")
        assert f"Job {nothing} has measured no series (yet): there is no curve to compare." in notifications(app)
        await press(pilot, "j space j space j space j space j space j space j space")
        assert "More than 6 curves cannot be told apart" in notifications(app)
        assert "of 6 jobs" in screen_text(app)


async def test_a_marked_job_that_vanishes_leaves_the_others(workspace: Workspace) -> None:
    add_trained(workspace)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 space j space")
        await until(pilot, "b 1 train nopre")
        with workspace.write() as db:
            db.execute("DELETE FROM job WHERE id = 2")
        text = await until(pilot, "loss  of 1 job;")
        assert "train only-more" not in text
