"""Results: models compared, slice by slice."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static
from textual.worker import get_current_worker

from store.records import Evaluation
from store.words import Slice
from workbench import numbers
from workbench.cell_text import LEGEND
from workbench.chart_lines import Lines
from workbench.display import line, protocol
from workbench.labels import RowKey
from workbench.next_step import UNTRAINED, command
from workbench.remembered import ResultsChoice
from workbench.results_grid import Cell, Column, Grid, ResultsView, read_results
from workbench.results_table import headings, row_line
from workbench.screens.choice import Choice, ChoiceDialog
from workbench.screens.measured import MeasuredScreen
from workbench.significance import Alike, Question, answers, questions
from workbench.widgets.filter_line import FilterLine
from workbench.widgets.line_chart import LineChart
from workbench.widgets.settings_line import Setting, SettingsLine
from workbench.widgets.table import Table

ALL_DATASETS = ""


class ResultsScreen(MeasuredScreen):
    """A table of one metric, and the same metric by length."""

    AREA = "results"
    HELP_TITLE = "Results"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "experiments", "Show", id="results.experiments",
                tooltip="Choose one of the thesis' tables and figures instead of one metric"),
        Binding("space", "mark", "Mark", id="results.mark", tooltip="Mark the row for a comparison, or unmark it"),
        Binding("a", "compare", "Compare", id="results.compare",
                tooltip="The marked rows, paired event by event: differences, intervals, p"),
        Binding("c", "chart", "Chart", id="results.chart", tooltip="Show or hide the chart by length"),
        Binding("d", "dataset", "Dataset", id="results.dataset", show=False,
                tooltip="Choose a dataset, or all as columns"),
        Binding("p", "thesis", "Thesis", id="results.thesis", show=False,
                tooltip="Show the thesis' numbers below ours, or not"),
        Binding("s", "sort", "Sort", id="results.sort", show=False,
                tooltip="Best first in the column under the cursor, or as made"),
        Binding("slash", "filter", "Filter", id="results.filter", priority=True, show=False,
                tooltip="Show only rows whose name contains it"),
    ]  # fmt: skip

    class Loaded(Message):
        """The table was read for this choice."""

        def __init__(self, view: ResultsView) -> None:
            super().__init__()
            self.view = view

    class Tested(Message):
        """Which cells of a dataset do not differ from the best of their column is known."""

        def __init__(self, question: Question, alike: Alike) -> None:
            super().__init__()
            self.question = question
            self.alike = alike

    def __init__(self) -> None:
        super().__init__()
        self.view: ResultsView | None = None
        self._sort: tuple[str, str] | None = None
        self._read: ResultsChoice | None = None  # the choice that was last read for
        self._rows: list[int] = []  # the table's rows as indices into the grid's
        self._marks: list[RowKey] = []
        self._answers: dict[Question, Alike] = {}
        self._asking: set[Question] = set()
        self._chart_instead = False
        self._curves_of = ""

    def body(self) -> ComposeResult:
        yield SettingsLine(id="results-settings")
        yield FilterLine()
        yield Static(id="results-empty", classes="empty", markup=False)
        yield Table(id="grid", by_cell=True, fixed=1)
        yield Static(id="results-note", classes="note", markup=False)
        yield Static(id="status", classes="status", markup=False)
        yield Static(f"{LEGEND}  below: 95 % interval", id="results-legend", classes="status", markup=False)
        yield LineChart()

    def filled(self) -> None:
        self.query_one("#results-empty").display = self.query_one("#results-legend").display = False
        self.query_one("#grid", Table).focus()

    def on_screen_resume(self) -> None:
        if self._read is not None and self._read != self.choice:  # Home or the compare view chose something else
            self._say_settings()
            self.reload()

    def reload(self) -> None:
        self._read = choice = ResultsChoice(**vars(self.choice))
        self.read("results", lambda: _read(self, choice), self.Loaded)

    def changed(self) -> None:
        self._say_settings()
        super().changed()

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view != self.view:
            self.view = event.view
            self._marks = [key for key in self._marks if key in event.view.grid.rows]
            self._draw()
        self._test()

    def action_reload(self) -> None:
        self._asking.clear()  # what failed is asked again
        super().action_reload()

    @on(Tested)
    def _mark_alike(self, event: Tested) -> None:
        self._answers[event.question] = event.alike
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self._draw()

    @on(DataTable.CellHighlighted)
    def _moved(self) -> None:
        self._say_cell()
        cell = self._cell_at_cursor()
        if not self.choice.dataset and cell is not None and cell.evaluation.dataset != self._curves_of:
            self._curves_of = cell.evaluation.dataset
            self.reload()

    def action_dataset(self) -> None:
        if self.view is None:
            return
        choices = [Choice(ALL_DATASETS, "all datasets", "as columns")]
        choices += [Choice(n, n, "synthetic" if n in self.view.synthetic else "") for n in self.view.datasets]
        self.app.push_screen(ChoiceDialog("Dataset", choices, self.view.dataset), self._set_dataset)

    def action_experiments(self) -> None:
        from workbench.screens.experiment import ExperimentScreen

        self.app.push_screen(ExperimentScreen())

    def action_mark(self) -> None:
        place = self.query_one("#grid", Table).cursor_row
        if self.view is None or not 0 <= place < len(self._rows):
            self.notify("There is no row here to mark.")
            return
        key = self.view.grid.rows[self._rows[place]]
        self._marks = [other for other in self._marks if other != key] if key in self._marks else [*self._marks, key]
        self._draw()

    def action_compare(self) -> None:
        from workbench.screens.compare import CompareScreen

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
        self._draw()

    def action_thesis(self) -> None:
        self.choice.thesis = not self.choice.thesis
        self.bench.remember()
        self._draw()

    def action_sort(self) -> None:
        column = self._column_at_cursor()
        if column is None:
            self.notify("Move to the column to sort by first.")
            return
        wanted = (column.dataset, column.value)
        self._sort = None if self._sort == wanted else wanted
        self._draw()

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_back(self) -> None:
        if self._chart_instead and self.has_class("-short") and self.maximized is None:
            self.action_chart()
        elif self._marks and self.maximized is None and not self.query_one(FilterLine).display:
            self._marks = []
            self._draw()
        else:
            super().action_back()

    def _set_dataset(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.dataset = chosen
            self._sort = None
            self.changed()

    def _set_slice(self, chosen: str | None) -> None:
        self._sort = None if chosen is not None else self._sort
        super()._set_slice(chosen)

    def _test(self) -> None:
        """Ask for the marks of significance that are not known yet, after the table is there."""
        asked = self._questions()
        asked = {question: own for question, own in asked.items() if question not in self._answers}
        if asked.keys() - self._asking:  # a cursor that moves does not start the same tests again
            self._asking = set(asked)
            work = partial(_answer, self, asked)
            self.run_worker(work, group="alike", thread=True, exclusive=True, exit_on_error=False)

    def _questions(self) -> dict[Question, list[Evaluation]]:
        return questions(self.view.grid, self.choice) if self.view else {}

    def _column_at_cursor(self) -> Column | None:
        place = self.query_one("#grid", Table).cursor_column - 1
        return self.view.grid.columns[place] if self.view and 0 <= place < len(self.view.grid.columns) else None

    def _cell_at_cursor(self) -> Cell | None:
        table = self.query_one("#grid", Table)
        column = table.cursor_column - 1
        if self.view is None or not 0 <= table.cursor_row < len(self._rows) or column >= len(self.view.grid.columns):
            return None
        return self.view.grid.cells[self._rows[table.cursor_row]][max(column, 0)]

    def _alike(self) -> Alike:
        known = (self._answers.get(question, frozenset()) for question in self._questions())
        return frozenset[tuple[str, str]]().union(*known)

    def _draw(self) -> None:
        view = self.view
        if view is None:
            return
        self._say_settings()
        empty = not view.grid.columns
        short = self.has_class("-short")
        chart = bool(view.curves.lines) and (self._chart_instead if short else self.choice.chart)
        table = self.query_one("#grid", Table)
        table.display = not empty and not (short and chart)
        table.set_class(not chart, "-alone")
        self.query_one("#status").display = self.query_one("#results-legend").display = table.display
        self.query_one(LineChart).display = chart
        placeholder = self.query_one("#results-empty", Static)
        placeholder.display = empty
        if empty:
            placeholder.update(_nothing(view, self.choice))
        self._rows = self._ordered(view.grid)
        heads, height = headings(view, self._sort, marked=bool(self._marks))
        first = table.cursor_column == 0 and not table.row_count
        row = partial(
            row_line,
            view.grid,
            widths=[heading.width for heading in heads[1:]],
            marks=self._marks,
            alike=self._alike(),
            thesis=self.choice.thesis,
        )
        table.put(heads, [row(place) for place in self._rows], header_height=height)
        if first:
            table.move_cursor(column=1)
        note = self.query_one("#results-note", Static)
        notes = [f"! {words}" for words in view.grid.notes]
        if view.grid.left_out:
            total = len(view.grid.columns) + view.grid.left_out
            notes.append(f"the {len(view.grid.columns)} largest of {total} columns")
        note.display = bool(notes) and table.display
        note.update(line("\n".join(notes)) if len(notes) == 1 else Text("\n").join(line(words) for words in notes))
        self.query_one(LineChart).put(view.curves)
        self._say_cell()

    def _ordered(self, grid: Grid) -> list[int]:
        wanted = self.query_one(FilterLine).wanted
        rows = [row for row, label in enumerate(grid.labels) if wanted in label.lower()]
        places = [n for n, column in enumerate(grid.columns) if (column.dataset, column.value) == self._sort]
        if places:
            rows.sort(key=lambda row: -(cell.mean if (cell := grid.cells[row][places[0]]) else -1.0))
        return rows

    def _say_settings(self) -> None:
        known = self.view.datasets if self.view else ()
        dataset = self.choice.dataset if self.choice.dataset in known else "all"
        synthetic = " (synthetic)" if self.view and dataset in self.view.synthetic else ""
        settings = [Setting("d", "dataset", dataset + synthetic, "dataset"), *self.measuring()]
        if self.view and any(cell and cell.thesis for row in self.view.grid.cells for cell in row):
            settings.append(Setting("p", "thesis", "shown" if self.choice.thesis else "hidden", "thesis"))
        self.query_one(SettingsLine).put(settings)

    def _say_cell(self) -> None:
        cell = self._cell_at_cursor()
        self.query_one("#status", Static).update(_cell_words(cell, self.choice) if cell else "")


def _read(screen: ResultsScreen, choice: ResultsChoice) -> ResultsView:
    if not screen.workspace.exists():
        return ResultsView((), frozenset(), "", Grid((), (), (), (), 0, ()), Lines())
    return read_results(screen.workspace, choice, screen._curves_of)


def _answer(screen: ResultsScreen, asked: dict[Question, list[Evaluation]]) -> None:
    worker = get_current_worker()
    for question, alike in answers(screen.workspace, asked, lambda: worker.is_cancelled or not screen.is_attached):
        screen.post_message(screen.Tested(question, alike))


def _nothing(view: ResultsView, choice: ResultsChoice) -> Text:
    if not view.datasets:
        text = Text("Nothing to compare yet: there is no dataset. Home (1) says how to get one.\n")
        return text.append(command(["demo"], None), style="bold")
    if choice.slice != Slice.ALL:
        return Text(f"No evaluation here has metrics by {choice.slice}. Choose another slice with v.")
    where = view.dataset or ",".join(view.datasets)
    text = Text("No model has been evaluated here yet.\n")
    text.append(command(["evaluate", *UNTRAINED, "--datasets", where], None), style="bold")
    text.append("\nOr make a whole table of the thesis:\n")
    return text.append(command(["experiment", "main", "--datasets", where], None), style="bold")


def _cell_words(cell: Cell, choice: ResultsChoice) -> Text:
    m, e = cell.metric, cell.evaluation
    where = e.dataset if m.slice == Slice.ALL else f"{e.dataset}, {m.slice} {m.value}"
    text = line(f"{e.model} on {where}: ")
    text.append(f"{choice.metric.upper()} {cell.mean:.5f}", style="bold")
    text.append(
        f" [{cell.low:.5f}, {cell.high:.5f}]; {numbers.counted(m.n, 'event')}, {numbers.counted(m.users, 'user')}"
    )
    if m.upper > m.lower:
        text.append(f"; ties {m.lower:.4f}–{m.upper:.4f}")
    if cell.thesis is not None:
        text.append("\n").append_text(line(f"thesis {cell.thesis.value:.4f} ({cell.thesis.source})", "dim"))
    return text.append("\n").append_text(line(f"{protocol(e)}; made {numbers.moment(e.created)}", "dim"))
