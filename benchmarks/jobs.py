"""What a job costs beside its work: from `--detach` to `running`, and a worker's bookkeeping at every step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

from store import jobs
from store.enums import JobState
from store.workspace import Workspace

START_GOAL = 0.3  # seconds beyond the worker's imports
BOOKKEEPING_GOAL = 0.01  # of a step
STEP_S = 0.05
LOOK_S = 0.002
WAIT_S = 60.0
COMMAND = ("evaluate", "pop", "--datasets", "shop")

# Which modules a worker has loaded where its job becomes `running`: the job's work meets this instead of a job.
LOADED = """
import json, sys
import engine.jobs.worker
from engine.jobs import submit
before = set(sys.builtin_module_names)
class Probe:
    def perform(self, work, device):
        device() if callable(device) else device
        print(json.dumps([name for name in sys.modules if name not in before and name != "__main__"]))
        raise SystemExit(0)
submit.enter_job(Probe())
sys.argv = ["st5", *json.loads(sys.argv[1])]
from engine.commands import main
main()
"""
IMPORTS = """
import sys, time
from contextlib import suppress
from importlib import import_module
started = time.perf_counter()
for name in sys.stdin.read().split():
    with suppress(Exception):  # a few are made by others and cannot be asked for by name
        import_module(name)
print(time.perf_counter() - started)
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; starts and bare imports in turn, medians."""
    with tempfile.TemporaryDirectory(prefix="st5-bench-") as folder:
        workspace = Workspace(Path(folder) / "w")
        _fill(workspace, Path(folder))
        return [*_start(workspace, 6 if quick else 16), *_bookkeeping(workspace, 100 if quick else 400)]


def _start(workspace: Workspace, times: int) -> list[dict[str, Any]]:
    asked = json.dumps([*COMMAND, "--workspace", str(workspace.folder)])
    modules = json.loads(_python(LOADED, asked))
    starts, imports, bare = [], [], []
    for _ in range(times):
        starts.append(_seconds_to_running(workspace))
        imports.append(float(_python(IMPORTS, given=" ".join(modules))))
        started = time.perf_counter()
        _python("")
        bare.append(time.perf_counter() - started)
    # Pair by pair, since other work on the machine comes and goes; the first pair fills the disk cache.
    beyond = median(start - own for start, own in zip(starts[1:], imports[1:], strict=True))
    return [
        _row("from --detach to running beyond the worker's imports", beyond, "s", START_GOAL, beyond <= START_GOAL),
        _row("  from --detach to running", median(starts[1:]), "s"),
        _row(f"  importing the {len(modules)} modules that the worker then has", median(imports[1:]), "s"),
        _row("  a bare start of Python (launcher and worker are one each)", median(bare[1:]), "s"),
    ]


def _seconds_to_running(workspace: Workspace) -> float:
    """From before the job's row is written until a reader sees `running`, or the end of a job that was quick."""
    from engine.jobs import submit

    started = time.perf_counter()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        submit.submit_job(workspace, "evaluate", lambda observer: None, detach=True, arguments=COMMAND)
    with workspace.read() as db:
        id = jobs.jobs(db, 1)[0].id
        while True:
            state = jobs.job(db, id).state
            if state not in (JobState.QUEUED, JobState.STARTING):
                break
            if time.perf_counter() - started > WAIT_S:
                raise RuntimeError(f"benchmark: job {id} is {state} after {WAIT_S:.0f} s")
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - started
        while (job := jobs.job(db, id)).state not in jobs.FINAL:  # its work must not run beside the next measurement
            time.sleep(10 * LOOK_S)
    if job.state != JobState.SUCCEEDED:
        raise RuntimeError(f"benchmark: job {id} {job.state}: {job.message}")
    return seconds


def _bookkeeping(workspace: Workspace, steps: int) -> list[dict[str, Any]]:
    """As a worker at training does: progress and a look for cancelling at every step, and a point of each of four
    series, which the recipes record at every tenth step only. The step itself sleeps, so what is spent is ours."""
    from engine.jobs.context import JobContext
    from engine.jobs.files import job_files
    from engine.jobs.outcome import Outcome
    from engine.progress import Observer

    with workspace.write() as db:
        id = jobs.add_job(db, kind="train", arguments=["bench"], folder=os.getcwd()).id
    handle = job_files(workspace, id).take()
    assert handle is not None
    running = JobContext(workspace, id, handle)
    if not running.start():
        raise RuntimeError(f"benchmark: job {id} could not be claimed")
    spent = running.perform(lambda observer: _steps(observer, steps))
    running.end(Outcome(JobState.SUCCEEDED, "", 0))
    running.release()
    bare = _steps(Observer(), steps)
    share = (spent[0] - bare[0]) / (steps * STEP_S)
    return [
        _row(
            f"a worker's bookkeeping, share of a step of {1000 * STEP_S:.0f} ms (processor time, all threads)",
            100 * share, "%", 100 * BOOKKEEPING_GOAL, share < BOOKKEEPING_GOAL,
        ),
        _row("  of it the step waits for", 100 * (spent[1] - bare[1]) / (steps * STEP_S), "%"),
    ]  # fmt: skip


def _steps(observer: Any, steps: int) -> tuple[float, float]:
    """Seconds of processor time that the steps took this process, and of wall time inside the observer."""
    inside, before = 0.0, time.process_time()
    for step in range(steps):
        time.sleep(STEP_S)
        started = time.perf_counter()
        observer.progress("sequence-item", step, steps)
        observer.stop()
        values = {"loss": 1.0 / (step + 1), "learning rate": 2e-5, "gradient norm": 1.0, "pairs/s": 10.0}
        observer.record("bench", step, values)
        inside += time.perf_counter() - started
    return time.process_time() - before, inside


def _fill(workspace: Workspace, folder: Path) -> None:
    """A shop of 50 users and 40 items, each user with six of them."""
    from engine.ingest import IngestOptions, ingest
    from engine.sources import table
    from store.enums import SplitKind

    events = [f"u{user},i{(7 * user + 3 * step) % 40},{step}" for user in range(50) for step in range(6)]
    (folder / "events.csv").write_text("\n".join(["user_id,item_id,position", *events]))
    items = [json.dumps({"item_id": f"i{item}", "title": f"Lamp {item}"}) for item in range(40)]
    (folder / "items.jsonl").write_text("\n".join(items))
    raw = table.read(folder / "events.csv", folder / "items.jsonl", domain="bench")
    ingest(workspace, raw, IngestOptions("shop", split=SplitKind.LEAVE_ONE_OUT))


def _python(program: str, *arguments: str, given: str = "") -> str:
    command: Sequence[str] = [sys.executable, "-c", program, *arguments]
    here = Path(__file__).resolve().parents[1]
    # A session of its own, as workers have: the kernel shares a busy machine out by session.
    done = subprocess.run(
        command, cwd=here, input=given, stdout=subprocess.PIPE, check=True, text=True, start_new_session=True
    )
    return done.stdout


def _row(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}
