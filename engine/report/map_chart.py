"""A map as SVG: one path of small markers per group, each group with a colour and a shape of its own."""

from __future__ import annotations

from html import escape

import numpy as np

from engine.report.document import Map
from engine.report.plot_markers import colour, marker
from store.plain_text import plain

SIDE, MARGIN = 480, 10
SIZES = ((500, 3.4), (2_000, 2.8))  # up to so many points, half the width of a marker
SMALLEST = 2.2


def map_chart(points: Map, title: str) -> str:
    """An `<svg>` element; both axes have one scale, and no unit."""
    xy = _on_paper(points.xy)
    size = next((size for most, size in SIZES if len(xy) <= most), SMALLEST)
    groups = [
        f'<path class="points" style="fill:{colour(number)}" d="'
        + "".join(marker(number, x, y, size) for x, y in xy[points.group == number].tolist())
        + '"/>'
        for number in range(len(points.groups))
    ]
    label = escape(plain(f"{title}: a map of {len(xy):,} points in {len(points.groups)} groups"))
    return f'<svg class="map" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{label}">{"".join(groups)}</svg>'


def _on_paper(xy: np.ndarray) -> np.ndarray:
    """Places [n, 2] within the picture, in its middle, y upwards."""
    if not len(xy):
        return xy
    low, high = xy.min(axis=0), xy.max(axis=0)
    scale = (SIDE - 2 * MARGIN) / (float((high - low).max()) or 1.0)
    x, y = ((xy - (low + high) / 2) * scale).T
    return np.stack([SIDE / 2 + x, SIDE / 2 - y], axis=1)
