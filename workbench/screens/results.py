"""Results: models compared, slice by slice."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static

from store.words import Seen, Slice
from workbench import numbers
from workbench.display import line, protocol
from workbench.next_step import UNTRAINED, command
from workbench.remembered import CUTOFFS, FAMILIES, ResultsChoice
from workbench.results_grid import Cell, Column, Curves, Grid, ResultsView, read_results
from workbench.screens.area import AreaScreen
from workbench.screens.choice import Choice, ChoiceDialog
from workbench.widgets.filter_line import FilterLine
from workbench.widgets.length_chart import LengthChart
from workbench.widgets.settings_line import Setting, SettingsLine
from workbench.widgets.table import Heading, Line, Table

ALL_DATASETS = ""
MARKS = {1: "¹", 2: "²"}
CELL = 12  # cells: an interval and a mark
WIDEST_HEADER = 20
WIDEST_LABEL = 30

SLICES = {
    Slice.ALL: "all events together",
    Slice.DOMAIN: "the dataset's product category",
    Slice.CATEGORY: "the target's own categories",
    Slice.HISTORY_LENGTH: "items before the target",
    Slice.VISIBLE_LENGTH: "items of the history that the model read",
    Slice.TARGET: "target met in training, or not",
    Slice.USER: "user met in training, or not",
    Slice.DUPLICATE_TEXT: "another item has the target's title, or not",
}


class ResultsScreen(AreaScreen):
    """A table of one metric, and the same metric by history length."""

    AREA = "results"
    HELP_TITLE = "Results"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dataset", "Dataset", id="results.dataset", show=False,
                tooltip="Choose a dataset, or all as columns"),
        Binding("v", "slice", "Slice", id="results.slice", tooltip="Choose what divides the events into columns"),
        Binding("m", "metric", "Metric", id="results.metric", tooltip="HR, NDCG, MRR in turn"),
        Binding("plus,equals_sign", "cutoff(1)", "Larger K", id="results.larger", show=False,
                tooltip="The next larger K"),
        Binding("minus", "cutoff(-1)", "Smaller K", id="results.smaller", show=False, tooltip="The next smaller K"),
        Binding("x", "seen", "Seen", id="results.seen", show=False,
                tooltip="Mask items of the history, or keep them among the candidates"),
        Binding("u", "mean", "Mean", id="results.mean", show=False,
                tooltip="Every event weighs the same, or every user does"),
        Binding("c", "chart", "Chart", id="results.chart", tooltip="Show or hide the chart by history length"),
        Binding("s", "sort", "Sort", id="results.sort",
                tooltip="Best first in the column under the cursor, or as made"),
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
        self.view: ResultsView | None = None
        self._sort: tuple[str, str] | None = None
        self._rows: list[int] = []  # the table's rows as indices into the grid's
        self._chart_instead = False
        self._curves_of = ""

    @property
    def choice(self) -> ResultsChoice:
        return self.remembered.results

    def body(self) -> ComposeResult:
        yield SettingsLine(id="results-settings")
        yield FilterLine()
        yield Static(id="results-empty", classes="empty", markup=False)
        yield Table(id="grid", by_cell=True, fixed=1)
        yield Static(id="results-note", classes="note", markup=False)
        yield Static(id="status", classes="status", markup=False)
        yield LengthChart()

    def filled(self) -> None:
        self.query_one("#results-empty").display = False
        self.query_one("#grid", Table).focus()

    def on_screen_resume(self) -> None:
        if self.view is not None and self.view.dataset != self.choice.dataset:  # Home chose another
            self.reload()

    def reload(self) -> None:
        choice = ResultsChoice(**vars(self.choice))
        self.read("results", lambda: _read(self, choice), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view != self.view:
            self.view = event.view
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

    def action_slice(self) -> None:
        choices = [Choice(name.value, name.value, remark) for name, remark in SLICES.items()]
        self.app.push_screen(ChoiceDialog("Divide events by", choices, self.choice.slice), self._set_slice)

    def action_metric(self) -> None:
        self.choice.family = FAMILIES[(FAMILIES.index(self.choice.family) + 1) % len(FAMILIES)]
        self._changed()

    def action_cutoff(self, step: int) -> None:
        if self.choice.family == "mrr":
            self.notify("MRR has no K: it reads every rank.")
            return
        place = min(max(CUTOFFS.index(self.choice.cutoff) + step, 0), len(CUTOFFS) - 1)
        self.choice.cutoff = CUTOFFS[place]
        self._changed()

    def action_seen(self) -> None:
        self.choice.seen = (Seen.KEEP if self.choice.seen == Seen.MASK else Seen.MASK).value
        self._changed()

    def action_mean(self) -> None:
        self.choice.user_mean = not self.choice.user_mean
        self._changed()

    def action_chart(self) -> None:
        if self.has_class("-short"):
            self._chart_instead = not self._chart_instead
        else:
            self.choice.chart = not self.choice.chart
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
        else:
            super().action_back()

    def _set_dataset(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.dataset = chosen
            self._sort = None
            self._changed()

    def _set_slice(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.slice = chosen
            self._sort = None
            self._changed()

    def _changed(self) -> None:
        self.bench.remember()
        self._say_settings()
        self.reload()

    def _column_at_cursor(self) -> Column | None:
        place = self.query_one("#grid", Table).cursor_column - 1
        return self.view.grid.columns[place] if self.view and 0 <= place < len(self.view.grid.columns) else None

    def _cell_at_cursor(self) -> Cell | None:
        table = self.query_one("#grid", Table)
        column = table.cursor_column - 1
        if self.view is None or not 0 <= table.cursor_row < len(self._rows) or column >= len(self.view.grid.columns):
            return None
        return self.view.grid.cells[self._rows[table.cursor_row]][max(column, 0)]

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
        self.query_one("#status").display = table.display
        self.query_one(LengthChart).display = chart
        placeholder = self.query_one("#results-empty", Static)
        placeholder.display = empty
        if empty:
            placeholder.update(_nothing(view, self.choice))
        self._rows = self._ordered(view.grid)
        headings, height = _headings(view, self._sort)
        first = table.cursor_column == 0 and not table.row_count
        widths = [heading.width for heading in headings[1:]]
        table.put(headings, [_row(view.grid, row, widths) for row in self._rows], header_height=height)
        if first:
            table.move_cursor(column=1)
        note = self.query_one("#results-note", Static)
        notes = [f"! {words}" for words in view.grid.notes]
        if view.grid.left_out:
            total = len(view.grid.columns) + view.grid.left_out
            notes.append(f"the {len(view.grid.columns)} largest of {total} columns")
        note.display = bool(notes) and table.display
        note.update(line("\n".join(notes)) if len(notes) == 1 else Text("\n").join(line(words) for words in notes))
        self.query_one(LengthChart).put(view.curves, _metric_name(self.choice))
        self._say_cell()

    def _ordered(self, grid: Grid) -> list[int]:
        wanted = self.query_one(FilterLine).wanted
        rows = [row for row, label in enumerate(grid.labels) if wanted in label.lower()]
        places = [n for n, column in enumerate(grid.columns) if (column.dataset, column.value) == self._sort]
        if places:
            rows.sort(key=lambda row: -(cell.mean if (cell := grid.cells[row][places[0]]) else -1.0))
        return rows

    def _say_settings(self) -> None:
        choice = self.choice
        known = self.view.datasets if self.view else ()
        dataset = choice.dataset if choice.dataset in known else "all"
        synthetic = " (synthetic)" if self.view and dataset in self.view.synthetic else ""
        self.query_one(SettingsLine).put(
            [
                Setting("d", "dataset", dataset + synthetic, "dataset"),
                Setting("v", "by", choice.slice if choice.slice != Slice.ALL else "–", "slice"),
                Setting("m", "metric", _metric_name(choice), "metric"),
                Setting("+ -", "K", "–" if choice.family == "mrr" else str(choice.cutoff), "cutoff(1)"),
                Setting("x", "seen items", "masked" if choice.seen == Seen.MASK else "kept", "seen"),
                Setting("u", "mean over", "users" if choice.user_mean else "events", "mean"),
            ]
        )

    def _say_cell(self) -> None:
        cell = self._cell_at_cursor()
        self.query_one("#status", Static).update(_cell_words(cell, self.choice) if cell else _LEGEND)


_LEGEND = Text("¹ best  ² second of a column   below: 95 % interval", style="dim")


def _read(screen: ResultsScreen, choice: ResultsChoice) -> ResultsView:
    if not screen.workspace.exists():
        return ResultsView((), frozenset(), "", Grid((), (), (), (), 0, ()), Curves("", (), ()))
    return read_results(screen.workspace, choice, screen._curves_of)


def _metric_name(choice: ResultsChoice) -> str:
    return choice.metric.upper()


def _nothing(view: ResultsView, choice: ResultsChoice) -> Text:
    if not view.datasets:
        text = Text("Nothing to compare yet: there is no dataset. Home (1) says how to get one.\n")
        return text.append(command(["demo"], None), style="bold")
    if choice.slice != Slice.ALL:
        return Text(f"No evaluation here has metrics by {choice.slice}. Choose another slice with v.")
    where = view.dataset or ",".join(view.datasets)
    text = Text("No model has been evaluated here yet.\n")
    return text.append(command(["evaluate", *UNTRAINED, "--datasets", where], None), style="bold")


def _headings(view: ResultsView, sort: tuple[str, str] | None) -> tuple[list[Heading], int]:
    by_dataset = not view.dataset
    by_value = len({column.value for column in view.grid.columns}) > 1 or not by_dataset
    height = 1 + by_dataset + by_value
    names = Text("\n" * (height - 1)).append("model", style="dim")
    labels = [len(part) for label in view.grid.labels for part in _two_lines(label)]
    headings = [Heading(names, width=min(WIDEST_LABEL, max([8, *labels])))]
    for column in view.grid.columns:
        parts = []
        if by_dataset:
            parts.append((column.dataset, "bold"))
        if by_value:
            parts.append((column.value, "bold" if not by_dataset else ""))
        n = f"n {numbers.count(column.n)}" if column.n is not None else "n differs"
        parts.append((f"▼ {n}" if (column.dataset, column.value) == sort else n, "dim"))
        width = min(WIDEST_HEADER, max([CELL, *(line(words).cell_len + 1 for words, _ in parts)]))
        headings.append(Heading(Text("\n").join(_right(words, width, style) for words, style in parts), width=width))
    return headings, height


def _row(grid: Grid, row: int, widths: list[int]) -> Line:
    name, protocol_words = _two_lines(grid.labels[row])
    label = line(name, "bold")
    label.append("\n").append_text(line(protocol_words, "dim"))
    cells = (_cell_text(cell, width) for cell, width in zip(grid.cells[row], widths, strict=True))
    return Line("\n".join(grid.rows[row]), (label, *cells), height=2)


def _two_lines(label: str) -> tuple[str, str]:
    name, _, rest = label.partition(" · ")
    return name, rest


def _cell_text(cell: Cell | None, width: int) -> Text:
    if cell is None:
        return _right(numbers.NOTHING, width, "dim")
    style = {1: "bold", 2: "underline"}.get(cell.place, "")
    text = Text(" " * (width - 7))
    text.append(numbers.mean(cell.mean), style=style).append(MARKS.get(cell.place, " "), style="bold")
    interval = numbers.interval(cell.low, cell.high)
    return text.append(f"\n{interval:>{width - 1}} ", style="dim")


def _right(words: str, width: int, style: str) -> Text:
    """Right-aligned with a place kept for the mark, so that headers end where numbers do."""
    text = line(words, style)
    text.truncate(width - 1, overflow="ellipsis")
    return Text(" " * max(0, width - 1 - text.cell_len)).append_text(text)


def _cell_words(cell: Cell, choice: ResultsChoice) -> Text:
    m, e = cell.metric, cell.evaluation
    where = e.dataset if m.slice == Slice.ALL else f"{e.dataset}, {m.slice} {m.value}"
    text = line(f"{e.model} on {where}: ")
    text.append(f"{_metric_name(choice)} {cell.mean:.5f}", style="bold")
    text.append(
        f" [{cell.low:.5f}, {cell.high:.5f}]; {numbers.counted(m.n, 'event')}, {numbers.counted(m.users, 'user')}"
    )
    if m.upper > m.lower:
        text.append(f"; ties {m.lower:.4f}–{m.upper:.4f}")
    text.append("\n").append_text(line(f"{protocol(e)}; made {numbers.moment(e.created)}", "dim"))
    return text
