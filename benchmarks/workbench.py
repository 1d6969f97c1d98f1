"""How soon the workbench is there, beside an empty Textual app; and how long its reads take on a large dataset.

`python -m benchmarks.workbench [--quick]` prints the rows that `run` returns.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.evaluations import EvaluationWriter, evaluation_key
from store.models import put_model
from store.records import Dataset, Metric, Ranks
from store.words import Split, SplitKind
from store.workspace import Workspace

EVENTS_PER_USER = 5
ITEMS = 20_000
EVALUATED = 5_000  # events per evaluation
BLOCK = 20_000  # rows per insert
WAIT_S = 30.0

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


def run(quick: bool) -> list[dict[str, Any]]:
    """First paint as a ratio to an empty app's, in alternation; reads as medians. Goals are those of issue 2 and 5."""
    events = 50_000 if quick else 500_000
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "w")
        _fill(workspace, events)
        empty, ours, data = [], [], []
        for _ in range(3 if quick else 9):
            empty.append(_seconds_to_see(EMPTY_APP, b"first-paint"))
            ours.append(_seconds_to_see(WORKBENCH.format(folder=str(workspace.folder)), b"4 Results"))
            data.append(_seconds_to_see(WORKBENCH.format(folder=str(workspace.folder)), b"large"))
        rows = [
            _row("first paint, empty Textual app", statistics.median(empty), "s"),
            _row(f"first paint, workbench with {events:,} events", statistics.median(ours), "s"),
            _row("first paint, ratio", statistics.median(ours) / statistics.median(empty), "×", at_most=1.5),
            _row("data on Home, ratio", statistics.median(data) / statistics.median(empty), "×"),
        ]
        return rows + _reads(workspace, events // EVENTS_PER_USER)


def _reads(workspace: Workspace, users: int) -> list[dict[str, Any]]:
    from workbench.overview import read_overview
    from workbench.remembered import ResultsChoice, UsersChoice
    from workbench.results_grid import read_results
    from workbench.visit import read_users, read_visit

    draw = np.random.default_rng(0)
    keys = [f"u{number:07d}" for number in draw.integers(0, users, 20)]
    prefixes = [key[:length] for key in keys for length in range(1, len(key))]
    choice = UsersChoice("large")
    return [
        _row("read Home", _median_ms(lambda _: read_overview(workspace), keys), "ms"),
        _row("read Results", _median_ms(lambda _: read_results(workspace, ResultsChoice()), keys), "ms", at_most=100),
        _row(
            f"a keystroke among {users:,} users",
            _median_ms(lambda prefix: read_users(workspace, "large", prefix), prefixes),
            "ms",
            at_most=50,
        ),
        _row(
            "open a user",
            _median_ms(lambda key: read_visit(workspace, UsersChoice("large", key), "user"), keys),
            "ms",
            at_most=50,
        ),
        _row("a random event", _median_ms(lambda _: read_visit(workspace, choice, "random"), keys), "ms", at_most=50),
    ]


def _row(name: str, value: float, unit: str, *, at_most: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": at_most,
        "met": None if at_most is None else value <= at_most,
    }


def _median_ms(read: Callable[[str], object], arguments: list[str]) -> float:
    read(arguments[0])  # the first imports numpy and fills SQLite's cache
    times = []
    for argument in arguments:
        start = time.perf_counter()
        read(argument)
        times.append(1_000 * (time.perf_counter() - start))
    return statistics.median(times)


def _seconds_to_see(program: str, words: bytes) -> float:
    """From the start of a Python process in a terminal of 120×40 to the first bytes that hold `words`."""
    start = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.execv(sys.executable, [sys.executable, "-c", program])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while words not in seen:
            ready, _, _ = select.select([terminal], [], [], WAIT_S)
            if not ready:
                raise TimeoutError(f"{words!r} was not drawn within {WAIT_S:g} s: {seen[-500:]!r}")
            seen += os.read(terminal, 65_536)
        return time.perf_counter() - start
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(terminal)


def _fill(workspace: Workspace, events: int) -> None:
    users = events // EVENTS_PER_USER
    draft = DatasetDraft(
        name="large",
        request="benchmark",
        platform="synthetic",
        domain="large",
        synthetic=True,
        source={},
        split=SplitKind.LEAVE_ONE_OUT,
        split_settings={},
        timed=True,
    )
    splits = [Split.TRAIN] * (EVENTS_PER_USER - 2) + [Split.VALID, Split.TEST]
    draw = np.random.default_rng(0)
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        for start in range(0, ITEMS, BLOCK):
            rows = range(start, min(ITEMS, start + BLOCK))
            writer.add("item", ((n, f"i{n:06d}", f"Thing number {n}", "", "things", "{}") for n in rows))
        for start in range(0, users, BLOCK):
            rows = range(start, min(users, start + BLOCK))
            chosen = draw.integers(0, ITEMS, (len(rows), EVENTS_PER_USER + 1)).astype("<i4")
            stamps = (1_500_000_000_000 + 86_400_000 * np.arange(EVENTS_PER_USER + 1)).astype("<i8").tobytes()
            writer.add("user", ((n, f"u{n:07d}") for n in rows))
            writer.add(
                "sequence", ((n, n, EVENTS_PER_USER - 1, chosen[n - start].tobytes(), stamps, None) for n in rows)
            )
            writer.add(
                "event",
                (
                    (n * EVENTS_PER_USER + place, n, n, place + 1, int(chosen[n - start, place + 1]), None, None, split)
                    for n in rows
                    for place, split in enumerate(splits)
                ),
            )
        large = writer.finish(fingerprint="large", interactions=events + users, dropped={}, audit={}, replace=False)
        for name in ("pop", "pop-recent", "last-item", "only"):
            _evaluate(db, name, large)


def _evaluate(db: Any, name: str, large: Dataset) -> None:
    draw = np.random.default_rng(1)
    model = put_model(db, name=name, kind="baseline", variant=name, weights_hash=name, code_version="bench")
    protocol = {"candidates": "full catalogue", "ties": "expected", "sample": EVALUATED, "sample_seed": 0}
    total = large.events["test"]
    step = max(1, total // EVALUATED)
    event = (np.arange(0, total, step)[:EVALUATED] * EVENTS_PER_USER + EVENTS_PER_USER - 1).astype(np.int32)
    rows = len(event)
    counts = [draw.integers(0, ITEMS, rows).astype(np.int32) for _ in range(4)]
    items = draw.integers(0, ITEMS, (rows, 50)).astype(np.int32)
    scores = -np.sort(-draw.random((rows, 50)).astype(np.float32))
    ranks = Ranks(event, counts[0], *counts, scores[:, 0], items, scores, items, scores)
    values = [
        ("all", "all"),
        *(("history-length", str(n)) for n in range(1, 14)),
        *(("category", str(n)) for n in range(40)),
    ]
    metrics = [
        Metric(kind, value, metric, seen, rows, rows, 0.1, 0.09, 0.11, 0.1, 0.09, 0.11, 0.1, 0.1)
        for kind, value in values
        for metric in [*(f"{m}@{k}" for m in ("hr", "ndcg") for k in (1, 5, 10, 20, 50)), "mrr"]
        for seen in ("keep", "mask")
    ]
    key = evaluation_key(model, large, Split.TEST, protocol)
    with EvaluationWriter(
        db, key=key, model=model, dataset=large, split=Split.TEST, protocol=protocol, candidates=ITEMS
    ) as writer:
        writer.add(ranks)
        writer.finish(metrics, seconds=1.0, device="cpu")


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        verdict = "" if row["met"] is None else f"  goal ≤ {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<48} {row['value']:>9.3f} {row['unit']}{verdict}")
