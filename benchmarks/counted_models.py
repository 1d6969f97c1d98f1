"""Models that are counted, not trained: the fit of item-knn, and star, fusion and popularity beside plain vectors.

`python -m benchmarks.counted_models [--quick]` prints the rows. Generated sequences of the size of video_games_2018,
items by Zipf's law; ranks of the size of industrial_scientific_2018. The ratios are of one process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

USERS, ITEMS = 50_546, 16_859  # of video_games_2018
FEW_USERS, FEW_ITEMS, WIDTH = 8_317, 4_344, 384  # of industrial_scientific_2018
MANY_ITEMS = 179_000  # of a catalogue on which popularity took 80 s
FIT_GOAL_S, FIT_GOAL_GB = 10.0, 1.0
STAR_GOAL = 3.0  # times the ranking of one vector a history
FUSION_GOAL = 1.3  # times the sum of its parts' rankings
SHARED_GOAL = 0.1  # of the sweep over the same scores
ROUNDS = 3  # best of each


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure in a process of its own, for its memory. `quick` takes a tenth of the users, but for star."""
    command = [sys.executable, "-m", "benchmarks.counted_models", "--inside", *(["--quick"] if quick else [])]
    here = Path(__file__).resolve().parents[1]
    answer = subprocess.run(command, cwd=here, stdout=subprocess.PIPE, check=True, text=True)
    return [dict(row) for row in json.loads(answer.stdout)]


def _sequences(users: int, items: int) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 14, users)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    drawn = (rng.zipf(1.3, int(starts[-1])) - 1) % items
    return starts, drawn.astype(np.int32)


def _measured(share: float) -> list[dict[str, Any]]:
    return [*_fit(int(USERS * share)), *_star(FEW_USERS), *_fusion(FEW_USERS), *_shared(int(USERS * share))]


def _fit(users: int) -> list[dict[str, Any]]:
    from benchmarks.ranking import resident_gb, row_of
    from engine.baselines.item_knn import CoOccurrence
    from engine.baselines.settings import ItemKnnSettings

    CoOccurrence(*_sequences(100, 50), 50, ItemKnnSettings())  # everything is loaded
    sequences = _sequences(users, ITEMS)
    before = resident_gb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
    started = time.perf_counter()
    CoOccurrence(*sequences, ITEMS, ItemKnnSettings())
    seconds, peak = time.perf_counter() - started, resident_gb("VmHWM") - before
    size = f"{users:,} users, {len(sequences[1]):,} interactions"
    return [
        row_of(f"item-knn fit, {size}", seconds, "s", FIT_GOAL_S, seconds <= FIT_GOAL_S),
        row_of(f"item-knn fit, memory, {size}", peak, "GB", FIT_GOAL_GB, peak < FIT_GOAL_GB),
    ]


def _star(users: int) -> list[dict[str, Any]]:
    import numpy as np

    from benchmarks.ranking import row_of
    from engine.baselines.item_knn import CoOccurrence
    from engine.baselines.recency import whitened_scorer
    from engine.baselines.settings import ItemKnnSettings
    from engine.baselines.whitening import fit_whitening, unit
    from engine.ranking.rank import rank
    from engine.ranking.scorers import VectorScorer
    from engine.ranking.sum_scorer import SumScorer

    starts, items = _sequences(users, FEW_ITEMS)
    histories = [items[a:b] for a, b in pairwise(starts)]
    vectors = unit(np.random.default_rng(0).standard_normal((FEW_ITEMS, WIDTH)) + 1)
    targets, newest = items[starts[1:] - 1], np.array([history[-1] for history in histories])

    def last_item() -> None:
        rank(VectorScorer(vectors[newest], vectors), targets, (starts, items))

    def star() -> None:
        whitened = fit_whitening(vectors, 1.0, 0.01)[0](vectors)
        together = CoOccurrence(starts, items, FEW_ITEMS, ItemKnnSettings()).scorer(histories)
        text = whitened_scorer(histories, whitened, whitened, 0.5, None)[0]
        rank(SumScorer((text, together), np.array([1.0, 2.0])), targets, (starts, items))

    ratio = _ratio(star, last_item)
    size = f"{users:,} × {FEW_ITEMS:,}"
    return [row_of(f"star, vectors to ranks ÷ last-item, {size}", ratio, "×", STAR_GOAL, ratio <= STAR_GOAL)]


def _fusion(users: int) -> list[dict[str, Any]]:
    import numpy as np

    from benchmarks.ranking import row_of
    from engine.baselines.fusion import standardised
    from engine.baselines.item_knn import CoOccurrence
    from engine.baselines.settings import ItemKnnSettings
    from engine.baselines.whitening import unit
    from engine.ranking.moments import Moments
    from engine.ranking.rank import rank
    from engine.ranking.scorers import VectorScorer

    starts, items = _sequences(users, FEW_ITEMS)
    histories = [items[a:b] for a, b in pairwise(starts)]
    targets, draw = items[starts[1:] - 1], np.random.default_rng(0)
    vectors, narrow = (unit(draw.standard_normal((FEW_ITEMS, width)) + 1) for width in (WIDTH, 64))
    newest = np.array([history[-1] for history in histories])
    parts = [
        VectorScorer(vectors[newest], vectors),
        VectorScorer(narrow[newest], narrow),
        CoOccurrence(starts, items, FEW_ITEMS, ItemKnnSettings()).scorer(histories),
    ]

    def fusion() -> None:
        rank(standardised(parts, np.ones(3), Moments(), "abc"), targets, (starts, items))

    def each() -> None:
        for part in parts:
            rank(part, targets, (starts, items))

    ratio = _ratio(fusion, each)
    size = f"{users:,} × {FEW_ITEMS:,}"
    return [row_of(f"fusion of 3 ÷ its parts one by one, {size}", ratio, "×", FUSION_GOAL, ratio <= FUSION_GOAL)]


def _shared(users: int) -> list[dict[str, Any]]:
    import numpy as np

    from benchmarks.ranking import row_of
    from engine.ranking.rank import rank
    from engine.ranking.scorers import VectorScorer
    from engine.ranking.shared_scores import SharedScorer

    starts, items = _sequences(users, MANY_ITEMS)
    scores = np.bincount(items, minlength=MANY_ITEMS).astype(np.float32)
    targets = items[starts[1:] - 1]

    def counted() -> None:
        rank(SharedScorer(users, scores), targets, (starts, items))

    def swept() -> None:
        rank(VectorScorer(np.ones((users, 1), np.float32), scores[:, None]), targets, (starts, items))

    ratio = _ratio(counted, swept)
    size = f"{users:,} × {MANY_ITEMS:,}"
    return [row_of(f"popularity, counted ÷ swept, {size}", ratio, "×", SHARED_GOAL, ratio <= SHARED_GOAL)]


def _ratio(ours: Callable[[], None], theirs: Callable[[], None]) -> float:
    """Time by time, after one round that loads and compiles; alternated, best of each."""
    times: dict[Callable[[], None], list[float]] = {ours: [], theirs: []}
    for _ in range(ROUNDS + 1):
        for work, found in times.items():
            started = time.perf_counter()
            work()
            found.append(time.perf_counter() - started)
    return min(times[ours][1:]) / min(times[theirs][1:])


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the users")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(_measured(0.1 if chosen.quick else 1.0)))
        return
    for row in run(chosen.quick):
        goal = "" if row["met"] is None else f"  goal {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<60} {row['value']:>12,.3f} {row['unit']}{goal}")


if __name__ == "__main__":
    _main()
