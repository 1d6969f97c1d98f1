"""An interval of differences as a bar of text around zero, all on one scale: `│  ├──●──┤`."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.ui import numbers

SMALLEST_SPAN = 0.001  # where all differences are nothing, the scale still needs two ends
CERTAIN, UNCERTAIN = "●", "○"


def span(intervals: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The scale that holds all intervals and zero."""
    ends = [0.0, *(end for interval in intervals for end in interval)]
    low, high = min(ends), max(ends)
    return (low, high) if high - low > SMALLEST_SPAN else (-SMALLEST_SPAN, SMALLEST_SPAN)


def bar(low: float, mean: float, high: float, scale: tuple[float, float], width: int, *, sure: bool) -> str:
    """`width` cells: the interval from `├` to `┤`, its mean (`●` where sure, else `○`), and zero as `│`."""
    cells = [" "] * width
    zero, left, middle, right = (_column(value, scale, width) for value in (0.0, low, mean, high))
    cells[zero] = "│"
    for place in range(left, right + 1):
        cells[place] = "┼" if place == zero else "─"
    if left < right:
        cells[left], cells[right] = "├", "┤"
    cells[middle] = CERTAIN if sure else UNCERTAIN
    return "".join(cells)


def zero(scale: tuple[float, float], width: int) -> str:
    """`width` cells with nothing but zero, which goes on between the bars."""
    return "│".rjust(_column(0.0, scale, width) + 1).ljust(width)


def ruler(scale: tuple[float, float], width: int) -> str:
    """The scale's ends and its zero in `width` cells, as far as they do not touch."""
    cells = [" "] * width
    left, right = (numbers.difference(end) if end else "0" for end in scale)
    cells[_column(0.0, scale, width)] = "0"
    if len(left) + 1 <= _column(0.0, scale, width):
        cells[: len(left)] = left
    if _column(0.0, scale, width) + 1 < width - len(right):
        cells[width - len(right) :] = right
    return "".join(cells)


def _column(value: float, scale: tuple[float, float], width: int) -> int:
    low, high = scale
    return min(max(round((value - low) / (high - low) * (width - 1)), 0), width - 1)
