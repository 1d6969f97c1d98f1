"""Help as an area: what this is for, its words and numbers, and every key, narrowed by what one looks for."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from workbench.areas import AREAS
from workbench.help.help_entries import HelpEntry, entries
from workbench.ui import numbers
from workbench.ui.area import AreaScreen
from workbench.ui.filter_line import FilterLine
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine

NAME = 20  # cells
MARGIN = 6  # cells that a row has beside its words


class GuideScreen(AreaScreen):
    """One long list with headings; `/` narrows it."""

    AREA = "guide"
    HELP_TITLE = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Go there", id="guide.open", show=False, tooltip="On an area: go there"),
        Binding("slash", "filter", "Find", id="guide.filter", priority=True,
                tooltip="Show only what contains what you type"),
    ]  # fmt: skip

    class Loaded(Message):
        """What there is to say was put together."""

        def __init__(self, entries: tuple[HelpEntry, ...]) -> None:
            super().__init__()
            self.entries = entries

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[HelpEntry, ...] = ()

    def body(self) -> ComposeResult:
        yield FilterLine()
        yield Section("Help", id="guide-title")
        yield Table(id="guide")

    def filled(self) -> None:
        self.query_one(Section).say("", "Reading …")
        table = self.query_one(Table)
        table.show_header = False
        table.focus()

    def reload(self) -> None:
        if not self.entries:  # nothing of it is in the workspace
            self.read("guide", lambda: entries(self.app), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        self.entries = event.entries
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self._draw()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        row = self.query_one(Table).line_at_cursor()
        name = row.cells[0].plain if row else ""
        for area in AREAS:
            if name == f"{area.key}  {area.title}":
                self.bench.action_area(area.name)

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def _draw(self) -> None:
        if not self.entries:
            return
        wanted = self.query_one(FilterLine).wanted
        shown = [one for one in self.entries if wanted in f"{one.part} {one.name} {one.words}".lower()]
        said = f"{numbers.count(len(shown))} of {numbers.count(len(self.entries))}" if wanted else ""
        remark = "/ finds a key or a word; ? in any area lists its own keys"
        self.query_one(Section).say(said, remark if shown else "nothing contains that; Esc shows all again")
        table = self.query_one(Table)
        table.display = bool(shown)
        width = max(30, self.size.width - NAME - MARGIN)
        table.put((Heading(Text(), width=NAME), Heading(Text(), width=width)), list(_lines(shown, width)))


def _lines(shown: Iterable[HelpEntry], width: int) -> Iterable[TableLine]:
    part = ""
    for number, entry in enumerate(shown):
        if entry.part != part:
            part = entry.part
            yield TableLine(f"heading {part}", (Text(part, style="bold underline"), Text()))
        words = wrap(entry.words, width)
        yield TableLine(f"{number}", (Text(entry.name), Text("\n".join(words))), height=len(words))
