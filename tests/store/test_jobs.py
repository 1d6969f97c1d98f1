"""Rows of jobs: who may change them and when, and curves that go on over several jobs."""

from __future__ import annotations

import math
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import jobs
from store.enums import JobState
from store.errors import BadInput
from store.rows import Job
from store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def add(db: sqlite3.Connection, *arguments: str, resumes: int | None = None) -> Job:
    return jobs.add_job(db, kind="train", arguments=arguments, folder="/somewhere", resumes=resumes)


def test_a_new_job_is_queued_and_knows_its_command(workspace: Workspace) -> None:
    with workspace.write() as db:
        job = add(db, "train", "nopre", "--datasets", "my shop,b")
    assert (job.state, job.pid, job.seconds, job.cancel, job.exit_code) == (JobState.QUEUED, None, 0, "", None)
    assert job.command == "st5 train nopre --datasets 'my shop,b'"
    assert (job.started, job.finished) == ("", "")


def test_the_newest_come_first_and_an_unknown_number_names_the_others(workspace: Workspace) -> None:
    with workspace.write() as db:
        with pytest.raises(BadInput, match=r"No job 1. There is no job yet"):
            jobs.job(db, 1)
        for name in "abc":
            add(db, name)
        assert [job.arguments for job in jobs.jobs(db)] == [["c"], ["b"], ["a"]]
        assert [job.arguments for job in jobs.jobs(db, limit=1)] == [["c"]]
        with pytest.raises(BadInput, match=r"No job 7. The newest are 3, 2, 1"):
            jobs.job(db, 7)
        with pytest.raises(BadInput, match="No job 9"):
            add(db, "d", resumes=9)
        assert len(jobs.jobs(db)) == 3


def test_the_way_of_a_job(workspace: Workspace) -> None:
    with workspace.write() as db:
        id = add(db).id
        assert jobs.claim(db, id, 100, "here")
        assert not jobs.claim(db, id, 101, "here")
        assert jobs.wait(db, id, "cuda:0 held by job 7")
        waiting = jobs.job(db, id)
        assert (waiting.state, waiting.message, waiting.pid) == (JobState.QUEUED, "cuda:0 held by job 7", 100)
        assert not jobs.claim(db, id, 101, "here")  # it waits, but it is claimed
        assert jobs.set_running(db, id, "cuda:0")
        assert not jobs.wait(db, id, "too late")
        assert jobs.advance(db, id, stage="ranking", done=3, total=10, seconds=1.5)
        assert jobs.beat(db, id, 2.5)
        running = jobs.job(db, id)
        assert (running.state, running.device, running.stage, running.done, running.total) == (
            JobState.RUNNING, "cuda:0", "ranking", 3, 10,
        )  # fmt: skip
        assert (running.seconds, running.beats, running.message) == (2.5, 1, "")
        assert [job.id for job in jobs.unfinished(db)] == [id]
        assert jobs.finish(db, id, JobState.SUCCEEDED, "3 of 3", 0, 4.0)
        assert not jobs.finish(db, id, JobState.FAILED, "no", 1, 9.0)
        ended = jobs.job(db, id)
        assert (ended.state, ended.message, ended.exit_code, ended.seconds) == (JobState.SUCCEEDED, "3 of 3", 0, 4.0)
        assert jobs.unfinished(db) == []
        with pytest.raises(ValueError, match="running is not a final state"):
            jobs.finish(db, id, JobState.RUNNING, "", 0, 0)


CALLS = {
    "claim": lambda db, id, n: jobs.claim(db, id, n, "here"),
    "wait": lambda db, id, n: jobs.wait(db, id, f"reason {n}"),
    "run": lambda db, id, n: jobs.set_running(db, id, f"cuda:{n}"),
    "advance": lambda db, id, n: jobs.advance(db, id, stage="s", done=n, total=9, seconds=n - 4.0, message="m"),
    "beat": lambda db, id, n: jobs.beat(db, id, n - 4.0),
    "report": lambda db, id, n: jobs.report(db, id, stage="t", done=n, total=9, seconds=n - 4.0, beats=1),
    "ask": lambda db, id, n: jobs.ask_cancel(db, id),
    **{str(state): lambda db, id, n, state=state: jobs.finish(db, id, state, f"end {n}", n, n - 4.0)
       for state in jobs.FINAL},
}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.sampled_from(sorted(CALLS)), st.integers(0, 9)), max_size=14))
def test_final_states_never_change_and_durations_are_never_negative(
    workspace: Workspace, calls: list[tuple[str, int]]
) -> None:
    with workspace.write() as db:
        id = add(db).id
        last = jobs.job(db, id)
        for name, number in calls:
            changed = CALLS[name](db, id, number)
            found = jobs.job(db, id)
            if last.state in jobs.FINAL:
                assert found == last
                assert not changed
            if last.state == JobState.RUNNING:
                assert found.state in (JobState.RUNNING, *jobs.FINAL)
            assert found.seconds >= last.seconds >= 0
            assert found.cancel >= last.cancel  # once asked, it stays
            last = found


def test_two_who_cancel_at_once_make_one_change(workspace: Workspace) -> None:
    with workspace.write() as db:
        id = add(db).id
    barrier = threading.Barrier(4)
    answers: list[bool] = []

    def press() -> None:
        with workspace.write() as db:
            barrier.wait()
            answers.append(jobs.ask_cancel(db, id))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, False, False, True]
    with workspace.read() as db:
        assert jobs.cancel_asked(db, id)


def test_events_are_numbered_within_their_job(workspace: Workspace) -> None:
    with workspace.write() as db:
        one, two = add(db).id, add(db).id
        for id, words in ((one, "a"), (two, "b"), (one, "c")):
            jobs.add_event(db, id, "phase", words)
        assert [(event.number, event.message) for event in jobs.events(db, one)] == [(1, "a"), (2, "c")]
        assert [(event.job, event.number, event.kind) for event in jobs.events(db, two)] == [(two, 1, "phase")]
        assert [event.message for event in jobs.events(db, one, after=1)] == ["c"]


def test_a_resumed_job_shows_the_whole_curve_and_a_repeated_step_counts_once(workspace: Workspace) -> None:
    with workspace.write() as db:
        first = add(db).id
        jobs.add_points(db, first, [("p1", "loss", step, 4.0 - step, step * 1.0) for step in range(1, 4)])
        jobs.beat(db, first, 3.5)
        jobs.finish(db, first, JobState.LOST, "", None, 0)
        second = add(db, resumes=first).id
        assert jobs.run_time_before(db, first) == 0
        assert jobs.run_time_before(db, second) == 3.5
        jobs.add_points(
            db, second, [("p1", "loss", 3, 0.5, 4.0), ("p1", "loss", 4, 0.25, 5.0), ("p2", "loss", 1, 9, 6)]
        )
        for id in (first, second):
            curve = jobs.series(db, id)[0]
            assert (curve.phase, curve.name) == ("p1", "loss")
            assert curve.steps.tolist() == [1, 2, 3, 4]
            assert curve.values.tolist() == [3.0, 2.0, 0.5, 0.25]
            assert curve.seconds.tolist() == [1.0, 2.0, 4.0, 5.0]
        assert [curve.phase for curve in jobs.series(db, second)] == ["p1", "p2"]
        assert [curve.phase for curve in jobs.series(db, first)] == ["p1"]
        assert jobs.series(db, add(db).id) == []


def test_a_loss_that_is_no_number_is_kept_as_such(workspace: Workspace) -> None:
    with workspace.write() as db:
        id = add(db).id
        jobs.add_points(db, id, [("p", "loss", 1, math.nan, 0.0), ("p", "loss", 2, math.inf, 0.0)])
        values = jobs.series(db, id)[0].values
    assert math.isnan(values[0])
    assert values[1] == math.inf


def test_a_failed_transaction_leaves_no_half_of_a_report(workspace: Workspace) -> None:
    with workspace.write() as db:
        id = add(db).id
        with pytest.raises(sqlite3.Error):
            jobs.report(
                db, id, stage="s", done=5, total=9, seconds=1, events=[("kind", "words")],
                points=[("p", "loss", 1, 1.0, 0.0), ("p", "loss", 2, "much", 0.0)],  # type: ignore[list-item]
            )  # fmt: skip
        assert jobs.events(db, id) == []
        assert jobs.series(db, id) == []
        assert jobs.job(db, id).done == 0
