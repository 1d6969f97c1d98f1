"""`st5 experiment`: lists, plans, runs what is missing as jobs, and shows what there is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from engine.experiments.arguments import Arguments, arguments_of
from engine.experiments.context import ExperimentContext
from engine.experiments.definition import Definition, definition_names, load_definition
from engine.experiments.running import run_steps
from engine.experiments.steps import Step, steps
from engine.progress import Observer
from store import jobs
from store.enums import JobState
from store.errors import Cancelled
from store.experiments import experiments
from store.workspace import Workspace
from tests.engine.experiments.workspaces import defined, evaluated, text_model
from tests.program import Program, refusal
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items
from tests.waiting import wait_for

TWO = """
title = "Two counts"
kind = "evaluations"
metrics = ["hr@1"]

[[arms]]
label = "all time"
model = "pop"
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Five items; `pop` evaluated by hand, so that nothing has to be run for it."""
    workspace = five_items(tmp_path / "w")
    evaluated(workspace, text_model(workspace, "pop", kind="baseline"), [0, 0, 1, 1])
    return Program(workspace.folder)


def commands(program: Program) -> list[str]:
    """Every job of the workspace, oldest first."""
    with Workspace(program.workspace).read() as db:
        return [job.command for job in reversed(jobs.jobs(db))]


def left(workspace: Workspace, definition: Definition) -> list[Step]:
    with workspace.read() as db:
        return steps(ExperimentContext(db, definition, Arguments(("shop",))))


def test_the_list_says_what_there_is_and_what_is_stored(tmp_path: Path, program: Program) -> None:
    nothing = Program(tmp_path / "none")("experiment", "list", "--json").document
    assert [row["name"] for row in nothing] == definition_names()
    assert {row["stored"] for row in nothing} == {"not asked for yet"}
    assert not (tmp_path / "none").exists()
    (tmp_path / "own.toml").write_text(TWO)
    assert program("experiment", tmp_path / "own.toml").code == 0
    own = program("experiment", "list", "--json").document[-1]
    assert (own["name"], own["missing"], own["stored"], own["datasets"]) == ("own", [], "all of it (shop)", ["shop"])
    table = program("experiment", "list").out
    assert "table A.1" in table
    assert "all of it (shop)" in table


def test_a_definition_is_printed_to_be_copied_and_changed(tmp_path: Path) -> None:
    printed = Program(tmp_path)("experiment", "text-format", "--definition")
    assert printed.out == load_definition("text-format").text


def test_a_dry_run_prints_command_lines_and_leaves_no_trace(program: Program) -> None:
    dry = program("experiment", "main", "--models", "pop,pop-recent,final", "--sample", "2", "--dry-run")
    assert dry.out.splitlines() == [
        "st5 evaluate pop --datasets shop --sample 2 --seed 0",
        "st5 evaluate pop-recent --datasets shop --sample 2 --seed 0",
    ]
    assert "st5 train final --datasets shop --name final" in dry.err
    as_json = program("experiment", "main", "--models", "pop", "--sample", "2", "--dry-run", "--json").document
    assert as_json == [{"arguments": dry.out.splitlines()[0].split()[1:], "readiness": "ready"}]
    assert commands(program) == []
    with Workspace(program.workspace).read() as db:
        assert experiments(db) == []


def test_what_is_stored_is_shown_without_a_job_in_every_form(program: Program) -> None:
    asked = ("experiment", "main", "--models", "pop", "--seen", "keep")
    table = program(*asked)
    assert table.code == 0
    assert "0.8155" in table.out  # (1 + 1 + 2/log2(3)) / 4
    document = program(*asked, "--json").document
    (row,) = [row for row in document["sheets"][0]["rows"] if row["labels"] == ["shop", "ndcg@10"]]
    assert row["cells"][0]["n"] == 4
    assert document["missing"] == []
    rows = list(csv.DictReader(io.StringIO(program(*asked, "--csv").out)))
    found = {row["row"]: float(row["value"]) for row in rows}
    assert found["shop / ndcg@10"] == pytest.approx(row["cells"][0]["value"])
    lines = [line for line in program(*asked, "--md").out.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert len(lines) == 2 + 4
    assert commands(program) == []
    with Workspace(program.workspace).read() as db:
        (stored,) = experiments(db)
    again = arguments_of(stored.arguments).command(stored.name)
    assert program(*again, "--json").document == document


def test_curves_and_counts_are_shown_too(program: Program) -> None:
    curve = program("experiment", "history-length", "--models", "pop")
    assert "items in the history" in curve.out
    assert "█" in curve.out
    assert "█" in program("experiment", "history-length", "--models", "pop", "--md").out
    kinds = [figure["kind"] for figure in program("experiment", "history-length", "--models", "pop", "--json")
             .document["figures"]]  # fmt: skip
    assert kinds == ["lines", "lines"]  # by true length, and by what was read
    assert "interactions" in program("experiment", "statistics").out


def test_what_is_missing_is_run_as_jobs_and_what_fails_keeps_nothing_else_from_running(program: Program) -> None:
    workspace = Workspace(program.workspace)
    bare = [(user, chosen, marks[:1]) for user, chosen, marks in HISTORIES[:2]]  # train events only
    add(workspace, "bare", TITLES, CATEGORIES, bare)
    own = program.workspace / "own.toml"
    own.write_text(TWO + '\n[[arms]]\nlabel = "new"\nmodel = "pop-recent"\n')
    made = program("experiment", own, "--models", "new")
    assert made.code == 1
    assert "own: 1 of its steps failed" in made.err
    assert "bare has no test events" in made.err
    assert "new" in made.out
    assert commands(program)[1:] == [
        "st5 evaluate pop-recent --datasets bare,shop",
        "st5 evaluate pop-recent --datasets bare",
        "st5 evaluate pop-recent --datasets shop",
    ]
    with workspace.read() as db:
        states = [job.state for job in reversed(jobs.jobs(db))]
    assert states == [JobState.FAILED, JobState.FAILED, JobState.FAILED, JobState.SUCCEEDED]
    document = program("experiment", own, "--datasets", "shop", "--json").document
    assert [cell["n"] for cell in document["sheets"][0]["rows"][0]["cells"]] == [4, 4]
    assert len(commands(program)) == 4


def test_who_cancels_an_experiment_cancels_its_step(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    definition = defined('[[arms]]\nlabel = "pop"\nmodel = "pop"\n')
    with pytest.raises(Cancelled, match="job 1"):
        run_steps(workspace, lambda: left(workspace, definition), Observer(stop=lambda: True))

    def ended() -> bool:
        with workspace.read() as db:
            job = jobs.job(db, 1)
        return job.cancel == "asked" and job.state in jobs.FINAL

    wait_for(ended, "the step to end")


def test_detached_it_is_a_job_and_the_table_is_printed_on_request(program: Program) -> None:
    made = program("experiment", "main", "--models", "pop", "--detach")
    assert made.out == "1\n"

    def ended() -> bool:
        with Workspace(program.workspace).read() as db:
            return jobs.job(db, 1).state == JobState.SUCCEEDED

    wait_for(ended, "the experiment to end")
    assert commands(program) == ["st5 experiment main --models pop"]


def test_bad_input_is_one_message(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Did you mean main" in refusal(program("experiment", "mian"))
    assert "No dataset" in refusal(program("experiment", "main", "--datasets", "shp"))
    assert "predicts ratings" in refusal(program("experiment", "rating"))
    assert "whole numbers" in refusal(program("experiment", "main", "--seeds", "one"))
    assert "exclude each other" in refusal(program("experiment", "main", "--json", "--csv"))
    assert "st5 ingest" in refusal(Program(tmp_path / "none")("experiment", "main"))
    with Workspace(tmp_path / "empty").write():
        pass
    assert "no dataset in this workspace" in refusal(Program(tmp_path / "empty")("experiment", "main"))
    monkeypatch.setenv("RANK", "0")
    assert "without torchrun" in refusal(program("experiment", "main", "--models", "pop"))
    assert commands(program) == []
