"""Every Python that st5 starts is isolated from the current directory, whose files are never run."""

from __future__ import annotations

import ast
import asyncio
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store import jobs
from store.enums import JobState
from store.workspace import Workspace
from tests.program import Program
from tests.waiting import WORK_S, wait_for
from workbench.jobs.job_actions import job_number, run_command
from workbench.users.inference_process import Died, InferenceProcess
from workbench.web import WebServer

PROJECT = Path(__file__).resolve().parents[1]
ST5 = "import sys; sys.path.remove(''); from engine.commands import main; main()"  # as the installed script starts
SMALL = ["ingest", "synthetic", "--users", "40", "--items", "30", "--domains", "1"]


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory whose modules leave a mark when they are run, each under a name that st5 imports."""
    folder = tmp_path / "hostile"
    mark = f"open({str(folder / 'RAN')!r}, 'a').write(__file__ + '\\n')\n"
    for package in ("engine", "store", "workbench"):
        (folder / package).mkdir(parents=True)
        for module in ("__init__", "__main__"):
            (folder / package / f"{module}.py").write_text(mark)
    for module in ("sitecustomize", "usercustomize", "json", "typer", "torch", "numpy"):
        (folder / f"{module}.py").write_text(mark)
    monkeypatch.chdir(folder)
    return folder


def ran(hostile: Path) -> str:
    mark = hostile / "RAN"
    return mark.read_text() if mark.exists() else ""


def test_a_job_and_its_launcher_run_nothing_of_the_current_directory(hostile: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    environment = {**os.environ, "ST5_WORKSPACE": str(workspace.folder)}
    started = subprocess.run(
        [sys.executable, "-c", ST5, *SMALL, "--detach"], capture_output=True, text=True, env=environment, check=False
    )
    assert started.returncode == 0, started.stderr
    number = int(started.stdout)

    def state() -> JobState:
        with workspace.read() as db:
            return jobs.job(db, number).state

    wait_for(lambda: state() in jobs.FINAL, "the job's end", limit=WORK_S)
    assert state() is JobState.SUCCEEDED, (workspace.folder / "jobs" / str(number) / "run.log").read_text()
    assert ran(hostile) == ""


def test_a_command_of_the_workbench_runs_nothing_of_the_current_directory(hostile: Path, tmp_path: Path) -> None:
    out = asyncio.run(run_command([*SMALL, "--detach"], str(tmp_path / "w")))
    number = job_number(out)
    workspace = Workspace(tmp_path / "w")

    def done() -> bool:
        with workspace.read() as db:
            return jobs.job(db, number).state in jobs.FINAL

    wait_for(done, "the job's end", limit=WORK_S)
    assert ran(hostile) == ""


def test_the_warm_process_runs_nothing_of_the_current_directory(hostile: Path, tmp_path: Path) -> None:
    from engine.inference.messages import RankRequest, Refusal, Stage

    Program(tmp_path / "w")(*SMALL)
    process, answers, answered = InferenceProcess(tmp_path / "w"), [], threading.Event()

    def deliver(answer: object) -> None:
        if not isinstance(answer, Stage):
            answers.append(answer)
            answered.set()

    process.ask(lambda number: RankRequest(number, "no such evaluation", (0,), 0, 5), deliver)
    assert answered.wait(120), "waited for an answer of the inference process"
    process.end()
    assert isinstance(answers[0], Refusal), answers[0].words if isinstance(answers[0], Died) else answers
    assert ran(hostile) == ""


def test_a_page_of_the_web_server_runs_nothing_of_the_current_directory(hostile: Path) -> None:
    command = shlex.split(WebServer(["datasets", "--help"], 0).command)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "List datasets" in done.stdout
    assert ran(hostile) == ""


def test_python_is_started_in_one_place_only() -> None:
    """Whatever names the interpreter goes through `store.python_command`, which isolates it."""
    files = [file for package in ("engine", "store", "workbench") for file in (PROJECT / package).rglob("*.py")]
    assert len(files) > 100
    named = [
        f"{file.relative_to(PROJECT)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in ("executable", "_base_executable"))
        or (isinstance(node, ast.alias) and node.name == "executable")
    ]
    assert [place.partition(":")[0] for place in named] == ["store/python_command.py"]


def test_no_assertion_does_work() -> None:
    """`python -O` leaves assertions out, so they only say what a type checker cannot know: isinstance, is not None."""
    found = []
    for package in ("engine", "store", "workbench"):
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Assert):
                    continue
                test = node.test
                narrows = (
                    isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance"
                ) or (
                    isinstance(test, ast.Compare)
                    and isinstance(test.ops[0], ast.IsNot)
                    and not any(isinstance(part, ast.Call) for part in ast.walk(test))
                )
                if not narrows:
                    found.append(f"{file.relative_to(PROJECT)}:{node.lineno}")
    assert found == []
