"""What may happen to a job from outside: kills, a locked or full or moved workspace, clocks, reapers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import context, control, submit
from engine.progress import Observer
from store import jobs
from store.enums import JobState
from store.errors import BadInput
from store.workspace import Workspace
from tests.slow_jobs import SlowJobs, alive, slow_jobs
from tests.waiting import wait_for


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowJobs]:
    with slow_jobs(tmp_path / "w") as slow:
        yield slow


def test_a_killed_worker_is_lost_at_the_next_look_with_its_last_words_and_can_be_resumed(slow: SlowJobs) -> None:
    id = slow.held()
    reserve = slow.workspace.jobs / str(id) / "reserve"
    assert reserve.stat().st_size > 0
    os.kill(slow.job(id).pid or 0, signal.SIGKILL)
    slow.vanished(id)
    assert slow.job(id).state == JobState.RUNNING  # not looked at yet
    shown = slow.st5("jobs", "list", "--json").document
    assert [(job["id"], job["state"], job["pid"]) for job in shown] == [(id, "lost", slow.job(id).pid)]
    assert not reserve.exists()
    assert "step 2" in control.log_tail(slow.workspace, id)
    last = control.log_tail(slow.workspace, id).splitlines()[-1]
    assert last in shown[0]["message"]
    assert control.reap(slow.workspace) == []
    again = slow.resume(id)
    job = slow.ended(again) if slow.st5("jobs", "cancel", str(again)).code == 0 else slow.job(again)
    assert (job.resumes, job.arguments) == (id, slow.job(id).arguments)


def test_children_of_a_killed_worker_go_with_the_job(slow: SlowJobs) -> None:
    id = slow.held("--fork")
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


def test_the_worker_has_its_own_session_and_no_parent(slow: SlowJobs) -> None:
    id = slow.held()
    pid = slow.job(id).pid or 0
    assert os.getsid(pid) == os.getpgid(pid) == pid
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    assert not alive(parent) or b"engine.jobs" not in Path(f"/proc/{parent}/cmdline").read_bytes()
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert (slow.workspace.jobs / str(id) / "run.log").stat().st_mode & 0o077 == 0
    control.cancel(slow.workspace, id)
    slow.ended(id)


def test_a_database_locked_for_long_loses_no_point_and_ends_no_job(
    slow: SlowJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 0
    report = jobs.report

    def counted(*arguments: Any, **named: Any) -> None:
        nonlocal refused
        try:
            report(*arguments, **named)
        except sqlite3.OperationalError:
            refused += 1
            raise

    monkeypatch.setattr(jobs, "report", counted)
    monkeypatch.setattr(context, "BUSY_S", 0.05)
    locker = sqlite3.connect(slow.workspace.database, isolation_level=None, timeout=10, check_same_thread=False)

    def unlock() -> None:
        before = refused
        wait_for(lambda: refused > before + 1, "the end of the job to be refused twice")
        locker.execute("ROLLBACK")

    unlocking = threading.Thread(target=unlock)

    def work(observer: Observer) -> int:
        locker.execute("BEGIN IMMEDIATE")
        for step in range(50):
            observer.record("phase", step, {"loss": 1 / (step + 1)})
        observer.progress("counting", 50, 50)
        wait_for(lambda: refused > 1, "what the job has to store to be refused twice")
        assert slow.job(1).state == JobState.RUNNING
        unlocking.start()
        return 50

    with redirect_stdout(StringIO()):  # which is no terminal, so that the work is done here
        assert submit.submit_job(slow.workspace, "slow", work, arguments=["slow"]) == 50
    unlocking.join()
    locker.close()
    job = slow.job(1)
    assert (job.state, job.done) == (JobState.SUCCEEDED, 50)
    (curve,) = slow.series(1)
    assert curve.steps.tolist() == list(range(50))
    assert curve.values.tolist() == [1 / (step + 1) for step in range(50)]


def test_a_workspace_that_is_moved_while_a_job_runs(slow: SlowJobs, tmp_path: Path) -> None:
    id = slow.held()
    new = SlowJobs(tmp_path / "elsewhere")
    slow.folder.rename(new.folder)
    other = slow  # a new one takes its place
    with other.workspace.write():
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
    again = new.resume(id)  # where the workspace is now; it holds, too
    assert new.st5("jobs", "cancel", str(again)).code == 0
    assert new.ended(again).resumes == id


def test_a_workspace_that_is_moved_after_a_job(slow: SlowJobs, tmp_path: Path) -> None:
    id = slow.launch("--steps", "2")
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
    id = slow.held()
    copy = SlowJobs(tmp_path / "copy")
    shutil.copytree(slow.folder, copy.folder)
    assert control.cancel(copy.workspace, id, "kill") == f"Job {id} had no worker any more; it is cancelled."
    assert copy.job(id).state == JobState.CANCELLED
    assert alive(slow.job(id).pid or 0)
    assert slow.job(id).cancel == ""
    control.cancel(slow.workspace, id)
    slow.ended(id)


def test_a_reaper_never_touches_a_live_job_however_often_it_looks(slow: SlowJobs) -> None:
    id = slow.launch_only(*slow.gated)
    reaped: list[int] = []
    looks = 0

    def look() -> None:
        nonlocal looks
        while slow.job(id).state not in jobs.FINAL:
            reaped.extend(control.reap(slow.workspace))
            looks += 1
            if looks > 20 and slow.job(id).done >= 3:
                slow.gate.touch()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reaped == []
    assert slow.job(id).state == JobState.SUCCEEDED


def test_when_the_clock_jumps_no_duration_is_negative_and_the_living_stay_alive(slow: SlowJobs) -> None:
    id, dead = slow.held(), slow.add("--steps", "1")
    for moment in ("2999-01-01T00:00:00+00:00", "1971-01-01T00:00:00+00:00"):
        with sqlite3.connect(slow.workspace.database) as db:
            db.execute("UPDATE job SET created = ?, started = ?", (moment, moment))
        db.close()
        assert control.reap(slow.workspace) in ([dead], [])
        assert slow.job(id).state == JobState.RUNNING
    assert slow.job(dead).state == JobState.LOST
    control.cancel(slow.workspace, id)
    job = slow.ended(id)
    assert 0 < job.seconds < 24 * 3600  # not the years by which the clock jumped
    assert (slow.series(id)[0].seconds >= 0).all()
    assert "0:0" in slow.st5("jobs", "list").out


def test_two_who_cancel_at_once_get_words_and_one_change(slow: SlowJobs) -> None:
    id = slow.held("--deaf")
    words = at_once(lambda: control.cancel(slow.workspace, id))
    assert sum("keeps what it has" in word for word in words) == 1
    assert sum("was asked to stop before" in word for word in words) == 1
    control.cancel(slow.workspace, id, "terminate")
    job = slow.ended(id)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, 3)


def test_two_who_cancel_a_dead_job_at_once_end_it_once(slow: SlowJobs) -> None:
    id = killed(slow)
    words = at_once(lambda: control.cancel(slow.workspace, id))
    assert sum("had no worker any more; it is cancelled" in word for word in words) == 1
    assert slow.job(id).state == JobState.CANCELLED
    assert all("cancelled" in word for word in words)


def test_who_buries_a_dead_job_is_not_taken_for_its_worker(slow: SlowJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a first reaper holds the lock of a dead job and has not written its end, others see that it is dead."""
    id = killed(slow)
    finish = jobs.finish
    resumed: list[int] = []

    def first(db: sqlite3.Connection, *arguments: Any, **named: Any) -> bool:
        monkeypatch.setattr(jobs, "finish", finish)
        resumed.append(slow.resume(id))  # reaps, too, and writes the end
        return finish(db, *arguments, **named)

    monkeypatch.setattr(jobs, "finish", first)
    assert control.reap(slow.workspace) == []  # it was written already
    assert slow.job(id).state == JobState.LOST
    assert slow.job(resumed[0]).resumes == id


def test_of_two_who_resume_at_once_one_starts_a_job_and_the_other_is_told_of_it(slow: SlowJobs) -> None:
    id = killed(slow)

    def resume() -> str:
        try:
            return f"job {control.resume(slow.workspace, id)}"
        except BadInput as refused:
            return str(refused)

    with slow.known():
        words = at_once(resume, 4)
    assert sorted(words)[3:] == ["job 2"]
    assert sorted(words)[:3] == ["Job 2 goes on with job 1 already. Follow it: st5 jobs logs 2 -f."] * 3
    assert [job.id for job in _rows(slow.workspace)] == [2, 1]


def killed(slow: SlowJobs) -> int:
    """A job whose worker was killed, and at which no process has looked since."""
    id = slow.held()
    os.kill(slow.job(id).pid or 0, signal.SIGKILL)
    slow.vanished(id)
    return id


def at_once(press: Callable[[], str], times: int = 2) -> list[str]:
    """What several threads are told that do the same at the same moment."""
    barrier = threading.Barrier(times)

    def pressed() -> str:
        barrier.wait()
        return press()

    with ThreadPoolExecutor(times) as threads:
        return [answer.result() for answer in [threads.submit(pressed) for _ in range(times)]]


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


def test_a_full_disk_ends_the_job_with_words_and_leaves_a_whole_workspace(small_disk: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with slow_jobs(small_disk / "w") as slow:
        id = slow.launch("--steps", "4000", "--hold-at", "2", "--gate", str(gate), "--records", "20")
        slow.holds(id)
        ballast = small_disk / "ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], capture_output=True, check=False)
        assert shutil.disk_usage(small_disk).free == 0
        gate.touch()
        slow.vanished(id)
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
