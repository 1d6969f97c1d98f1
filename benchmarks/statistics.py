"""The bootstrap of one evaluation, and `st5 results` over a hundred of 100,000 events: stored slices and new ones.

`python -m benchmarks.statistics [--quick]` prints the rows that `run` returns. Where the bootstrap's time was: 2.6 s of
processor time for 22 columns with 1,000 replicates, nearly all of it Poisson draws (42 ns each). Predicted for 16
random bits and eight comparisons per weight (3 ns), weights in blocks that a core's cache holds, and products on one
thread per worker: 0.5 s. Measured: 0.4 s, and 0.7 s where 13 other processes shared the two cores. What two threads
of the matrix library cost on a busy machine came as a surprise: products of 1 ms took 20 to 150 ms, because the
threads wait for each other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Split, SplitKind
from store.evaluations import EvaluationWriter, evaluation_key
from store.models import put_model
from store.rows import Dataset, Metric, Ranks
from store.workspace import Workspace

EVENTS = 100_000
USERS = 60_000
ITEMS = 20_000
COLUMNS = 22  # eleven metrics under two seen rules
CATEGORIES = 20
ROUNDS = 3
CONTRASTED = 8_317  # users, and events, of a dataset left one out
ROWS_A_BLOCK = 1_290  # as many as come together where lists of 50 are stored with the ranks
PROGRAM = "import sys; from engine.commands import main; sys.argv[0] = 'st5'; main()"


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` stores ten evaluations in place of a hundred."""
    count = 10 if quick else 100
    rows = [_bootstrap()]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        with workspace.write() as db:
            dataset = _shop(workspace, "large", EVENTS, USERS)
            small = _shop(workspace, "small", CONTRASTED, CONTRASTED)
            for number in range(count):
                _evaluate(db, f"model{number:03d}", dataset)
            for number in range(10):
                _evaluate(db, f"model{number:03d}", small)
        rows += [_with_best(workspace)]
        size = f"{count} evaluations of {EVENTS:,} events"
        for words, arguments, goal in (
            ("stored", [], 1.0),
            ("a stored slice", ["--by", "history-length", "--no-marks"], None),
            ("a new slice", ["--where", "target=cold"], 2.0),
            ("a new slice, divided", ["--where", "target=cold", "--by", "history-length"], None),
            ("two conditions", ["--where", "target=warm", "--where", "category=c3"], 2.0),
            ("most events", ["--where", "target=warm"], None),
        ):
            seconds = _seconds(lambda given=arguments: _results(workspace, given, "--dataset", "large"))
            rows.append(_row(f"st5 results over {size}: {words}", seconds, "s", goal))
    return rows


def _bootstrap() -> dict[str, Any]:
    from engine.measuring.intervals import slice_means

    draw = np.random.default_rng(0)
    values, users = draw.random((EVENTS, COLUMNS)), _owners(draw, EVENTS, USERS)
    whole = {"all": np.ones(EVENTS, bool)}
    seconds = _seconds(lambda: slice_means(values, users, whole))
    return _row(f"bootstrap of {EVENTS:,} events of {USERS:,} users, {COLUMNS} columns", seconds, "s", 2.0)


def _with_best(workspace: Workspace) -> dict[str, Any]:
    from engine.measuring.against_best import compare_with_best
    from engine.measuring.metrics import measure
    from store.enums import Seen, Slice
    from store.evaluations import evaluations

    with workspace.read() as db:
        found = evaluations(db, dataset="small")
        seconds = _seconds(lambda: compare_with_best(db, found, Slice.ALL, [measure("ndcg@10")], [Seen.KEEP]))
    return _row(f"10 models against the best, {CONTRASTED:,} events", seconds, "s", 0.3)


def _results(workspace: Workspace, *arguments: Any) -> None:
    words = [word for part in arguments for word in ([part] if isinstance(part, str) else part)]
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "results", *words],
        env=dict(os.environ, ST5_WORKSPACE=str(workspace.folder)),
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def _seconds(work: Callable[[], object]) -> float:
    work()  # the first fills the disk's cache
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def _owners(draw: np.random.Generator, events: int, users: int) -> np.ndarray:
    """A user for every event, each at least one, in order."""
    return np.sort(np.concatenate((np.arange(users), draw.integers(0, users, events - users))))


def _shop(workspace: Workspace, name: str, events: int, users: int) -> Dataset:
    """Users with twelve items; every tenth item is cold, and so is about every tenth target."""
    draw = np.random.default_rng(0)
    draft = DatasetDraft(
        name=name, request=name, platform="synthetic", domain=name, synthetic=True, source={},
        split=SplitKind.GIVEN, split_settings={}, timed=False,
    )  # fmt: skip
    chosen = draw.integers(0, ITEMS, (users, 12)).astype("<i4")
    chosen[:, :6] -= (chosen[:, :6] % 10 == 0) * (chosen[:, :6] > 0)
    chosen[:, :6][chosen[:, :6] == 0] = 1
    owners = _owners(draw, events, users)
    places = np.arange(events) - np.searchsorted(owners, owners)
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        titles = ((n, f"i{n}", f"Thing {n % 19_000}", "", f"c{n % CATEGORIES}", "{}") for n in range(ITEMS))
        writer.add("item", titles)
        writer.add("user", ((n, f"u{n}") for n in range(users)))
        writer.add("sequence", ((n, n, 6, chosen[n].tobytes(), None, None) for n in range(users)))
        rows = zip(range(events), owners.tolist(), (6 + places % 6).tolist(), strict=True)
        writer.add(
            "event",
            ((n, user, user, length, int(chosen[user, length]), None, None, Split.TEST) for n, user, length in rows),
        )
        return writer.finish(fingerprint=name, interactions=12 * users, dropped={}, audit={}, replace=False)


def _evaluate(db: Any, name: str, dataset: Dataset) -> None:
    """Random ranks with a few ties, and as many stored slices as real data have; the lists hold one item only."""
    model = put_model(db, name=name, kind="baseline", variant=name, weights_hash=name, code_version="bench")
    draw = np.random.default_rng(model.id)
    count = dataset.events[Split.TEST]
    better = (ITEMS * draw.random(count) ** 4).astype(np.int32)
    tied = np.where(draw.random(count) < 0.02, draw.integers(1, 9, count), 0).astype(np.int32)
    items, scores = np.zeros((count, 1), np.int32), np.zeros((count, 1), np.float32)
    ranks = Ranks(
        np.arange(count, dtype=np.int32), np.full(count, 6, np.int32), better, tied, better // 2, tied,
        scores[:, 0], items, scores, items, scores,
    )  # fmt: skip
    parts = [("all", "all"), ("domain", dataset.domain)]
    parts += [("category", f"c{n}") for n in range(CATEGORIES)] + [("history-length", str(n)) for n in range(1, 14)]
    parts += [(kind, value) for kind in ("target", "user") for value in ("warm", "cold")]
    metrics = [
        Metric(kind, value, metric, seen, count, count, 0.1, 0.09, 0.11, 0.1, 0.09, 0.11, 0.1, 0.1)
        for kind, value in parts
        for seen in ("keep", "mask")
        for metric in (*(f"{m}@{k}" for m in ("hr", "ndcg") for k in (1, 5, 10, 20, 50)), "mrr")
    ]
    protocol = {"candidates": "full catalogue", "ties": "expected over random order", "top": 1}
    with EvaluationWriter(
        db, key=evaluation_key(model, dataset, Split.TEST, protocol), model=model, dataset=dataset,
        split=Split.TEST, protocol=protocol, candidates=ITEMS,
    ) as writer:  # fmt: skip
        for start in range(0, count, ROWS_A_BLOCK):
            writer.add(Ranks(*(column[start : start + ROWS_A_BLOCK] for column in vars(ranks).values())))
        writer.finish(metrics, seconds=1.0, device="cpu")


def _row(name: str, value: float, unit: str, goal: float | None = None) -> dict[str, Any]:
    met = None if goal is None else value <= goal
    return {"name": name, "value": round(value, 3), "unit": unit, "goal": goal, "met": met}


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        verdict = "" if row["met"] is None else f"  goal ≤ {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<88} {row['value']:>8.3f} {row['unit']}{verdict}")
