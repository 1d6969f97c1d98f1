"""From files to a stored dataset: events per second and memory, beside a plain SQLite insert of as many rows.

`python -m benchmarks.ingest [--quick]` prints the rows. Each measurement is a process of its own, so that one's memory
is not another's. The first table is video_games_2018 where the real data lies beside the project, otherwise one of
its shape.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "video_games_2018"
SHAPE = (440_264, 50_546, 16_859)  # events, users, items
LARGE = (5_000_000, 500_000, 200_000)
SPEED_GOAL = 100_000  # events per second into the store, reading the files included
MEMORY_GOAL_GB = 1.5
LARGE_MEMORY_GOAL_GB = 4.0


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure; `quick` takes a tenth of the large table. Rows of name, value, unit, goal, met (None: no goal)."""
    rows = _in_process("games")
    return rows + _in_process("quick" if quick else "large")


def _in_process(part: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.ingest", "--part", part]
    here = Path(__file__).resolve().parents[1]
    answer = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, check=True, text=True)
    return [dict(row) for row in json.loads(answer.stdout)]


def _measure(part: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="st5-bench-") as name:
        folder = Path(name)
        if part == "games":
            return _games(folder)
        shape = LARGE if part == "large" else (LARGE[0] // 10, LARGE[1] // 10, LARGE[2] // 10)
        # Written by a process of its own: its memory is not what is measured.
        subprocess.run([sys.executable, "-m", "benchmarks.ingest", "--write", name, *map(str, shape)], check=True)
        events, seconds = _ingest(folder / "events.csv", folder / "items.jsonl", folder / "workspace")
        peak = _peak_gb()
        label = f"table of {shape[0]:,} events"
        return [
            _row(f"ingest, {label}", events / seconds, "events/s"),
            _row(f"peak memory, {label}", peak, "GB", LARGE_MEMORY_GOAL_GB, peak < LARGE_MEMORY_GOAL_GB),
        ]


def _games(folder: Path) -> list[dict[str, Any]]:
    events, items = REAL / "interactions.csv.gz", REAL / "items.jsonl.gz"
    label = "video_games_2018"
    if not events.exists():
        label = "a table of the shape of video_games_2018"
        _write(folder, *SHAPE)
        events, items = folder / "events.csv.gz", folder / "items.jsonl"
        events.write_bytes(gzip.compress((folder / "events.csv").read_bytes(), 1))
    stored, seconds = _ingest(events, items, folder / "workspace")
    peak = _peak_gb()
    plain = _plain_insert(folder / "workspace" / "st5.db", folder / "plain.db")
    rate = stored / seconds
    return [
        _row(f"ingest, {label}", rate, "events/s", SPEED_GOAL, rate >= SPEED_GOAL),
        _row(f"peak memory, {label}", peak, "GB", MEMORY_GOAL_GB, peak < MEMORY_GOAL_GB),
        _row("ingest ÷ plain executemany of its events, time", seconds / plain, "×"),
    ]


def _ingest(events: Path, items: Path, workspace: Path) -> tuple[int, float]:
    """Interactions read, and the seconds from the files to the stored dataset."""
    from engine.ingest import IngestOptions, ingest
    from engine.sources import table
    from store.workspace import Workspace

    start = time.perf_counter()
    raw = table.read(events, items, domain="bench")
    dataset = ingest(Workspace(workspace), raw, IngestOptions("bench"))
    return int(dataset.audit["interactions_read"]), time.perf_counter() - start


def _plain_insert(source: Path, target: Path) -> float:
    """Seconds in which Python's sqlite3 puts the same event rows into an empty table, in one transaction."""
    with sqlite3.connect(source) as db:
        events = db.execute(
            "SELECT event, user, sequence, length, item, timestamp, rating, split FROM event"
        ).fetchall()
    with sqlite3.connect(target, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(
            "CREATE TABLE event (event INTEGER PRIMARY KEY, user, sequence, length, item, timestamp, rating, split)"
        )
        start = time.perf_counter()
        db.execute("BEGIN")
        db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)
        db.execute("COMMIT")
        return time.perf_counter() - start


def _write(folder: Path, events: int, users: int, items: int) -> None:
    """A table of events (some items far more popular than others) and one of items."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    keys = pl.Series(rng.integers(0, users, events)).cast(pl.String)
    pl.DataFrame(
        {
            "user_id": "AF3XKJ7QWERTYUIOPASD" + keys,
            "item_id": pl.Series((items * rng.random(events) ** 2.5).astype(np.int64)).cast(pl.String),
            "timestamp": rng.integers(1_500_000_000_000, 1_650_000_000_000, events),
            "rating": rng.integers(1, 6, events).astype(np.float32),
        }
    ).write_csv(folder / "events.csv")
    numbers = pl.Series(range(items)).cast(pl.String)
    titles = "Something worth having, number " + numbers
    pl.DataFrame(
        {"item_id": numbers, "title": titles, "description": titles + ", for those who know what it is good for"}
    ).write_ndjson(folder / "items.jsonl")


def _peak_gb() -> float:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _row(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the large table")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.write:
        folder, *shape = chosen.write
        _write(Path(folder), *map(int, shape))
    elif chosen.part:
        print(json.dumps(_measure(chosen.part)))
    else:
        for row in run(chosen.quick):
            goal = "" if row["met"] is None else f"  goal {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
            print(f"{row['name']:<60} {row['value']:>12,.3f} {row['unit']}{goal}")


if __name__ == "__main__":
    _main()
