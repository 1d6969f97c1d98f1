"""Two workbenches look on while three jobs write to one workspace: is a row lost, a lock met, a frame frozen?

The workbenches are real ones in terminals of their own, the writers are real jobs in processes of their own: each
reports as a training does and now and then stores an evaluation with lists. Nothing is retried here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.large_workspace import fill
from benchmarks.terminal import Terminal
from store import evaluations, jobs
from store.enums import JobState
from store.workspace import Workspace

SECONDS = 120
QUICK_SECONDS = 20
WRITERS, LOOKERS = 3, 2
FROZEN_MS = 200
SERIES = ("loss", "learning rate", "pairs/s")
PAUSE_S = 0.05  # between two keys: quicker than anybody reads
LOCKED = (b"is locked", b"is busy", b"could not be read")
ROOT = Path(__file__).resolve().parents[1]

WORKBENCH = """
import sys
sys.argv = ["st5", "--workspace", {folder!r}]
from engine.commands import main
main()
"""
WRITER = """
import json, sys, time
from pathlib import Path
from benchmarks.contention import SERIES
from benchmarks.large_workspace import add_model, evaluate
from engine.jobs import submit
from store import datasets
from store.workspace import Workspace

folder, name, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
workspace, done = Workspace(folder), {"steps": 0, "told": 0, "evaluations": 0}

def work(observer):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done["steps"] += 1
        observer.progress("sequence-item", done["steps"], 0)
        observer.record(name, done["steps"], {each: 1 / done["steps"] for each in SERIES})
        observer.stop()
        if done["steps"] % 10 == 0:
            done["told"] += 1
            observer.tell("checkpoint", f"step {done['steps']}")
        if done["steps"] % 100 == 0:
            with workspace.write() as db:
                model = add_model(db, f"{name}-{done['steps']}")
                evaluate(db, model, datasets.dataset(db, "large"), 1_000, lists=True)
            done["evaluations"] += 1
        time.sleep(0.02)

submit.submit_job(workspace, "train", work, arguments=["train", "nopre", "--datasets", "large", "--name", name])
print(json.dumps(done))
"""


@dataclass
class Found:
    """What became of it: rows that the writers wrote and those that are missing, errors in words, waits per key."""

    written: int = 0
    lost: int = 0
    errors: list[str] = field(default_factory=list)
    waits_ms: list[tuple[str, float, float]] = field(default_factory=list)  # key, in all, of it for a core


def run(quick: bool) -> list[dict[str, Any]]:
    """Two minutes of it; the goals are those of issue 5."""
    with tempfile.TemporaryDirectory(prefix="st5-bench-") as folder:
        workspace = Workspace(Path(folder) / "w")
        fill(workspace, users=5_000 if quick else 50_000, models=20, domains=3)
        found = contend(workspace, QUICK_SECONDS if quick else SECONDS)
    for error in found.errors:
        print(f"  {error}", file=sys.stderr)
    waits = sorted(took for _, took, _ in found.waits_ms)
    own = sorted(took - waited for _, took, waited in found.waits_ms)
    frozen = sum(wait > FROZEN_MS for wait in waits)
    return [
        _row(f"rows written by {WRITERS} jobs under {LOOKERS} workbenches", found.written, "rows"),
        _row("  of them lost", found.lost, "rows", 0),
        _row("  lock errors, and jobs or workbenches that failed", len(found.errors), "", 0),
        _row(f"  {len(waits):,} keys, from a key to its frame, the longest", waits[-1], "ms", FROZEN_MS),
        _row("  the longest, less what it waited for a core", own[-1], "ms"),
        _row("  99 of 100 at most", waits[int(0.99 * len(waits))], "ms"),
        _row("  median", waits[len(waits) // 2], "ms"),
        _row(f"  frames that took more than {FROZEN_MS} ms", frozen, ""),
    ]


def contend(workspace: Workspace, seconds: float) -> Found:
    """Let them write and look for so long; then count."""
    found = Found()
    names = [f"writer-{number}" for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS + LOOKERS) as pool:
        looking = [pool.submit(_look, workspace.folder, seconds, found) for _ in range(LOOKERS)]
        writing = [pool.submit(_write, workspace.folder, name, seconds) for name in names]
        done = [future.result() for future in writing]
        for future in looking:
            future.result()
    with workspace.read() as db:
        stored = {job.arguments[-1]: job for job in jobs.jobs(db)}
        measured = evaluations.evaluations(db)
        for name, (said, complaint) in zip(names, done, strict=True):
            job = stored.get(name)
            if job is None or not said or job.state != JobState.SUCCEEDED:
                found.errors.append(f"{name}: {job.state if job else 'no job'}: {complaint[-500:]}")
                continue
            points = sum(len(series.steps) for series in jobs.series(db, job.id))
            told = sum(event.kind == "checkpoint" for event in jobs.events(db, job.id))
            ranked = sum(one.model.startswith(f"{name}-") for one in measured)
            wanted = len(SERIES) * said["steps"] + said["told"] + said["evaluations"]
            found.written += wanted
            found.lost += wanted - points - told - ranked
            if "lock" in complaint:
                found.errors.append(f"{name}: {complaint[-500:]}")
    return found


def _write(folder: Path, name: str, seconds: float) -> tuple[dict[str, int], str]:
    """What a writer says that it wrote, nothing where it failed; and what it complained of."""
    words = [sys.executable, "-c", WRITER, str(folder.absolute()), name, str(seconds)]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return (json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}), done.stderr


def _look(folder: Path, seconds: float, counts: Found) -> None:
    """Walk the areas, move in their lists and look for users, as fast as frames come."""
    areas = {"1": b"[1 Home]", "2": b"[2 Data]", "3": b"[3 Jobs]", "4": b"[4 Results]", "5": b"[5 Users]"}
    end = time.monotonic() + seconds
    with Terminal(WORKBENCH.format(folder=str(folder.absolute()))) as terminal:
        terminal.seconds_to(b"large")
        for key, title in areas.items():  # the first time, an area is imported
            if key != "1":
                terminal.frame(key, title)
        walked = False
        while not walked or time.monotonic() < end:
            walked = True
            for key, title in areas.items():
                counts.waits_ms.append((key, *terminal.frame(key, title)))
                time.sleep(PAUSE_S)
                for move in "jjk" if key != "5" else "npr":
                    terminal.press_only(move)
                    time.sleep(PAUSE_S)
                if hit := next((words for words in LOCKED if words in terminal.seen), None):
                    counts.errors.append(f"a workbench says {hit.decode()!r}")
            for key in "/u0000":
                counts.waits_ms.append((key, *terminal.frame(key)))
                time.sleep(PAUSE_S)
            terminal.press_only("\x1b")
            time.sleep(10 * PAUSE_S)  # a lone Escape is told from an escape sequence by waiting
        if not terminal.alive():
            counts.errors.append("a workbench ended")


def _row(name: str, value: float, unit: str, at_most: float | None = None) -> dict[str, Any]:
    met = None if at_most is None else value <= at_most
    return {"name": name, "value": round(value, 3), "unit": unit, "goal": at_most, "met": met}
