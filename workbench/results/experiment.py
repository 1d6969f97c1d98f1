"""An experiment of the thesis over Results: its tables and figures, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import DataTable, Static

from workbench.results import experiment_formatting
from workbench.results.drill_down import DrillDown, find_drill_down
from workbench.results.experiment_view import ExperimentView, read_experiment
from workbench.results.sheet_table import sheet_table
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.export import ExportingScreen
from workbench.ui.line_chart import LineChart
from workbench.ui.measured import LayerScreen, WeighedScreen
from workbench.ui.section import Section
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.shell import command
from workbench.ui.table import Table
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.experiments.sheet import Figure, Sheet

ONE_METRIC = ""
NO_DATASET = "There is no dataset yet, so there is nothing to make a table of. Home (1) says how to get one."


class ExperimentScreen(ExportingScreen, LayerScreen, WeighedScreen):
    """What is stored of an experiment; running what is missing is a job."""

    AREA = "results"
    HELP_TITLE = "Experiments"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "users", "Users", id="experiment.users", priority=True,
                tooltip="The events behind the number under the cursor, and their users"),
        Binding("e", "experiments", "Show", id="experiment.choose", tooltip="Choose another experiment"),
        Binding("n", "page(1)", "Next", id="experiment.next", tooltip="The next table or figure"),
        Binding("N", "page(-1)", "Before", id="experiment.before", show=False, tooltip="The table or figure before"),
        Binding("p", "thesis", "Thesis", id="experiment.thesis", show=False,
                tooltip="Show the thesis' numbers below ours, or not"),
        Binding("C", "copy_command", "Command", id="experiment.copy_command",
                tooltip="Send the command that runs what is missing to the clipboard"),
    ]  # fmt: skip

    class Loaded(Message):
        """The experiment was read; `view` is None where there is no dataset."""

        def __init__(self, view: ExperimentView | None) -> None:
            super().__init__()
            self.view = view

    class Found(Message):
        """The evaluation behind a number was looked up; None where the number is of a part of its events."""

        def __init__(self, drill_down: DrillDown | None) -> None:
            super().__init__()
            self.drill_down = drill_down

    def __init__(self) -> None:
        super().__init__()
        self.view: ExperimentView | None = None
        self._page_index = 0

    def body(self) -> ComposeResult:
        yield SettingsLine(id="experiment-settings")
        yield Section("", id="experiment-title")
        yield Static("Reading …", id="experiment-empty", classes="empty", markup=False)
        yield Table(id="sheet", by_cell=True, fixed=1)
        yield LineChart()
        yield Static(id="experiment-status", classes="status", markup=False)
        with VerticalScroll(id="sheet-words"):
            yield Static(id="experiment-notes", markup=False)

    def filled(self) -> None:
        for part in ("#sheet", "#chart", "#sheet-words"):
            self.query_one(part).display = False
        self._say_settings()

    def reload(self) -> None:
        choice = ResultsChoice(**vars(self.choice))
        self.read("experiment", lambda: read_experiment(self.workspace, choice), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view is None or event.view != self.view:
            self.view = event.view
            self._draw()

    def on_resize(self) -> None:
        if self.view is not None:
            self._draw()

    @on(DataTable.CellHighlighted)
    def _moved(self) -> None:
        self._say_cell()

    @property
    def page(self) -> Sheet | Figure | None:
        """The table or figure that is shown."""
        pages = self.view.pages if self.view else ()
        return pages[self._page_index % len(pages)] if pages else None

    def action_experiments(self) -> None:
        if self.view is not None:
            choices = [Choice(ONE_METRIC, "one metric", "the table of Results (Esc)")]
            choices += [
                Choice(one.name, one.name, one.title if one.requested else f"{one.title} (not asked for yet)")
                for one in self.view.offered
            ]
            self.app.push_screen(ChoiceDialog("Show", choices, self.view.outcome.name), self._set_experiment)

    def action_page(self, step: int) -> None:
        pages = self.view.pages if self.view else ()
        if len(pages) < 2:
            self.notify("There is no other table or figure.")
            return
        self._page_index = (self._page_index + step) % len(pages)
        self._draw()

    def action_thesis(self) -> None:
        self.choice.thesis = not self.choice.thesis
        self.bench.remember()
        self._draw()

    @on(DataTable.CellSelected)
    def _selected(self, event: DataTable.CellSelected) -> None:
        event.stop()
        self.action_users()

    def action_users(self) -> None:
        from engine.experiments.sheet import Sheet

        page, (row, column) = self.page, self.query_one("#sheet", Table).cursor_coordinate
        place = max(column - 1, 0)
        cell = page.rows[row].cells[place] if isinstance(page, Sheet) and row < len(page.rows) else None
        if not isinstance(page, Sheet) or cell is None or not cell.evaluation:
            self.notify("No evaluation is behind this: move to a number of one.")
            return
        metric, seen = experiment_formatting.metric_of(page, row, place) or self.choice.metric, self.choice.seen
        self.read("behind", lambda: find_drill_down(self.workspace, cell, metric, seen), self.Found)

    @on(Found)
    def _open_drill_down(self, event: Found) -> None:
        if event.drill_down is None:
            self.notify("This number is of a part of the events: the table of Results (Esc) leads to them, by v.")
            return
        from workbench.results.drill_down_screen import DrillDownScreen

        self.app.push_screen(DrillDownScreen(event.drill_down))

    def sheet(self) -> Sheet | None:
        from engine.experiments.sheet import LineFigure, Sheet
        from engine.report.document import as_sheet

        page = self.page
        return as_sheet(page) if isinstance(page, LineFigure) else page if isinstance(page, Sheet) else None

    def action_copy_command(self) -> None:
        if self.view is not None:
            self.bench.copy(command(list(self.view.command), self.bench.workspace_option))

    def changed(self) -> None:
        self._say_settings()
        super().changed()

    def _set_experiment(self, chosen: str | None) -> None:
        if chosen == ONE_METRIC:
            self.dismiss()
        elif chosen is not None:
            self.choice.experiment = chosen
            self._page_index = 0
            self.changed()

    def _draw(self) -> None:
        from engine.experiments.sheet import LineFigure, PointFigure, Sheet

        self._say_settings()
        page, empty = self.page, self.query_one("#experiment-empty", Static)
        table, chart = self.query_one("#sheet", Table), self.query_one(LineChart)
        table.display = isinstance(page, Sheet | PointFigure)
        chart.display = isinstance(page, LineFigure)
        empty.display = page is None
        self.query_one("#experiment-title").display = page is not None
        if page is None:
            empty.update(
                experiment_formatting.nothing(self.view, self.bench.workspace_option) if self.view else NO_DATASET
            )
        elif isinstance(page, Sheet):
            headings, rows = sheet_table(page, thesis=self.choice.thesis)
            table.put(headings, rows)
            if table.cursor_column == 0 and headings[1:]:
                table.move_cursor(column=1)
        elif isinstance(page, LineFigure):
            chart.put(experiment_formatting.lines(page))
        else:
            table.put(*experiment_formatting.facts(page))
        self._say_title()
        self._say_notes()
        self._say_cell()

    def _say_settings(self) -> None:
        name = self.view.outcome.name if self.view else self.choice.experiment
        settings = [Setting("e", "experiment", name or "–", "experiments")]
        pages = self.view.pages if self.view else ()
        if len(pages) > 1:
            settings.append(Setting("n N", "page", f"{self._page_index % len(pages) + 1} of {len(pages)}", "page(1)"))
        settings += self.weighing()
        if experiment_formatting.published(self.page):
            settings.append(Setting("p", "thesis", "shown" if self.choice.thesis else "hidden", "thesis"))
        self.query_one(SettingsLine).put([*settings, Setting("o", "export", "", "export")])

    def _say_title(self) -> None:
        if self.view is not None and self.page is not None:
            self.query_one("#experiment-title", Section).say("", self.view.outcome.thesis, title=self.page.title)

    def _say_notes(self) -> None:
        words = experiment_formatting.notes(self.view, self.page, self.bench.workspace_option) if self.view else Text()
        self.query_one("#sheet-words").display = bool(words)
        self.query_one("#experiment-notes", Static).update(words)

    def _say_cell(self) -> None:
        status = self.query_one("#experiment-status", Static)
        words = experiment_formatting.cell_words(self.page, *self.query_one("#sheet", Table).cursor_coordinate)
        status.display = bool(words)
        status.update(words)
