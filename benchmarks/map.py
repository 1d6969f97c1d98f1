"""A frame of the map: points put on the canvas, and the canvas as lines for the terminal, at 120×40 cells.

`python -m benchmarks.map [--quick]` prints the rows that `run` returns. The notes for the workbench expected 3 ms to
rasterise 50,000 points and 21 ms for 500,000. A frame also holds what they leave out: the lines in colour, and the
bytes that Textual makes of them. The points lie in 12 clouds with labels of their own, so lines change colour often.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

COLUMNS, ROWS = 120, 40
CLOUDS = 12
LABELS = 11
FRAMES = 9


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` leaves 500,000 points out."""
    return asyncio.run(_run((5_000, 50_000) if quick else (5_000, 50_000, 500_000)))


async def _run(sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    from textual.app import App, ComposeResult

    from workbench.map.map_canvas import MapCanvas
    from workbench.map.map_labels import COLOURS, GREY

    class Bench(App[None]):
        CSS = "MapCanvas { width: 1fr; height: 1fr; }"

        def compose(self) -> ComposeResult:
            yield MapCanvas(id="canvas")

    rows = []
    app = Bench()
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        canvas = app.query_one(MapCanvas)
        for size in sizes:
            xy, label = clouds(size)
            rows.append(_row(f"{size:,} points rasterised", _ms(partial(_raster, xy, label))))
            canvas.put(xy, label, (*COLOURS[: LABELS - 1], GREY))
            await pilot.pause()
            goal = 30.0 if size == 50_000 else None
            rows.append(_row(f"{size:,} points, a whole frame", _ms(lambda: _frame(canvas, app)), goal))
            canvas.action_zoom(3)
            rows.append(_row(f"{size:,} points, a frame three steps closer", _ms(lambda: _frame(canvas, app)), goal))
            rows.append(_row(f"{size:,} points, those under the cursor", _ms(canvas.under_cursor)))
    return rows


def clouds(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (float32 [N, 2]) in clouds on a ring, and labels (int16 [N]) that mostly follow them."""
    draw = np.random.default_rng(0)
    cloud = draw.integers(0, CLOUDS, size)
    angle = 2 * np.pi * cloud / CLOUDS
    xy = 6 * np.column_stack((np.cos(angle), np.sin(angle))) + draw.normal(size=(size, 2))
    stray = draw.random(size) < 0.1
    label = np.where(stray, draw.integers(0, LABELS, size), cloud % LABELS)
    return xy.astype(np.float32), label.astype(np.int16)


def _raster(xy: np.ndarray, label: np.ndarray) -> None:
    from workbench.map.map_raster import fit, rasterise

    rasterise(xy, label, np.ones(LABELS, bool), fit(xy, COLUMNS, ROWS), COLUMNS, ROWS)


def _frame(canvas: Any, app: Any) -> None:
    """What a key that pans costs before the terminal has it: points, lines, and the bytes of the lines."""
    canvas.draw()
    for y in range(canvas.size.height):
        canvas.render_line(y).render(app.console)


def _ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(FRAMES):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return median(times)


def _row(name: str, value: float, goal: float | None = None) -> dict[str, Any]:
    met = None if goal is None else value <= goal
    return {"name": name, "value": round(value, 2), "unit": "ms", "goal": goal, "met": met}


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        verdict = "" if row["met"] is None else f"  goal ≤ {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<48} {row['value']:>8.2f} {row['unit']}{verdict}")
