"""What may happen to a job from outside: kills, a locked or full or moved workspace, clocks, reapers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs import control
from store import jobs
from store.words import JobState
from store.workspace import Workspace
from tests.slow_jobs import SlowJobs, alive, slow_jobs, until


@pytest.fixture
def slow(tmp_path: Path) -> SlowJobs:
    return slow_jobs(tmp_path / "w")


def wait_for_steps(slow: SlowJobs, id: int, steps: int) -> None:
    until(lambda: slow.job(id).done >= steps, f"{steps} steps")


def test_a_killed_worker_is_lost_at_the_next_look_with_its_last_words_and_can_be_resumed(slow: SlowJobs) -> None:
    id = slow.launch("--steps", "400", "--pause", "0.02")
    wait_for_steps(slow, id, 3)
    os.kill(slow.job(id).pid or 0, signal.SIGKILL)
    slow.vanished(id)
    assert slow.job(id).state == JobState.RUNNING  # nobody looked yet
    shown = slow.st5("jobs", "list", "--json").document
    assert [(job["id"], job["state"], job["pid"]) for job in shown] == [(id, "lost", slow.job(id).pid)]
    assert "step 3" in control.log_tail(slow.workspace, id)
    last = control.log_tail(slow.workspace, id).splitlines()[-1]
    assert last in shown[0]["message"]
    assert control.reap(slow.workspace) == []
    again = slow.resume(id)
    job = slow.ended(again) if slow.st5("jobs", "cancel", str(again)).code == 0 else slow.job(again)
    assert (job.resumes, job.arguments) == (id, slow.job(id).arguments)


def test_children_of_a_killed_worker_go_with_the_job(slow: SlowJobs) -> None:
    id = slow.launch("--steps", "400", "--pause", "0.02", "--fork")
    wait_for_steps(slow, id, 1)
    os.kill(slow.job(id).pid or 0, signal.SIGKILL)
    slow.vanished(id)
    assert control.reap(slow.workspace) == []  # the child may be writing
    assert "was killed" in control.cancel(slow.workspace, id, "kill")
    assert slow.job(id).state == JobState.CANCELLED


def test_a_killed_launcher_leaves_a_job_that_is_lost_once_it_is_overdue(slow: SlowJobs) -> None:
    id = slow.add("--steps", "1")
    slow.workspace.jobs.joinpath(str(id)).mkdir(parents=True)
    launcher = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.jobs.launcher", str(slow.folder), str(id)], env=slow.environment
    )
    launcher.kill()
    launcher.wait()
    assert control.reap(slow.workspace) == []  # it may be launching at this moment
    assert slow.job(id).state == JobState.QUEUED
    with sqlite3.connect(slow.workspace.database) as db:
        db.execute("UPDATE job SET created = '2020-01-01T00:00:00+00:00'")
    db.close()
    assert control.reap(slow.workspace) == [id]
    assert (slow.job(id).state, slow.job(id).message) == (
        JobState.LOST, "it was never started: its launcher is gone",
    )  # fmt: skip
    slow.ended(slow.resume(id))


def test_the_worker_is_in_a_session_of_its_own_and_nobodys_child(slow: SlowJobs) -> None:
    id = slow.launch("--steps", "400")
    pid = slow.job(id).pid or 0
    assert os.getsid(pid) == os.getpgid(pid) == pid
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    assert not alive(parent) or b"engine.jobs" not in Path(f"/proc/{parent}/cmdline").read_bytes()
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert (slow.workspace.jobs / str(id) / "run.log").stat().st_mode & 0o077 == 0
    control.cancel(slow.workspace, id)
    slow.ended(id)


def test_a_database_locked_for_eight_seconds_loses_no_point_and_ends_no_job(slow: SlowJobs) -> None:
    id = slow.launch("--steps", "50", "--pause", "0.02")
    locker = sqlite3.connect(slow.workspace.database, isolation_level=None, timeout=10)
    locker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    until(lambda: "step 49" in control.log_tail(slow.workspace, id), "the work to go on meanwhile")
    assert time.monotonic() - started < 6
    time.sleep(max(0.0, 8 - (time.monotonic() - started)))
    assert slow.job(id).state == JobState.RUNNING
    locker.execute("ROLLBACK")
    locker.close()
    job = slow.ended(id)
    assert (job.state, job.done, job.message) == (JobState.SUCCEEDED, 50, "50 steps")
    (curve,) = slow.series(id)
    assert curve.steps.tolist() == list(range(50))
    assert curve.values.tolist() == [1 / (step + 1) for step in range(50)]


def test_a_workspace_that_is_moved_while_a_job_runs(slow: SlowJobs, tmp_path: Path) -> None:
    id = slow.launch("--steps", "400", "--pause", "0.02")
    wait_for_steps(slow, id, 3)
    new = SlowJobs(tmp_path / "elsewhere")
    slow.folder.rename(new.folder)
    other = slow_jobs(slow.folder)  # and another one takes its place
    other.add("--steps", "1")
    untouched = other.job(1)
    job = new.ended(id)
    assert job.state == JobState.FAILED
    assert "the workspace was moved" in job.message
    assert job.exit_code == 1
    (curve,) = new.series(id)
    assert curve.steps.tolist() == list(range(len(curve.steps)))
    assert len(curve.steps) >= job.done - 1
    assert other.job(1) == untouched
    assert [job.id for job in _rows(other.workspace)] == [1]
    new.vanished(id)
    again = new.resume(id)  # where the workspace is now
    assert new.st5("jobs", "cancel", str(again)).code == 0
    assert new.ended(again).resumes == id


def test_a_workspace_that_is_moved_after_a_job(slow: SlowJobs, tmp_path: Path) -> None:
    id = slow.launch("--steps", "2", "--pause", "0")
    slow.ended(id)
    slow.vanished(id)
    new = SlowJobs(tmp_path / "elsewhere")
    slow.folder.rename(new.folder)
    assert [line for line in new.st5("jobs", "logs", str(id)).out.splitlines() if line[2] != ":"] == [
        "step 0",
        "step 1",
        "made 2",
    ]
    assert new.job(id).state == JobState.SUCCEEDED


def test_a_copy_of_a_workspace_shows_the_running_job_as_lost_and_leaves_the_original_alone(
    slow: SlowJobs, tmp_path: Path
) -> None:
    id = slow.launch("--steps", "400", "--pause", "0.05")
    copy = SlowJobs(tmp_path / "copy")
    shutil.copytree(slow.folder, copy.folder)
    assert control.cancel(copy.workspace, id, "kill") == f"Job {id} had no worker any more; it is cancelled."
    assert copy.job(id).state == JobState.CANCELLED
    assert alive(slow.job(id).pid or 0)
    assert slow.job(id).cancel == ""
    control.cancel(slow.workspace, id)
    slow.ended(id)


def test_a_reaper_never_touches_a_live_job_however_often_it_looks(slow: SlowJobs) -> None:
    id = slow.launch_only("--steps", "30", "--pause", "0.05")
    reaped: list[int] = []
    looks = 0

    def look() -> None:
        nonlocal looks
        while slow.job(id).state not in jobs.FINAL:
            reaped.extend(control.reap(slow.workspace))
            looks += 1

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert reaped == []
    assert looks > 10
    assert slow.job(id).state == JobState.SUCCEEDED


def test_when_the_clock_jumps_no_duration_is_negative_and_the_living_stay_alive(slow: SlowJobs) -> None:
    id, dead = slow.launch("--steps", "400", "--pause", "0.02"), slow.add("--steps", "1")
    for moment in ("2999-01-01T00:00:00+00:00", "1971-01-01T00:00:00+00:00"):
        with sqlite3.connect(slow.workspace.database) as db:
            db.execute("UPDATE job SET created = ?, started = ?", (moment, moment))
        db.close()
        assert control.reap(slow.workspace) in ([dead], [])
        assert slow.job(id).state == JobState.RUNNING
    assert slow.job(dead).state == JobState.LOST
    wait_for_steps(slow, id, 3)
    control.cancel(slow.workspace, id)
    job = slow.ended(id)
    assert 0 < job.seconds < 60
    assert (slow.series(id)[0].seconds >= 0).all()
    assert "0:0" in slow.st5("jobs", "list").out


def test_two_who_cancel_at_once_get_words_and_one_change(slow: SlowJobs) -> None:
    id = slow.launch("--steps", "400", "--pause", "0.02")
    barrier = threading.Barrier(2)
    words: list[str] = []

    def press() -> None:
        barrier.wait()
        words.append(control.cancel(slow.workspace, id))

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    job = slow.ended(id)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, 3)
    assert len(words) == 2
    assert sum("keeps what it has" in word for word in words) == 1
    assert control.cancel(slow.workspace, id) == f"Job {id} is cancelled already; nothing to cancel."


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_ends_the_job_with_words_and_leaves_a_whole_workspace(small_disk: Path) -> None:
    slow = slow_jobs(small_disk / "w")
    id = slow.launch("--steps", "4000", "--pause", "0.001", "--records", "20")
    pid = slow.job(id).pid or 0
    ballast = small_disk / "ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], capture_output=True, check=False)  # until full
    until(lambda: not alive(pid), "the worker to stop")
    ballast.unlink()
    job = slow.job(id)
    assert (job.state, job.exit_code) == (JobState.FAILED, 1)
    assert "full" in job.message or "No space" in job.message
    with sqlite3.connect(slow.workspace.database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def _rows(workspace: Workspace) -> list[jobs.Job]:
    with workspace.read() as db:
        return jobs.jobs(db)
