"""The events behind a number of Results, one line each; Enter leads to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static

from store.enums import Seen, Slice
from workbench.results.drill_down import DrillDown, DrillDownEvent, DrillDownView, read_drill_down
from workbench.results.results_table import LETTERS
from workbench.results.to_users import open_users
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.export import ExportingScreen
from workbench.ui.measured import LayerScreen
from workbench.ui.section import Section
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.table import Heading, Table, TableLine

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet

WIDEST_USER = 20
GONE = "The evaluation behind this number is gone: it was made anew, or its dataset was. Esc goes back."


class DrillDownScreen(ExportingScreen, LayerScreen):
    """Where a model does worst first, or best; of two, where the first is ahead by most, or behind."""

    AREA = "results"
    HELP_TITLE = "The users behind a number"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "user", "User", id="behind.user", priority=True,
                tooltip="Look at this event in Users, with these models"),
        Binding("s", "order", "Order", id="behind.order", tooltip="Where it does best first, or worst first"),
    ]  # fmt: skip

    class Loaded(Message):
        """The events were read; None where there is no such evaluation any more."""

        def __init__(self, view: DrillDownView | None) -> None:
            super().__init__()
            self.view = view

    def __init__(self, drill_down: DrillDown, *, best_first: bool = False) -> None:
        super().__init__()
        self.view: DrillDownView | None = None
        self._drill_down = drill_down
        self._best_first = best_first
        self._turned = False  # to the other order, so that the cursor leaves its event for the first

    def body(self) -> ComposeResult:
        yield SettingsLine(id="behind-settings")
        yield Section("", id="behind-title")
        yield Static("Reading …", id="behind-empty", classes="empty", markup=False)
        yield Table(id="behind")
        yield Static(id="behind-status", classes="status", markup=False)

    def filled(self) -> None:
        self.query_one("#behind").display = False
        self._say_settings()

    def reload(self) -> None:
        drill_down, best_first = self._drill_down, self._best_first
        self.read("behind", lambda: read_drill_down(self.workspace, drill_down, best_first=best_first), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        view = self.view = event.view
        table, empty = self.query_one("#behind", Table), self.query_one("#behind-empty", Static)
        table.display = bool(view and view.events)
        empty.display = not table.display
        empty.update(GONE if view is None else "No event is behind this number. Esc goes back.")
        if view is not None:
            self.query_one(Section).say(_counts(view), _words(view, self._drill_down), title=_where(self._drill_down))
            table.put(*_table(view))
            if self._turned:
                self._turned = False
                table.move_cursor(row=0)
        self._say_event()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._say_event()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_user()

    def action_user(self) -> None:
        event = self._event()
        if event is not None:
            open_users(self.bench, self._drill_down, event)

    def action_order(self) -> None:
        self._best_first = not self._best_first
        self._say_settings()
        self._turned = True
        self.reload()

    def sheet(self) -> Sheet | None:
        from workbench.results.results_sheet import drill_down_sheet

        return drill_down_sheet(self.view, self._drill_down) if self.view else None

    def _event(self) -> DrillDownEvent | None:
        place = self.query_one("#behind", Table).cursor_row
        return self.view.events[place] if self.view and 0 <= place < len(self.view.events) else None

    def _say_settings(self) -> None:
        two = bool(self._drill_down.other)
        order = ("A ahead first" if two else "best first") if self._best_first else (
            "A behind first" if two else "worst first"
        )  # fmt: skip
        self.query_one(SettingsLine).put([Setting("s", "order", order, "order"), Setting("o", "export", "", "export")])

    def _say_event(self) -> None:
        event = self._event()
        self.query_one("#behind-status", Static).update(_event_words(event, self.view) if event and self.view else "")


def _counts(view: DrillDownView) -> str:
    shown = len(view.events)
    events = numbers.counted(view.total, "event")
    return f"{numbers.count(shown)} of {events}" if shown < view.total else events


def _where(drill_down: DrillDown) -> str:
    return (
        drill_down.dataset
        if drill_down.slice == Slice.ALL
        else f"{drill_down.dataset}, {drill_down.slice} {drill_down.value}"
    )


def _words(view: DrillDownView, drill_down: DrillDown) -> str:
    seen = "masked" if drill_down.seen == Seen.MASK else "kept"
    rule = f"{drill_down.metric.upper()}, seen items {seen}"
    if len(view.labels) == 1:
        return f"{numbers.counted(view.users, 'user')} · {view.labels[0]} · {rule}"
    first, second = view.labels
    return (
        f"A {first} ahead in {numbers.count(view.better)}, behind in {numbers.count(view.worse)} · B {second} · "
        f"{numbers.counted(view.users, 'user')} · {rule}"
    )


def _table(view: DrillDownView) -> tuple[list[Heading], list[TableLine]]:
    two = len(view.labels) > 1
    names = LETTERS[: len(view.labels)] if two else ("",)
    heads = [Heading(Text("user", style="dim"), width=_user_width(view)), _right("items")]
    heads += [_right(f"rank {name}".strip()) for name in names]
    heads += [_right("metric")] if not two else [_right("A − B")]
    heads.append(Heading(Text("target", style="dim"), flexible=True))
    lines = []
    for event in view.events:
        cells = [line(event.user, "bold"), _number(numbers.count(event.length), "dim")]
        cells += [_number(_position(position)) for position in event.positions]
        cells.append(_number(numbers.difference(event.difference) if two else numbers.short(event.values[0])))
        lines.append(TableLine(str(event.event), (*cells, line(title(event.target)))))
    return heads, lines


def _user_width(view: DrillDownView) -> int:
    return min(WIDEST_USER, max([4, *(line(event.user).cell_len for event in view.events)]))


def _right(words: str) -> Heading:
    return Heading(Text(words, style="dim", justify="right"))


def _number(words: str, style: str = "") -> Text:
    return Text(words, style=style, justify="right", no_wrap=True)


def _position(position: float | None) -> str:
    return numbers.NOTHING if position is None else numbers.position(position)


def _event_words(event: DrillDownEvent, view: DrillDownView) -> Text:
    text = line(f"{event.user}: ").append_text(line(title(event.target), "bold"))
    text.append(f"\nafter {numbers.counted(event.length, 'item')}; ")
    parts = [
        f"{label} rank {_position(position)}, {value:.5f}"
        for label, position, value in zip(view.labels, event.positions, event.values, strict=True)
    ]
    return text.append_text(line("; ".join(parts)))
