"""Cancelling and resuming from the workbench, with real processes behind the jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shop
from conftest import notifications, poll, press, screen_text, settle, until

from engine.jobs.files import job_files
from store import jobs
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.ui.confirm import ConfirmDialog

PROJECT = Path(__file__).resolve().parents[2]

# A worker as small as can be: holds its job's lock, and stops when it is asked to (unless it is told to be deaf).
WORKER = """
import os, signal, sys, time
from pathlib import Path
from engine.jobs.files import job_files
from store import jobs
from store.enums import JobState
from store.workspace import Workspace

workspace, id, deafness = Workspace(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
lock = job_files(workspace, id).take()
assert lock is not None
if deafness == "to SIGTERM":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with workspace.write() as db:
    jobs.claim(db, id, os.getpid(), os.uname().nodename)
    jobs.set_running(db, id, "cpu")
    print("running", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not deafness and jobs.cancel_asked(db, id):
            jobs.finish(db, id, JobState.CANCELLED, "stopped at step 12", 3, 1.0)
            break
        time.sleep(0.05)  # as a job asks between two steps
"""


@pytest.fixture
def worker(workspace: Workspace) -> Iterator[Callable[[str], int]]:
    """Starts a job with a real process behind it; returns the job's number."""
    started: list[subprocess.Popen] = []

    def start(deafness: str) -> int:
        number = shop.add_job(workspace, "train nopre --datasets shop-garden")
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(workspace.folder.absolute()), str(number), deafness],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        return number

    yield start
    for process in started:
        process.kill()
        process.wait()


async def test_cancel_asks_first_and_the_worker_stops(workspace: Workspace, worker: Callable[[str], int]) -> None:
    number = worker("")
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 x")
        assert isinstance(app.screen, ConfirmDialog)
        assert f"Ask job {number} to stop?" in screen_text(app)
        await press(pilot, "escape")
        with workspace.read() as db:
            assert not jobs.cancel_asked(db, number)
        await press(pilot, "x enter")
        text = await until(pilot, "■ cancelled on cpu")
        assert "stopped at step 12" in text
        await press(pilot, "x")
        assert f"Job {number} is cancelled already: there is nothing to cancel." in notifications(app)


async def test_the_ladder_offers_the_next_step_each_time(workspace: Workspace, worker: Callable[[str], int]) -> None:
    number = worker("to SIGTERM")
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 x enter")
        await until(pilot, "● stopping")
        await press(pilot, "x")
        assert f"Terminate job {number}?" in screen_text(app)
        await press(pilot, "enter")
        await press(pilot, "x")
        assert f"Kill job {number}?" in screen_text(app)
        await press(pilot, "enter")
        await until(pilot, "■ cancelled")
        assert not job_files(workspace, number).is_held()


async def test_a_worker_that_dies_is_lost_and_resume_goes_on_with_it(
    workspace: Workspace, worker: Callable[[str], int]
) -> None:
    number = worker("always")
    shop.write_log(workspace, number, ["the last words"])
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 r")
        assert f"Job {number} is running: there is nothing to resume." in notifications(app)
        with workspace.read() as db:
            os.kill(jobs.job(db, number).pid or 0, 9)
        assert "the last words" in await until(pilot, "? lost on cpu")
        with workspace.write() as db:
            db.execute("UPDATE job SET arguments = '[\"models\"]'")  # a command that ends at once
        await poll(pilot)
        await press(pilot, "r")
        await until(pilot, f"goes on with job {number}")
    with workspace.read() as db:
        assert [job.resumes for job in jobs.jobs(db)] == [number, None]
