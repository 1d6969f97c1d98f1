"""The door that long commands go through: detached, here, or in a worker; exit codes, cancelling, turns on a device."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs import control, device_lock
from engine.jobs.files import JobFiles
from engine.jobs.submit import without_workspace
from store.enums import JobState
from store.errors import BadInput
from store.workspace import Workspace
from tests.program import refusal
from tests.slow_jobs import SlowJobs, slow_jobs
from tests.test_architecture import HEAVY, imports, loaded_by
from tests.waiting import wait_for


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowJobs]:
    with slow_jobs(tmp_path / "w") as slow:
        yield slow


def test_everything_about_jobs_is_light() -> None:
    modules = ("submit", "control", "launcher", "worker", "context", "attach", "device_lock")
    found = loaded_by(imports(*(f"engine.jobs.{name}" for name in modules)))
    assert not found & (HEAVY | {"numpy", "rich", "typer", "textual", "sqlite_utils", "platformdirs"})


def test_the_launcher_loads_nothing_but_how_python_is_started() -> None:
    script = (
        "import engine.jobs.launcher, sys; print(*(m for m in sys.modules if m.split('.')[0] in ('store', 'sqlite3')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["store", "store.python_command"]


def test_without_a_terminal_the_work_is_done_here_as_a_job(slow: SlowJobs) -> None:
    process = slow.here("--steps", "2", "--workspace", str(slow.folder))
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, "step 0\nstep 1\nmade 2\n")
    job = slow.job(1)
    assert (job.state, job.message, job.exit_code, job.done, job.pid) == (
        JobState.SUCCEEDED, "2 steps", 0, 2, process.pid,
    )  # fmt: skip
    assert job.arguments == ["slow", "--steps", "2"]  # a workspace may be moved
    assert [(event.kind, event.message) for event in slow.events(1)] == [("result", "2 steps")]
    assert "result: 2 steps" in control.log_tail(slow.workspace, 1)


def test_detached_it_prints_the_number_and_is_done_elsewhere(slow: SlowJobs) -> None:
    process = slow.here("--steps", "3", "--detach")
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "1\n")
    assert "st5 jobs logs 1 -f" in err
    job = slow.ended(1)
    assert (job.state, job.exit_code, job.folder) == (JobState.SUCCEEDED, 0, os.getcwd())
    assert job.pid != process.pid
    log = re.sub(r"\d\d:\d\d:\d\d ", "", slow.st5("jobs", "logs", "1", "--follow").out)
    assert log.splitlines() == ["step 0", "step 1", "step 2", "result: 3 steps", "made 3", "succeeded: 3 steps"]


@pytest.mark.parametrize(
    ("arguments", "code", "state", "message"),
    [
        (("--steps", "1"), 0, JobState.SUCCEEDED, "1 steps"),
        (("--fail", "problem"), 1, JobState.FAILED, "the last step failed"),
        (("--fail", "boom"), 1, JobState.FAILED, "RuntimeError: boom"),
        (("--refuse",), 2, JobState.FAILED, "--refuse is not allowed."),
        (("--nonsense",), 2, JobState.FAILED, "No such option: --nonsense"),
    ],
    ids=["succeeded", "problem", "traceback", "refused", "usage"],
)
def test_the_workers_exit_code_is_the_jobs(
    slow: SlowJobs, arguments: tuple[str, ...], code: int, state: JobState, message: str
) -> None:
    id = slow.add(*arguments)
    worker = [sys.executable, "-P", "-m", "engine.jobs.worker", str(slow.folder), str(id)]
    done = subprocess.run(worker, env=slow.environment, capture_output=True, text=True, check=False)
    job = slow.job(id)
    assert (done.returncode, job.exit_code, job.state) == (code, code, state)
    if code != 2:
        assert job.message == message
    assert message in done.stderr + job.message
    assert ("Traceback" in done.stderr) == (message == "RuntimeError: boom")
    again = subprocess.run(worker, env=slow.environment, capture_output=True, text=True, check=False)
    assert (again.returncode, slow.job(id)) == (1, job)  # a job is done once


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 3, "SIGTERM"), (signal.SIGHUP, 3, "SIGHUP")],
)
def test_a_signal_here_cancels_the_job(slow: SlowJobs, number: signal.Signals, code: int, message: str) -> None:
    process = held_here(slow, number, signal.SIG_DFL)
    process.send_signal(number)
    _, err = process.communicate()
    job = slow.job(1)
    assert (process.returncode, job.exit_code, job.state) == (code, code, JobState.CANCELLED)
    assert message in job.message
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT], ids=["nohup", "background"])
def test_a_signal_that_was_ignored_before_the_job_leaves_it_alone(slow: SlowJobs, number: signal.Signals) -> None:
    process = held_here(slow, number, signal.SIG_IGN)
    process.send_signal(number)
    slow.gate.touch()
    out, err = process.communicate()
    job = slow.job(1)
    assert (process.returncode, job.state, job.message) == (0, JobState.SUCCEEDED, "6 steps"), err
    assert "made 6" in out


def held_here(
    slow: SlowJobs, number: signal.Signals, before: signal.Handlers, *arguments: str
) -> subprocess.Popen[str]:
    """`st5 slow` without a terminal, held at a step, whose parent left the signal ignored or as the system has it.

    What this test itself inherits does not count: under nohup a hang-up is ignored, in a shell's background Ctrl-C.
    """
    script = (
        f"import os, signal, sys; signal.signal({number.value}, signal.{before.name}); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, *slow.program, *slow.gated, *arguments], env=slow.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while process.stdout.readline() not in ("held at step 2\n", ""):
        pass
    return process


def test_work_that_fails_here_leaves_its_traceback_in_the_log(slow: SlowJobs) -> None:
    process = slow.here("--steps", "0", "--fail", "boom")
    process.communicate()
    assert process.returncode == 1
    assert slow.job(1).message == "RuntimeError: boom"
    assert "raise RuntimeError(fail)" in control.log_tail(slow.workspace, 1)
    assert "RuntimeError: boom" in slow.st5("jobs", "show", "1").out


def test_of_several_processes_of_one_launch_the_first_has_the_job(slow: SlowJobs) -> None:
    for rank, rows in (("1", 0), ("0", 1)):
        done = subprocess.run(
            [*slow.program, "--steps", "1"], env=slow.environment | {"RANK": rank}, capture_output=True, check=True,
        )  # fmt: skip
        assert done.stdout == b"step 0\nmade 1\n"
        assert len(slow.st5("jobs", "list", "--json").document) == rows


def test_bad_input_is_said_before_there_is_a_job(tmp_path: Path) -> None:
    slow = SlowJobs(tmp_path / "w")
    process = slow.here("--refuse", "--detach")
    assert process.wait() == 2
    assert not slow.folder.exists()


def test_a_careful_job_that_is_asked_to_stop_keeps_what_it_has(slow: SlowJobs) -> None:
    id = slow.held("--careful")
    assert "keeps what it has" in slow.st5("jobs", "cancel", str(id)).err
    job = slow.ended(id)
    assert job.message == "stopped at step 2"
    assert [event.kind for event in slow.events(id)] == ["checkpoint"]


def test_the_ladder_of_cancelling(slow: SlowJobs) -> None:
    deaf, stubborn = slow.held("--deaf"), slow.held("--stubborn")
    control.cancel(slow.workspace, deaf)
    assert "asked to stop before" in control.cancel(slow.workspace, deaf)
    assert "SIGTERM" in slow.st5("jobs", "cancel", str(deaf), "--terminate").err
    job = slow.ended(deaf)
    assert (job.state, job.exit_code, job.message) == (JobState.CANCELLED, 3, "Ended by SIGTERM.")

    control.cancel(slow.workspace, stubborn, "terminate")
    assert "Confirm it with --yes" in refusal(slow.st5("jobs", "cancel", str(stubborn), "--kill"))
    assert slow.job(stubborn).state == JobState.RUNNING
    assert "was killed" in slow.st5("jobs", "cancel", str(stubborn), "--kill", "--yes").err
    job = slow.job(stubborn)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, None)
    with pytest.raises(BadInput, match='no step "shoot"'):
        control.cancel(slow.workspace, stubborn, "shoot")


@pytest.mark.parametrize("step", control.STEPS)
def test_a_job_that_ended_first_is_not_cancelled_and_that_is_said(slow: SlowJobs, step: str) -> None:
    cancelled, succeeded = slow.held(), slow.held()
    control.cancel(slow.workspace, cancelled)
    slow.ended(cancelled)
    slow.gate.touch()
    before = slow.ended(succeeded)
    assert control.cancel(slow.workspace, cancelled, step) == (
        f"Job {cancelled} is cancelled already; nothing to cancel."
    )
    assert control.cancel(slow.workspace, succeeded, step) == (
        f"Job {succeeded} is succeeded already; nothing to cancel."
    )
    assert slow.job(succeeded) == before


@pytest.mark.parametrize("step", control.STEPS)
def test_a_job_that_ends_while_it_is_being_cancelled(
    slow: SlowJobs, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its row and the look at its lock it ends by itself, and is gone."""
    id = slow.held("--steps", "3", "--deaf")
    look = control.job_files

    def ended_meanwhile(workspace: Workspace, number: int) -> JobFiles:
        slow.gate.touch()
        slow.ended(id)
        slow.vanished(id)
        return look(workspace, number)

    monkeypatch.setattr(control, "job_files", ended_meanwhile)
    assert control.cancel(slow.workspace, id, step) == (
        f"Job {id} had ended before it could be stopped: it is succeeded."
    )
    assert (slow.job(id).state, slow.job(id).exit_code) == (JobState.SUCCEEDED, 0)


def test_a_job_that_ends_before_the_signal_that_kills_it_arrives(
    slow: SlowJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = slow.held("--steps", "3", "--deaf")

    def ended_first(pid: int) -> int:
        slow.gate.touch()
        slow.ended(id)
        slow.vanished(id)
        raise ProcessLookupError(pid)

    monkeypatch.setattr("os.getpgid", ended_first)
    assert control.cancel(slow.workspace, id, "kill") == (
        f"Job {id} had ended before it could be stopped: it is succeeded."
    )


@pytest.mark.parametrize(("step", "code", "row"), [("terminate", 3, 3), ("kill", -signal.SIGKILL, None)])
def test_the_ladder_ends_a_command_in_a_shell_and_not_the_shell(
    slow: SlowJobs, step: str, code: int, row: int | None
) -> None:
    process = held_here(slow, signal.SIGTERM, signal.SIG_DFL, "--deaf")  # in the process group of this test
    control.cancel(slow.workspace, 1, step)
    process.communicate()
    assert process.returncode == code
    assert (slow.job(1).state, slow.job(1).exit_code) == (JobState.CANCELLED, row)


@pytest.mark.parametrize("command", [[], ["list"], ["show"], ["logs"], ["cancel"], ["resume"]], ids=" ".join)
def test_help_shows_an_example(slow: SlowJobs, command: list[str]) -> None:
    shown = slow.st5("jobs", *command, "--help")
    assert f"Example: st5 {' '.join(['jobs', *command])}" in " ".join(shown.out.split())


def test_a_job_without_a_worker_is_cancelled_at_once(slow: SlowJobs) -> None:
    id = slow.add()
    assert "had no worker" in control.cancel(slow.workspace, id)
    control.launch(slow.workspace, id)
    assert slow.job(id).state == JobState.CANCELLED


def test_what_can_be_resumed_and_what_not(slow: SlowJobs) -> None:
    done, running = slow.launch("--steps", "0"), slow.held()
    slow.ended(done)
    assert "succeeded" in refusal(slow.st5("jobs", "resume", str(done)))
    assert "is running" in refusal(slow.st5("jobs", "resume", str(running)))
    assert "No job 99" in refusal(slow.st5("jobs", "resume", "99"))
    control.cancel(slow.workspace, running)
    slow.ended(running)
    resumed = slow.st5("jobs", "resume", str(running))
    assert (resumed.code, resumed.out) == (0, "3\n")
    assert "goes on with job 2 already" in refusal(slow.st5("jobs", "resume", str(running)))
    slow.holds(3)
    wait_for(lambda: slow.series(3) != [], "points of the resumed job", lambda: slow.log(3))
    control.cancel(slow.workspace, 3)
    assert slow.ended(3).resumes == running
    assert slow.series(3)[0].seconds[0] >= slow.job(running).seconds  # one curve, one run time


def test_jobs_take_turns_on_a_device_and_say_for_whom_they_wait(slow: SlowJobs) -> None:
    first = slow.held("--device", "cuda:9")
    second, third = (slow.launch_only("--steps", "1", "--device", "cuda:9") for _ in range(2))
    for id in (second, third):
        wait_for(lambda id=id: slow.job(id).message != "", f"the reason why job {id} waits")
        job = slow.job(id)
        assert job.state == JobState.QUEUED
        assert job.message.startswith(f"cuda:9 held by job {first} of {slow.folder.absolute()} (pid ")
        assert job.pid is not None
    assert control.reap(slow.workspace) == []
    control.cancel(slow.workspace, third)
    job = slow.ended(third)
    assert (job.state, job.exit_code) == (JobState.CANCELLED, 3)
    control.cancel(slow.workspace, first)
    job = slow.ended(second)
    assert (job.state, job.device, job.message) == (JobState.SUCCEEDED, "cuda:9", "1 steps")
    assert slow.events(second)[0].kind == "waiting"


def test_a_card_is_the_same_whatever_a_process_numbers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert device_lock.physical("cuda") == device_lock.physical("cuda:0") != device_lock.physical("cuda:1")
    third = device_lock.physical("cuda:2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,2")
    assert device_lock.physical("cuda:1") == third
    assert device_lock.physical("cpu") == "cpu"


def test_the_lock_folder_is_private_to_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert device_lock.lock_folder() == tmp_path / "run" / "st5"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = device_lock.lock_folder()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0


def test_a_job_without_its_folder_runs_in_the_workspace_and_says_so(slow: SlowJobs, tmp_path: Path) -> None:
    id = slow.add("--steps", "1")
    with slow.workspace.write() as db:
        db.execute("UPDATE job SET folder = ?", (str(tmp_path / "gone"),))
    with slow.known():
        control.launch(slow.workspace, id)
    assert slow.ended(id).state == JobState.SUCCEEDED
    assert "working in the workspace instead" in control.log_tail(slow.workspace, id)


def test_a_python_beside_the_job_is_not_taken_for_the_programs_own(slow: SlowJobs, tmp_path: Path) -> None:
    for name in ("random", "typer", "store", "engine"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        id = slow.launch("--steps", "1")
    finally:
        os.chdir(before)
    assert slow.ended(id).state == JobState.SUCCEEDED, control.log_tail(slow.workspace, id)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["train", "nopre", "--detach", "-d", "a,b"], ["train", "nopre", "-d", "a,b"]),
        (["--workspace", "w", "train", "nopre", "-w", "v"], ["train", "nopre"]),
        (["train", "nopre", "--workspace=w"], ["train", "nopre"]),
        (["evaluate", "only", "--", "--detach"], ["evaluate", "only", "--", "--detach"]),
    ],
)
def test_what_a_worker_is_given_of_a_command_line(given: list[str], kept: list[str]) -> None:
    assert without_workspace(given) == kept


def test_reading_jobs(slow: SlowJobs, tmp_path: Path) -> None:
    assert "no workspace here" in refusal(SlowJobs(tmp_path / "nothing").st5("jobs"))
    assert "No job yet" in slow.st5("jobs").err
    id = slow.launch("--steps", "1", "--fail", "\x1b[31mred")
    slow.ended(id)
    slow.vanished(id)
    listed = slow.st5("jobs")
    assert "failed" in listed.out
    assert "\x1b[31m" not in listed.out + slow.st5("jobs", "show", "1").out + slow.st5("jobs", "logs", "1").out
    (job,) = slow.st5("jobs", "--json").document
    assert list(job)[:7] == ["id", "command", "state", "pid", "done", "total", "message"]
    assert (job["done"], job["total"], job["kind"]) == (1, 1, "slow")
    shown = slow.st5("jobs", "show", "1", "--json").document
    assert shown["series"] == [{"phase": "phase", "name": "loss", "points": 1, "step": 0, "value": 1.0}]
    assert "No job 9. The newest are 1" in refusal(slow.st5("jobs", "show", "9"))
    assert slow.st5("jobs", "show", "nine").code == 2
    assert slow.st5("jobs", "list", "-w", str(slow.folder), "--json").document == [job]
