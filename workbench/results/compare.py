"""The compare view: marked rows of Results against the first of them, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static

from engine.measuring.highlighting import FEW_EVENTS, INTERVAL, LEVEL
from engine.tables.labels import RowKey
from store.enums import Slice
from workbench.results.comparison import Comparison, Paired, read_comparison
from workbench.results.difference_bar import bar, ruler, span, zero
from workbench.results.drill_down import DrillDown
from workbench.results.results_table import LETTERS
from workbench.ui import numbers
from workbench.ui.display import line
from workbench.ui.export import ExportingScreen
from workbench.ui.measured import LayerScreen, MeasuredScreen
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.table import Heading, Table, TableLine
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet

FIRST = LETTERS[0]
NARROWEST_LABEL, WIDEST_LABEL = 8, 26
COUNT, MEAN, DIFFERENCE, P = 7, 6, 16, 7  # cells of the columns
SHORTEST_BAR, LONGEST_BAR = 12, 80
PADDING = 2 * 6 + 1  # a blank either side of six columns, and the scroll bar


class CompareScreen(ExportingScreen, LayerScreen, MeasuredScreen):
    """Differences of one metric with their intervals, a row for each slice value of each dataset."""

    AREA = "results"
    HELP_TITLE = "Compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "users", "Users", id="compare.users", priority=True,
                tooltip="The events that make the difference under the cursor, and their users"),
    ]  # fmt: skip

    class Loaded(Message):
        """The differences were read."""

        def __init__(self, comparison: Comparison) -> None:
            super().__init__()
            self.comparison = comparison

    def __init__(self, keys: tuple[RowKey, ...]) -> None:
        super().__init__()
        self.comparison: Comparison | None = None
        self._keys = keys

    def body(self) -> ComposeResult:
        yield SettingsLine(id="compare-settings")
        yield Static(id="compare-names", classes="status", markup=False)
        yield Static("Reading …", id="compare-empty", classes="empty", markup=False)
        yield Table(id="differences", fixed=1)
        yield Static(id="compare-note", classes="note", markup=False)
        yield Static(id="compare-status", classes="status", markup=False)

    def filled(self) -> None:
        self.query_one("#differences").display = False
        self._say_settings()

    def reload(self) -> None:
        choice = ResultsChoice(**vars(self.choice))
        self.read("compare", lambda: read_comparison(self.workspace, self._keys, choice), self.Loaded)

    def changed(self) -> None:
        self._say_settings()
        super().changed()

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.comparison != self.comparison:
            self.comparison = event.comparison
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._say_row()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_users()

    def action_users(self) -> None:
        rows = self.comparison.rows if self.comparison else ()
        place = self.query_one("#differences", Table).cursor_row
        if not 0 <= place < len(rows):
            self.notify("There is no difference here.")
            return
        from workbench.results.drill_down_screen import DrillDownScreen

        row, choice = rows[place], self.choice
        drill_down = DrillDown(row.dataset, *row.keys, choice.slice, row.value, choice.metric, choice.seen)
        self.app.push_screen(DrillDownScreen(drill_down, best_first=row.mean > 0))

    def sheet(self) -> Sheet | None:
        from workbench.results.results_sheet import comparison_sheet

        return comparison_sheet(self.comparison, self.choice) if self.comparison else None

    def _draw(self) -> None:
        found = self.comparison
        if found is None:
            return
        table = self.query_one("#differences", Table)
        table.display = bool(found.rows)
        self.query_one("#compare-names", Static).update(_names(found))
        empty = self.query_one("#compare-empty", Static)
        empty.display = not found.rows
        empty.update(_nothing(self.choice))
        note = self.query_one("#compare-note", Static)
        note.display = bool(found.notes)
        note.update(Text("\n").join(line(f"! {words}") for words in found.notes))
        table.put(*_table(found, self.choice, self.size.width), header_height=2)
        self._say_row()

    def _say_settings(self) -> None:
        self.query_one(SettingsLine).put([*self.measuring(), Setting("o", "export", "", "export")])

    def _say_row(self) -> None:
        rows = self.comparison.rows if self.comparison else ()
        place = self.query_one("#differences", Table).cursor_row
        status = self.query_one("#compare-status", Static)
        status.update(_row_words(rows[place], self.comparison, self.choice) if 0 <= place < len(rows) else "")


def _nothing(choice: ResultsChoice) -> str:
    if choice.slice == Slice.ALL:
        return "These rows have no events in common: mark others (Esc goes back)."
    return f"These rows have nothing in common by {choice.slice}: choose another slice with v, or mark others (Esc)."


def _names(comparison: Comparison) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for letter, label in zip(LETTERS, (comparison.first, *comparison.others), strict=False):
        text.append(f"{letter} ", style="bold").append_text(line(label)).append("   ")
    return text


def _letter(comparison: Comparison, row: Paired) -> str:
    return LETTERS[(1 + comparison.others.index(row.other)) % len(LETTERS)]


def _table(comparison: Comparison, choice: ResultsChoice, width: int) -> tuple[list[Heading], list[TableLine]]:
    head = choice.slice if choice.slice != Slice.ALL else "dataset"
    labels = [_label(comparison, row, choice) for row in comparison.rows]
    widest = max([len(head), *(part.cell_len for both in labels for part in both)])
    room = width - COUNT - MEAN - DIFFERENCE - P - PADDING  # for labels and bars
    label = max(NARROWEST_LABEL, min(WIDEST_LABEL, room - SHORTEST_BAR, widest))
    length = min(max(room - label, SHORTEST_BAR), LONGEST_BAR)
    widths = (label, COUNT, MEAN, DIFFERENCE, P, length)
    scale = span((row.low, row.high) for row in comparison.rows)
    other = "other" if len(comparison.others) > 1 else LETTERS[1]
    names = (
        f"\n{head}",
        "events\nusers",
        f"{FIRST}\n{other}",
        f"{FIRST} − {other}\n{INTERVAL}",
        "p Holm\np alone",
        f"\n{ruler(scale, length)}",
    )
    headings = [
        Heading(Text(name, style="dim", justify="left" if place in (0, 5) else "right"), width=size)
        for place, (name, size) in enumerate(zip(names, widths, strict=True))
    ]
    lines = []
    for row, both in zip(comparison.rows, labels, strict=True):
        sure = _sure(row)
        cells = (
            both[0].append("\n").append_text(both[1]),
            _two(numbers.count(row.n), numbers.count(row.users)),
            _two(*(numbers.NOTHING if mean is None else numbers.short(mean) for mean in row.means)),
            _two(numbers.difference(row.mean), f"{numbers.difference(row.low)}, {numbers.difference(row.high)}",
                 "bold" if sure else ""),
            _two(numbers.p_value(row.p_holm), numbers.p_value(row.p), "bold" if sure else ""),
            _bar(row, scale, length, sure=sure),
        )  # fmt: skip
        lines.append(TableLine(f"{row.dataset}\n{row.value}\n{row.other}", cells, height=2))
    return headings, lines


def _label(comparison: Comparison, row: Paired, choice: ResultsChoice) -> tuple[Text, Text]:
    whole = choice.slice == Slice.ALL
    below = [f"{FIRST} − {_letter(comparison, row)}"] if len(comparison.others) > 1 else []
    below += [] if whole else [row.dataset]
    return line(row.dataset if whole else row.value, "bold"), line(" · ".join(below), "dim")


def _sure(row: Paired) -> bool:
    return row.n >= FEW_EVENTS and row.p_holm < LEVEL


def _two(above: str, below: str, style: str = "") -> Text:
    return Text(above, style=style, justify="right", no_wrap=True).append(f"\n{below}", style="not bold dim")


def _bar(row: Paired, scale: tuple[float, float], length: int, *, sure: bool) -> Text:
    text = Text(bar(row.low, row.mean, row.high, scale, length, sure=sure), style="" if sure else "dim", no_wrap=True)
    return text.append(f"\n{zero(scale, length)}", style="dim")


def _row_words(row: Paired, comparison: Comparison | None, choice: ResultsChoice) -> Text:
    where = row.dataset if choice.slice == Slice.ALL else f"{row.dataset}, {choice.slice} {row.value}"
    text = line(f"{comparison.first if comparison else ''} − {row.other} on {where}: ")
    text.append(f"{choice.metric.upper()} {row.mean:+.5f}", style="bold")
    text.append(f" [{row.low:+.5f}, {row.high:+.5f}]; {numbers.counted(row.n, 'event')}, ")
    text.append(numbers.counted(row.users, "user"))
    few = f"fewer than {FEW_EVENTS} events, not judged"
    verdict = few if row.n < FEW_EVENTS else "significantly different" if _sure(row) else "not significantly different"
    tests = numbers.counted(len(comparison.rows) if comparison else 1, "test")
    text.append(f"\np {numbers.p_value(row.p)}, {numbers.p_value(row.p_holm)} after Holm over {tests}: {verdict}")
    return text.append(
        f"\n● p Holm < {numbers.short(LEVEL, 2)}   ○ not   │ no difference   bar: {INTERVAL}, users resampled",
        style="dim",
    )
