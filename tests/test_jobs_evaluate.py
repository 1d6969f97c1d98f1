"""Evaluations as jobs: detached they give the same numbers, and asking for them loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.evaluation import evaluate
from engine.jobs import control
from engine.protocol import EvaluationOptions
from store import datasets
from store.enums import JobState
from store.errors import Failed
from store.workspace import Workspace
from tests.program import Program, refusal
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
    job = there.ended(1)
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
    jobs.ended(1)


@pytest.mark.parametrize("stage", ["encoding items", "encoding histories", "ranking", "measuring"])
def test_a_dataset_that_is_replaced_while_it_is_evaluated(tmp_path: Path, tiny_t5: Path, stage: str) -> None:
    """Replace against read: the evaluation says so and leaves nothing; of the new dataset it can be made at once."""
    workspace = Workspace(tmp_path / "w")
    program = Program(workspace.folder)
    ingest = ("ingest", "synthetic", "--domains", "1", "--items", "30", "--name", "shop")
    assert program(*ingest, "--users", "40").code == 0
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    seen: list[str] = []

    def replaced(current: str, done: int, total: int) -> None:
        if current == stage and stage not in seen:
            seen.append(stage)
            outcome = program(*ingest, "--users", "50", "--replace")
            assert outcome.code == 0, outcome.err

    options = EvaluationOptions(device="cpu", precision="fp32")
    with pytest.raises(Failed, match="shop was replaced or removed while tiny was evaluated on it"):
        evaluate(workspace, "tiny", "shop", options, replaced)
    assert seen == [stage]
    with workspace.read() as db:
        assert db.execute("SELECT count(*) FROM evaluation").fetchone()[0] == 0
        assert [dataset.users for dataset in datasets.datasets(db)] == [50]
    assert evaluate(workspace, "tiny", "shop", options).n > 0


def test_a_dataset_that_is_replaced_after_its_evaluation_takes_it_along(tmp_path: Path) -> None:
    program = Program(tmp_path / "w")
    ingest = ("ingest", "synthetic", "--domains", "1", "--items", "30", "--name", "shop")
    assert program(*ingest, "--users", "40").code == 0
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    assert program(*ingest, "--users", "50", "--replace").code == 0
    assert program("results", "--json").document == []
