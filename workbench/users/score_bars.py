"""Bars of text around zero, one below the other on one scale: how much each thing adds, or takes away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from workbench.ui import numbers
from workbench.ui.display import line

ADDS, TAKES, ZERO = "█", "▒", "│"
SMALLEST = 1e-9  # below it rounding speaks
NUMBER, LONGEST_BAR, GAP = 8, 40, 2


@dataclass(frozen=True)
class ScoreBar:
    """One bar with its label; the place is what the label's row is called."""

    position: int
    label: str
    value: float


class ScoreBars(Widget):
    """Place, label, number and bar in each row; what adds goes to the right, what takes away to the left."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._bars: tuple[ScoreBar, ...] = ()

    def put(self, bars: Sequence[ScoreBar]) -> None:
        self._bars = tuple(bars)
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._bars))

    def as_text(self) -> str:
        """As it is drawn, without the blanks at the ends."""
        return "\n".join(row.plain.rstrip() for row in rows(self._bars, self.size.width))

    def render(self) -> Text:
        return Text("\n").join(rows(self._bars, self.size.width))


def rows(bars: Sequence[ScoreBar], width: int) -> list[Text]:
    """The bars in `width` cells: half of it for the labels, a third for the bars, and the numbers between them."""
    places = max((len(numbers.count(bar.position)) for bar in bars), default=0)
    drawn = min(LONGEST_BAR, max(5, width // 3))
    label = max(8, width - places - NUMBER - drawn - 3 * GAP)
    cells = bar_cells([bar.value for bar in bars], drawn)
    found = []
    for bar, drawing in zip(bars, cells, strict=True):
        text = Text(no_wrap=True).append(numbers.count(bar.position).rjust(places), style="dim")
        name = line(bar.label)
        name.truncate(label, overflow="ellipsis", pad=True)
        text.append(" " * GAP).append_text(name)
        number = numbers.difference(bar.value) if abs(bar.value) > SMALLEST else "0"
        text.append(number.rjust(NUMBER + GAP)).append(" " * GAP).append(drawing)
        found.append(text)
    return found


def bar_cells(values: Sequence[float], width: int) -> list[str]:
    """Each value as `width` cells around a zero that all share: `  ▒▒│████ `.

    The widest of all fills its side; a value that is not nothing has at least one cell.
    """
    most, least = max([0.0, *values]), min([0.0, *values])
    span = most - least
    if span <= SMALLEST:
        return [ZERO.ljust(width)] * len(values)
    left = round((width - 1) * -least / span)
    left = max(left, 1) if least < -SMALLEST else 0
    left = min(left, width - 2) if most > SMALLEST else width - 1
    right = width - 1 - left
    found = []
    for value in values:
        adds = max(1, round(right * value / most)) if value > SMALLEST else 0
        takes = max(1, round(left * value / least)) if value < -SMALLEST else 0
        found.append((TAKES * takes).rjust(left) + ZERO + (ADDS * adds).ljust(right))
    return found
