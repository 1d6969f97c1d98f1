"""Results: models compared, slice by slice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import ScreenResume
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from engine.tables.labels import RowKey
from engine.tables.results_table import ResultsTable
from workbench.results import results_formatting
from workbench.results.choices import ResultsChoosingScreen
from workbench.results.drill_down import DrillDown
from workbench.results.grid_table import GridTable
from workbench.results.results_grid import ResultsView, read_results
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.chart_lines import Lines
from workbench.ui.export import ExportingScreen
from workbench.ui.filter_line import FilterLine
from workbench.ui.line_chart import LineChart
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet

ABOUT_NUMBERS = ("users", "mark", "compare", "chart", "sort", "filter", "thesis", "export", *TABLE_ACTIONS)


class ResultsScreen(ExportingScreen, ResultsChoosingScreen):
    """A table of one metric, and the same metric by length."""

    AREA = "results"
    HELP_TITLE = "Results"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "users", "Users", id="results.users", priority=True,
                tooltip="The events behind the number under the cursor, and their users"),
        Binding("e", "experiments", "Show", id="results.experiments",
                tooltip="Choose one of the thesis' tables and figures instead of one metric"),
        Binding("t", "searches", "Trials", id="results.searches", show=False,
                tooltip="Searches over settings: the trials of each on the valid events, best first"),
        Binding("space", "mark", "Mark", id="results.mark",
                tooltip="Mark the model under the cursor for a comparison and the chart, or unmark it"),
        Binding("a", "compare", "Compare", id="results.compare",
                tooltip="The marked models, paired event by event: differences, intervals, p"),
        Binding("c", "chart", "Chart", id="results.chart", show=False, tooltip="Show or hide the chart by length"),
        Binding("s", "sort", "Sort", id="results.sort", show=False,
                tooltip="By the column under the cursor: best first, worst first, as made"),
        Binding("slash", "filter", "Filter", id="results.filter", priority=True, show=False,
                tooltip="Show only rows whose name contains it"),
    ]  # fmt: skip

    class Loaded(Message):
        """The table was read for this choice."""

        def __init__(self, view: ResultsView) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__()
        self._read: ResultsChoice | None = None  # the choice that was last read for
        self._marks: list[RowKey] = []
        self._chart_instead = False
        self._curves_of = ""

    def body(self) -> ComposeResult:
        yield SettingsLine(id="results-settings")
        yield FilterLine()
        yield Static(id="results-empty", classes="empty", markup=False)
        yield GridTable()
        yield Static(id="results-note", classes="note", markup=False)
        yield Static(id="status", classes="status", markup=False)
        yield Static(id="results-legend", classes="status", markup=False)
        yield LineChart()

    def filled(self) -> None:
        self.query_one("#results-empty").display = self.query_one("#results-legend").display = False
        self.table.focus()

    def on_screen_resume(self, event: ScreenResume) -> None:
        if self._read is not None and self._read != self.choice:  # Home or the compare view chose something else
            self._say_settings()
            self.reload()

    def reload(self) -> None:
        self._read = choice = ResultsChoice(**vars(self.choice))
        self.read("results", lambda: _read(self, choice), self.Loaded)

    def changed(self) -> None:
        self._say_settings()
        super().changed()

    def changed_columns(self) -> None:
        self.table.order = None
        super().changed_columns()

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if self.left():
            return
        before = self.view
        if before is not None and replace(event.view, curves=before.curves) == before:
            self.view = replace(before, curves=event.view.curves)
            if bool(before.curves.lines) == bool(event.view.curves.lines):  # the cursor is on another dataset, no more
                self.query_one(LineChart).put(self._curves(self.view))
            else:
                self.draw()
        else:
            self.view = event.view
            self._marks = [key for key in self._marks if key in event.view.names]
            self.draw()
        self.test()

    @property
    def table(self) -> GridTable:
        return self.query_one(GridTable)

    def tested(self) -> None:
        known, asked = self.progress()
        if known == asked:
            self.draw()
        else:
            self._say_legend()

    def on_resize(self) -> None:
        self.draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self.draw()

    @on(DataTable.CellHighlighted)
    def _moved(self) -> None:
        self._say_cell()
        cell = self.table.cell_at_cursor()
        if not self.choice.dataset and cell is not None and cell.evaluation.dataset != self._curves_of:
            self._curves_of = cell.evaluation.dataset
            self.reload()

    def action_experiments(self) -> None:
        from workbench.results.experiment import ExperimentScreen

        self.app.push_screen(ExperimentScreen())

    def action_searches(self) -> None:
        from workbench.results.searches import SearchesScreen

        self.app.push_screen(SearchesScreen())

    def sheet(self) -> Sheet | None:
        if self.view is None or not self.view.grid.columns:
            return None
        from workbench.results.results_sheet import view_sheet

        wanted = self.query_one(FilterLine).wanted
        return view_sheet(self.view, self.choice, self.table.row_order, verdicts=self.verdicts(), wanted=wanted)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter ends typing in a line, and only in the table leads to the users."""
        if action == "users" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def action_users(self) -> None:
        cell = self.table.cell_at_cursor()
        if cell is None:
            self.notify("There is no number here: move to one first.")
            return
        from workbench.results.drill_down_screen import DrillDownScreen

        e, m = cell.evaluation, cell.metric
        self.app.push_screen(DrillDownScreen(DrillDown(e.dataset, e.key, "", m.slice, m.value, m.metric, m.seen)))

    @on(DataTable.CellSelected)
    def _selected(self, event: DataTable.CellSelected) -> None:
        event.stop()
        self.action_users()

    def action_mark(self) -> None:
        key = self.table.key_at_cursor()
        if key is None:
            self.notify("There is no model here to mark.")
            return
        self._marks = [other for other in self._marks if other != key] if key in self._marks else [*self._marks, key]
        self.draw()

    def action_compare(self) -> None:
        from workbench.results.compare import CompareScreen

        if len(self._marks) < 2:
            self.notify("Mark the rows to compare with Space first: the first is compared with each of the others.")
        else:
            self.app.push_screen(CompareScreen(tuple(self._marks)))

    def action_chart(self) -> None:
        if self.has_class("-short"):
            self._chart_instead = not self._chart_instead
        else:
            self.choice.chart = not self.choice.chart
            self.bench.remember()
        self.draw()

    def action_sort(self) -> None:
        if self.table.turn_sort():
            self.draw()
        else:
            self.notify("Move to the column to sort by first.")

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_back(self) -> None:
        if self._chart_instead and self.has_class("-short") and self.maximized is None:
            self.action_chart()
        elif self._marks and self.maximized is None and not self.query_one(FilterLine).display:
            self._marks = []
            self.draw()
        else:
            super().action_back()

    def draw(self) -> None:
        view = self.view
        if view is None:
            return
        empty = not view.grid.columns
        self.withhold(*(ABOUT_NUMBERS if empty else ()), *(() if view.datasets else ("dataset", "experiments")))
        short = self.has_class("-short")
        chart = bool(view.curves.lines) and (self._chart_instead if short else self.choice.chart)
        table = self.table
        table.display = not empty and not (short and chart)
        table.set_class(not chart, "-alone")
        self.query_one("#status").display = self.query_one("#results-legend").display = table.display
        self.query_one(LineChart).display = chart
        self._say_settings()
        placeholder = self.query_one("#results-empty", Static)
        placeholder.display = empty
        if empty:
            placeholder.update(results_formatting.nothing(view, self.choice, self.bench.workspace_option))
        table.show_grid(
            view,
            self.query_one(FilterLine).wanted,
            what=self.choice.row_name,
            marks=self._marks,
            verdicts=self.verdicts(),
            thesis=self.choice.thesis,
        )
        note, words = self.query_one("#results-note", Static), results_formatting.notes(view.grid)
        note.display = bool(words) and table.display
        note.update(words)
        self._say_legend()
        self.query_one(LineChart).put(self._curves(view))
        self._say_cell()

    def _curves(self, view: ResultsView) -> Lines:
        """The curves of the marked models, or of all."""
        marked = {view.names[key] for key in self._marks}
        lines = tuple(each for each in view.curves.lines if each.label in marked)
        return replace(view.curves, lines=lines) if lines else view.curves

    def _say_settings(self) -> None:
        known = self.view.datasets if self.view else ()
        dataset = self.choice.dataset if self.choice.dataset in known else "all"
        synthetic = " (synthetic)" if self.view and dataset in self.view.synthetic else ""
        settings = [Setting("d", "dataset", dataset + synthetic, "dataset"), *self.measuring(self.choice.columns)]
        if self.view and any(cell and cell.thesis for row in self.view.grid.cells for cell in row):
            settings.append(Setting("p", "thesis", "shown" if self.choice.thesis else "hidden", "thesis"))
        if self.view and self.view.grid.columns:
            settings.append(Setting("c", "chart", "shown" if self.query_one(LineChart).display else "hidden", "chart"))
            settings.append(Setting("o", "export", "", "export"))
        self.query_one(SettingsLine).put(settings)

    def _say_cell(self) -> None:
        cell = self.table.cell_at_cursor()
        self.query_one("#status", Static).update(results_formatting.cell_words(cell, self.choice) if cell else "")

    def _say_legend(self) -> None:
        if self.grid is not None:
            words = results_formatting.legend_words(*self.progress())
            self.query_one("#results-legend", Static).update(words)


def _read(screen: ResultsScreen, choice: ResultsChoice) -> ResultsView:
    if not screen.workspace.exists():
        return ResultsView((), frozenset(), "", ResultsTable((), (), (), (), 0, ()), Lines(), {}, {}, {})
    return read_results(screen.workspace, choice, screen._curves_of)
