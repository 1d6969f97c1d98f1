"""Beside a map: the legend with its switches, and the points that are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable

from workbench.map.map_labels import Label
from workbench.map.map_raster import LETTERS
from workbench.map.map_view import Listed, Names
from workbench.ui import numbers
from workbench.ui.display import line
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine

_LEGEND = (
    Heading(Text(" "), width=1),
    Heading(Text(" "), width=1),
    Heading(Text("label", style="dim"), flexible=True),
    Heading(Text("points", style="dim", justify="right")),
)

_LETTER = Heading(Text(" "), width=1)
_TITLE = Heading(Text("title", style="dim"), flexible=True)
_POINTS = (_LETTER, _TITLE)
_RANKED = (Heading(Text("#", style="dim", justify="right"), width=2), *_POINTS)
ITSELF = "@"


class LegendTable(Table):
    """Space shows or hides a label, Enter shows it alone or all again."""

    HELP_TITLE: ClassVar[str] = "In the legend"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "Show", id="legend.switch", show=False,
                tooltip="Show or hide the points with this label"),
        Binding("enter", "alone", "Alone", id="legend.alone", show=False,
                tooltip="Show this label alone, or all again"),
    ]  # fmt: skip

    class Hidden(Message):
        """These labels (their numbers) are hidden now."""

        def __init__(self, labels: tuple[int, ...]) -> None:
            super().__init__()
            self.labels = labels

    def __init__(self) -> None:
        super().__init__(id="map-legend")
        self._labels: tuple[Label, ...] = ()
        self.hidden: frozenset[int] = frozenset()
        self.show_header = False
        self.cursor_foreground_priority = "renderable"  # the colour of a label also under the cursor

    def offer(self, labels: Sequence[Label]) -> None:
        """Show a legend; another one begins with everything shown."""
        if [label.name for label in labels] != [label.name for label in self._labels]:
            self.hidden = frozenset()
        self._labels = tuple(labels)
        self._fill()

    def show(self, label: int) -> None:
        """Show the points of a label if they are hidden."""
        if label in self.hidden:
            self._hide(self.hidden - {label})

    def action_switch(self) -> None:
        if 0 <= self.cursor_row < len(self._labels):
            self._hide(self.hidden ^ {self.cursor_row})

    def action_alone(self) -> None:
        others = frozenset(range(len(self._labels))) - {self.cursor_row}
        self._hide(frozenset() if self.hidden == others else others)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()  # a click on the row under the cursor
        self.action_switch()

    def _hide(self, hidden: frozenset[int]) -> None:
        self.hidden = hidden
        self._fill()
        self.post_message(self.Hidden(tuple(sorted(hidden))))

    def _fill(self) -> None:
        self.put(_LEGEND, [self._row(number, label) for number, label in enumerate(self._labels)])

    def _row(self, number: int, label: Label) -> TableLine:
        hidden = number in self.hidden
        style = "dim" if hidden else ""
        return TableLine(
            str(number),
            (
                Text("○" if hidden else "●", style=style or ink(label)),
                Text(LETTERS[number], style=style or "bold"),
                line(label.name, style),
                Text(numbers.count(label.count), style="dim", justify="right"),
            ),
        )


class PointTable(Table):
    """Points in words, each with the letter of its label."""

    def __init__(self) -> None:
        super().__init__(id="map-points")
        self.points: tuple[Listed, ...] = ()
        self.total = 0
        self.show_header = False
        self.cursor_foreground_priority = "renderable"  # the colour of a label also under the cursor

    def offer(self, names: Names, labels: Sequence[Label], label: np.ndarray, *, ranked: bool) -> None:
        """List these points; `ranked` ones follow the one that they are neighbours of, and have numbers."""
        points = names.points
        other = [point.index for point in points] != [point.index for point in self.points]
        self.points, self.total = points, names.total
        rows = []
        for rank, point in enumerate(points):
            number = int(label[point.index])
            letter = Text(LETTERS[number], style=f"bold {ink(labels[number])}")
            cells = [Text(str(rank) if rank else ITSELF, style="dim", justify="right")] if ranked else []
            rows.append(TableLine(f"{rank} {point.index}", (*cells, letter, line(point.name))))
        self.put(_RANKED if ranked else _POINTS, rows)
        if other and rows:
            self.move_cursor(row=0)

    def point_at_cursor(self) -> Listed | None:
        """The point under the cursor."""
        return self.points[self.cursor_row] if 0 <= self.cursor_row < len(self.points) else None


class MapPanel(Vertical):
    """The legend above the list of points."""

    def compose(self) -> ComposeResult:
        yield Section("Legend", id="map-legend-title")
        yield LegendTable()
        yield Section("Points", id="map-points-title")
        yield PointTable()


def ink(label: Label) -> str:
    """The style of a label's own colour."""
    return "rgb({},{},{})".format(*label.colour)


def legend_line(labels: Sequence[Label], hidden: frozenset[int]) -> Text:
    """The legend in one line, as far as it fits."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, label in enumerate(labels):
        out = number in hidden
        text.append("○" if out else "●", style="dim" if out else ink(label))
        text.append(f" {LETTERS[number]} ", style="dim" if out else "bold")
        text.append_text(line(label.name, "dim" if out else ""))
        text.append(f" {numbers.count(label.count)}   ", style="dim")
    return text
