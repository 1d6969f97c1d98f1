"""How the workbench feels on a large workspace: first paint beside an empty Textual app, keys, and what idling costs.

Everything is measured from outside, in a terminal: a key goes in, and the clock stops at the last byte it caused.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.large_workspace import fill
from benchmarks.terminal import Terminal
from store.workspace import Workspace

EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("first-paint")
Empty().run()
"""
WORKBENCH = """
import sys
sys.argv = ["st5", "--workspace", {folder!r}, "--readonly"]
from engine.commands import main
main()
"""
# A job as trainings report: progress ten times a second, a point of three series at each step.
JOB = """
import sys, time
from pathlib import Path
from engine.jobs import submit
from store.workspace import Workspace
def work(observer):
    for step in range(100_000):
        observer.progress("sequence-item", step, 100_000)
        observer.record("sequence-item", step, {"loss": 1 / (step + 1), "lr": 1e-4, "pairs per second": 20.0})
        time.sleep(0.1)
submit.submit_job(Workspace(Path(sys.argv[1])), "train", work, arguments=["train", "nopre", "--datasets", "large"])
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """First paint as a ratio to an empty app's, in alternation; the rest as medians. Goals are those of issue 5."""
    users, models = (50_000, 20) if quick else (500_000, 100)
    with tempfile.TemporaryDirectory(prefix="st5-bench-") as folder:
        workspace = Workspace(Path(folder) / "w")
        fill(workspace, users=users, models=models, domains=13)
        program = WORKBENCH.format(folder=str(workspace.folder))
        rows = _paint(program, 3 if quick else 9, f"{users:,} users, {models} models × 13 domains")
        rows += _keys(program, users, 2 if quick else 5)
        job = subprocess.Popen([sys.executable, "-c", JOB, str(workspace.folder)], stderr=subprocess.DEVNULL)
        try:
            rows += _with_a_job(program, 10 if quick else 30)
        finally:
            job.terminate()
            job.wait()
        return rows


def _paint(program: str, times: int, size: str) -> list[dict[str, Any]]:
    empty, ours, data = [], [], []
    used: dict[str, list[float]] = {EMPTY_APP: [], program: []}
    for _ in range(times):
        for code, words, found in ((EMPTY_APP, b"first-paint", empty), (program, b"4 Results", ours),
                                   (program, b"large", data)):  # fmt: skip
            with Terminal(code) as terminal:
                found.append(terminal.seconds_to(words))
                if found is not data:
                    used[code].append(terminal.cpu_s())
    return [
        _row("first paint, empty Textual app", median(empty), "s"),
        _row(f"first paint, workbench ({size})", median(ours), "s", at_most=0.9),
        _row("first paint, ratio", median(ours) / median(empty), "×", at_most=1.5),
        _row("  the same in processor time", median(used[program]) / median(used[EMPTY_APP]), "×"),
        _row("data on Home, ratio", median(data) / median(empty), "×"),
    ]


def _keys(program: str, users: int, times: int) -> list[dict[str, Any]]:
    with Terminal(program) as terminal:
        terminal.seconds_to(b"large")
        first = [terminal.press(key) for key in "234561"]
        again, own = [], []
        for _ in range(times):
            for key in "234561":
                waited = terminal.waited_for_a_core_s()
                again.append(terminal.press(key))
                own.append(again[-1] - 1_000 * (terminal.waited_for_a_core_s() - waited))
        terminal.press("5")
        typed, opened = [], []
        for number in range(times):
            terminal.press("/")
            typed += [terminal.press(letter) for letter in f"u{users // (number + 2):07d}"]
            opened.append(terminal.press("\r"))
            opened += [terminal.press(key) for key in "rnp"]
        terminal.press("1")
        idle, _ = terminal.idle(5 if times < 3 else 20)
        return [
            _row("an area for the first time", median(first), "ms"),
            _row("another area, slowest of six", max(median(again[place::6]) for place in range(6)), "ms", at_most=100),
            _row("  less what it waited for a core", max(median(own[place::6]) for place in range(6)), "ms"),
            _row(f"a keystroke among {users:,} users", median(typed), "ms", at_most=50),
            _row("open a user", median(opened), "ms", at_most=50),
            _row("idle without a job, CPU", 100 * idle, "%", at_most=1),
            _row("memory after every area", terminal.memory_mb(), "MB", at_most=200),
            _row("torch in the process", float(terminal.maps("libtorch")), "", at_most=0),
        ]


def _with_a_job(program: str, seconds: float) -> list[dict[str, Any]]:
    with Terminal(program) as terminal:
        terminal.seconds_to(b"large")
        terminal.press("3")
        used, written = terminal.idle(seconds)
    return [
        _row("idle on Jobs with one running, CPU", 100 * used, "%", at_most=5),
        _row("idle on Jobs with one running, to the terminal", written, "B/s", at_most=4_096),
    ]


def _row(name: str, value: float, unit: str, *, at_most: float | None = None) -> dict[str, Any]:
    met = None if at_most is None else value <= at_most
    return {"name": name, "value": round(value, 3), "unit": unit, "goal": at_most, "met": met}


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=2))
