"""The signs of curves and groups: a colour, a shape and a dash pattern each, so that colour never stands alone."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

COLOURS = 8  # of the stylesheet, --line-0 … --line-7
DASHES = ("none", "7 4", "2 3", "9 3 2 3", "4 2")
SIZE = 4.0  # half the width of a marker

# Corners in half widths around the middle; the first shape is a circle, which has none. As many shapes, dashes and
# colours as share no divisor: 280 curves before one looks like another.
SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    ((0, -1.3), (1.3, 1), (-1.3, 1)),
    ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
    ((-0.4, -1.3), (0.4, -1.3), (0.4, -0.4), (1.3, -0.4), (1.3, 0.4), (0.4, 0.4), (0.4, 1.3), (-0.4, 1.3),
     (-0.4, 0.4), (-1.3, 0.4), (-1.3, -0.4), (-0.4, -0.4)),
    ((0, 1.3), (1.3, -1), (-1.3, -1)),
    ((-1.1, -1.2), (1.1, -1.2), (-1.1, 1.2), (1.1, 1.2)),
)  # fmt: skip


def marker(number: int, x: float, y: float, size: float = SIZE) -> str:
    """Path commands of the marker of curve or group `number` around (x, y)."""
    return f"M{x:.1f} {y:.1f}{_shape(number % len(SHAPES), size)}"


def colour(number: int) -> str:
    """The CSS colour of the line with this number."""
    return f"var(--line-{number % COLOURS})"


def line_sign(number: int) -> str:
    """A curve's sign for a legend: a short line with its marker."""
    return (
        '<svg class="sign" viewBox="0 0 34 14" aria-hidden="true">'
        f'<path class="line" style="{stroke(number)}" d="M1 7H33"/>'
        f'<path style="fill:{colour(number)}" d="{marker(number, 17, 7)}"/></svg>'
    )


def point_sign(number: int) -> str:
    """A group's sign for a legend: its marker."""
    return (
        '<svg class="sign point" viewBox="0 0 14 14" aria-hidden="true">'
        f'<path style="fill:{colour(number)}" d="{marker(number, 7, 7, 4.5)}"/></svg>'
    )


def stroke(number: int) -> str:
    """The style of a curve's line."""
    return f"stroke:{colour(number)};stroke-dasharray:{DASHES[number % len(DASHES)]}"


@cache
def _shape(number: int, size: float) -> str:
    """The shape as moves from its middle, the same text for every place."""
    corners = [(round(x * size, 1), round(y * size, 1)) for x, y in SHAPES[number]]
    if not corners:
        return f"m{-size:g} 0a{size:g} {size:g} 0 1 0 {2 * size:g} 0a{size:g} {size:g} 0 1 0 {-2 * size:g} 0z"
    (x, y), steps = corners[0], [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(corners)]
    return f"m{x:g} {y:g}l" + " ".join(f"{dx:.4g} {dy:.4g}" for dx, dy in steps) + "z"
