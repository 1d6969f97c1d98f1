"""Lines over named ticks, as the chart draws them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChartLine:
    """One line: its value at each tick, None if missing."""

    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Lines:
    """What a chart shows: its title, what it is of, the ticks of its horizontal axis, and the lines over them."""

    title: str = ""
    remark: str = ""
    ticks: tuple[str, ...] = ()
    lines: tuple[ChartLine, ...] = ()
