"""Evaluations as jobs: detached they give the same numbers, and asking for them loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.jobs import control
from store.words import JobState
from tests.program import refusal
from tests.slow_jobs import SlowJobs
from tests.small_shop import five_items
from tests.test_architecture import HEAVY


def test_detached_and_in_the_foreground_they_give_the_same_numbers(tmp_path: Path) -> None:
    there, here = (SlowJobs(five_items(tmp_path / name).folder) for name in ("there", "here"))
    evaluate = ("evaluate", "pop", "pop-recent", "--datasets", "shop", "--device", "cpu")
    shown = here.st5(*evaluate, "--json")
    assert shown.code == 0
    started = there.st5(*evaluate, "--json", "--detach")
    assert (started.code, started.out) == (0, "1\n")
    job = there.ended(1, 60)
    assert (job.kind, job.state, job.exit_code) == ("evaluate", JobState.SUCCEEDED, 0), control.log_tail(
        there.workspace, 1
    )
    assert job.message == here.job(1).message == "2 evaluations"
    assert job.arguments == [*evaluate, "--json"]
    assert [event.kind for event in there.events(1)] == ["evaluation", "evaluation", "result"]
    numbers = [
        [(row["model"], row["metric"], row["slice"], row["value"], row["mean"], row["low"]) for row in rows]
        for rows in (jobs.st5("results", "--json").document for jobs in (here, there))
    ]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) > 20


def test_a_baseline_is_a_job_too(tmp_path: Path) -> None:
    jobs = SlowJobs(five_items(tmp_path / "w").folder)
    assert jobs.st5("baseline", "pop", "--datasets", "shop").code == 0
    job = jobs.job(1)
    assert (job.kind, job.state) == ("baseline", JobState.SUCCEEDED)
    assert job.message.startswith("pop on shop: 4 events in ")
    for arguments, words in (
        (("baseline", "popp", "--datasets", "shop"), "Did you mean pop"),
        (("baseline", "pop", "--datasets", "shpo", "--detach"), "Did you mean shop"),
        (("evaluate", "pop", "--datasets", ",", "--detach"), "--datasets is empty"),
    ):
        assert words in refusal(jobs.st5(*arguments))
    assert len(jobs.st5("jobs", "--json").document) == 1  # a mistake makes no job


def test_to_detach_an_evaluation_loads_nothing_heavy(tmp_path: Path) -> None:
    jobs = SlowJobs(five_items(tmp_path / "w").folder)
    script = f"""
import sys, engine.commands
sys.argv = ["st5", "evaluate", "pop", "--datasets", "shop", "--device", "cpu", "--detach"]
try:
    engine.commands.main()
except SystemExit:
    pass
print(" ".join(sorted(set(name.split(".")[0] for name in sys.modules) & {HEAVY!r})))"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=jobs.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n\n"
    jobs.ended(1, 60)
