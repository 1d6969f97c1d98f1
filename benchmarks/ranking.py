"""Full-catalogue ranking beside faiss' flat search, on the same cores in the same run, and its memory.

`python -m benchmarks.ranking [--quick] [--device cuda]` prints the rows. Each measurement is a process of its own,
so that one's memory is not another's. faiss finds the 50 best and nothing else; the ranking also finds where the
target stands, with seen items and without.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

WIDTH = 384
ROUNDS = 3  # alternated, best of each: what else the machine does hits both
THROUGHPUT_GOAL = 1.0  # times faiss.IndexFlatIP
MEMORY_GOAL_GB = 1.5  # above the inputs


def run(quick: bool, device: str = "cpu") -> list[dict[str, Any]]:
    """Measure; `quick` takes a tenth of the histories. Rows of name, value, unit, goal, met (None: no goal)."""
    histories = 2_000 if quick else 20_000
    rounds = ROUNDS if quick else 1
    rows = _in_process("speed", histories, 200_000, rounds, device)
    rows += _in_process("memory", histories, 200_000, 1, device)
    rows += _in_process("memory", 1_000 if quick else 4_000, 1_000_000, 1, device)
    return rows


def _in_process(part: str, histories: int, items: int, rounds: int, device: str) -> list[dict[str, Any]]:
    arguments = [part, str(histories), str(items), str(rounds), device]
    command = [sys.executable, "-m", "benchmarks.ranking", "--part", *arguments]
    here = Path(__file__).resolve().parents[1]
    answer = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, check=True, text=True)
    return [dict(row) for row in json.loads(answer.stdout)]


def _inputs(histories: int, items: int) -> tuple[Any, Any, Any, Any]:
    """Random unit vectors float32 [E, 384] and [I, 384], targets, and ten seen items per history."""
    import numpy as np

    rng = np.random.default_rng(0)
    queries, vectors = (rng.standard_normal((rows, WIDTH), dtype=np.float32) for rows in (histories, items))
    for matrix in (queries, vectors):
        for start in range(0, len(matrix), 10_000):
            part = matrix[start : start + 10_000]
            part /= np.linalg.norm(part, axis=1, keepdims=True)
    targets = rng.integers(0, items, histories).astype(np.int32)
    seen = np.arange(0, 10 * histories + 1, 10), rng.integers(0, items, 10 * histories).astype(np.int32)
    return queries, vectors, targets, seen


def _speed(histories: int, items: int, rounds: int, device: str) -> list[dict[str, Any]]:
    """Throughput of the ranking, and as a ratio to faiss where that is installed and on CPU."""
    import numpy as np

    queries, vectors, targets, seen = _inputs(histories, items)
    _rank(queries[:100], vectors[:5_000], targets[:100] % 5_000, (seen[0][:101], seen[1][:1_000] % 5_000), device)
    ours: list[float] = []
    theirs: list[float] = []
    index = _faiss_index(vectors) if device == "cpu" else None
    agree = 1.0
    for _ in range(rounds):
        start = time.perf_counter()
        found = _rank(queries, vectors, targets, seen, device)
        ours.append(time.perf_counter() - start)
        if index is not None:
            start = time.perf_counter()
            _, best = index.search(queries, 50)
            theirs.append(time.perf_counter() - start)
            agree = float(np.mean(best == found.top_items))
    size = f"{histories:,} × {items:,} × {WIDTH}"
    rows = [row_of(f"ranks and top 50, {size}", histories / min(ours), "histories/s")]
    if theirs:
        rows.append(row_of(f"faiss.IndexFlatIP top 50, {size}", histories / min(theirs), "histories/s"))
        ratio = min(theirs) / min(ours)
        rows.append(row_of("ranking ÷ faiss, throughput", ratio, "×", THROUGHPUT_GOAL, ratio >= THROUGHPUT_GOAL))
        rows.append(row_of("places of the top 50 as in faiss", agree, "share"))
    return rows


def _memory(histories: int, items: int, rounds: int, device: str) -> list[dict[str, Any]]:
    """Peak memory of the pass above its inputs, after a small pass has loaded and compiled everything."""
    queries, vectors, targets, seen = _inputs(histories, items)
    _rank(queries[:10], vectors[:100], targets[:10] % 100, (seen[0][:11], seen[1][:100] % 100), device)
    before = resident_gb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
    _rank(queries, vectors, targets, seen, device)
    peak = resident_gb("VmHWM") - before
    rows = [
        row_of(
            f"memory above inputs, {histories:,} × {items:,} × {WIDTH}",
            peak,
            "GB",
            MEMORY_GOAL_GB,
            peak < MEMORY_GOAL_GB,
        )
    ]
    if device.startswith("cuda"):
        import torch

        rows.append(row_of(f"peak device memory, {items:,} items", torch.cuda.max_memory_allocated() / 1e9, "GB"))
    return rows


def _rank(queries: Any, vectors: Any, targets: Any, seen: Any, device: str) -> Any:
    from engine.ranking.rank import rank
    from engine.ranking.scorers import VectorScorer

    return rank(VectorScorer(queries, vectors), targets, seen, device=device)


def _faiss_index(vectors: Any) -> Any:
    try:
        import faiss
    except ImportError:
        return None
    import torch

    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    index.search(vectors[:100], 50)
    return index


def resident_gb(field: str) -> float:
    """A line of this process's memory, such as VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) * 1024 / 1e9


def row_of(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    """One measurement as the table has it."""
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the histories")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--part", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        part, histories, items, rounds, device = chosen.part
        measure = {"speed": _speed, "memory": _memory}[part]
        print(json.dumps(measure(int(histories), int(items), int(rounds), device)))
        return
    for row in run(chosen.quick, chosen.device):
        goal = "" if row["met"] is None else f"  goal {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<60} {row['value']:>12,.3f} {row['unit']}{goal}")


if __name__ == "__main__":
    _main()
