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

from store.plain_text import plain
from workbench import numbers
from workbench.cell_text import LEGEND
from workbench.chart_lines import ChartLine, Lines
from workbench.display import line
from workbench.experiment_view import ExperimentView, read_experiment
from workbench.next_step import command
from workbench.remembered import ResultsChoice
from workbench.screens.choice import Choice, ChoiceDialog
from workbench.screens.measured import LayerScreen, WeighedScreen
from workbench.sheet_table import sheet_table
from workbench.widgets.line_chart import LineChart
from workbench.widgets.section import Section
from workbench.widgets.settings_line import Setting, SettingsLine
from workbench.widgets.table import Heading, Line, Table

if TYPE_CHECKING:
    from engine.experiments.sheet import Figure, LineFigure, PointFigure, Sheet

ONE_METRIC = ""
NO_DATASET = "There is no dataset yet, so there is nothing to make a table of. Home (1) says how to get one."


class ExperimentScreen(LayerScreen, WeighedScreen):
    """What is stored of an experiment; running what is missing is a job."""

    AREA = "results"
    HELP_TITLE = "Experiments"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "experiments", "Show", id="experiment.choose", tooltip="Choose another experiment"),
        Binding("n", "page(1)", "Next", id="experiment.next", tooltip="The next table or figure"),
        Binding("N", "page(-1)", "Before", id="experiment.before", show=False, tooltip="The table or figure before"),
        Binding("p", "thesis", "Thesis", id="experiment.thesis",
                tooltip="Show the thesis' numbers below ours, or not"),
        Binding("C", "copy_command", "Command", id="experiment.copy_command",
                tooltip="Send the command that runs what is missing to the clipboard"),
    ]  # fmt: skip

    class Loaded(Message):
        """The experiment was read; `view` is None where there is no dataset."""

        def __init__(self, view: ExperimentView | None) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__()
        self.view: ExperimentView | None = None
        self._place = 0

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
            self.query_one("#sheet").focus()

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
        return pages[self._place % len(pages)] if pages else None

    def action_experiments(self) -> None:
        if self.view is not None:
            choices = [Choice(ONE_METRIC, "one metric", "the table of Results (Esc)")]
            choices += [
                Choice(one.name, one.name, one.title if one.asked else f"{one.title} (not asked for yet)")
                for one in self.view.offered
            ]
            self.app.push_screen(ChoiceDialog("Show", choices, self.view.outcome.name), self._set_experiment)

    def action_page(self, step: int) -> None:
        pages = self.view.pages if self.view else ()
        if len(pages) < 2:
            self.notify("There is no other table or figure.")
            return
        self._place = (self._place + step) % len(pages)
        self._draw()

    def action_thesis(self) -> None:
        self.choice.thesis = not self.choice.thesis
        self.bench.remember()
        self._draw()

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
            self._place = 0
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
            empty.update(_nothing(self.view) if self.view else NO_DATASET)
        elif isinstance(page, Sheet):
            headings, rows = sheet_table(page, thesis=self.choice.thesis)
            table.put(headings, rows)
            if table.cursor_column == 0 and headings[1:]:
                table.move_cursor(column=1)
        elif isinstance(page, LineFigure):
            chart.put(_lines(page))
        else:
            table.put(*_facts(page))
        self._say_title()
        self._say_notes()
        self._say_cell()

    def _say_settings(self) -> None:
        name = self.view.outcome.name if self.view else self.choice.experiment
        settings = [Setting("e", "experiment", name or "–", "experiments")]
        pages = self.view.pages if self.view else ()
        if len(pages) > 1:
            settings.append(Setting("n N", "page", f"{self._place % len(pages) + 1} of {len(pages)}", "page(1)"))
        settings += self.weighing()
        if _published(self.page):
            settings.append(Setting("p", "thesis", "shown" if self.choice.thesis else "hidden", "thesis"))
        self.query_one(SettingsLine).put(settings)

    def _say_title(self) -> None:
        if self.view is not None and self.page is not None:
            self.query_one("#experiment-title", Section).say("", self.view.outcome.thesis, title=self.page.title)

    def _say_notes(self) -> None:
        words = _notes(self.view, self.page) if self.view else Text()
        self.query_one("#sheet-words").display = bool(words)
        self.query_one("#experiment-notes", Static).update(words)

    def _say_cell(self) -> None:
        status = self.query_one("#experiment-status", Static)
        words = _cell_words(self.page, *self.query_one("#sheet", Table).cursor_coordinate)
        status.display = bool(words)
        status.update(words)


def _published(page: Sheet | Figure | None) -> bool:
    rows = getattr(page, "rows", ())
    return any(cell and cell.published is not None for row in rows for cell in row.cells)


def _lines(figure: LineFigure) -> Lines:
    lines = tuple(
        ChartLine(one.label, tuple(cell.value if cell else None for cell in one.cells)) for one in figure.lines
    )
    return Lines(figure.y, f"over {figure.x}", figure.ticks, lines)


def _facts(figure: PointFigure) -> tuple[list[Heading], list[Line]]:
    """The quality numbers of a map as a table."""
    headings = [Heading(Text("of the map", style="dim")), Heading(Text("value", style="dim"))]
    return headings, [Line(name, (line(name, "bold"), line(value))) for name, value in figure.facts]


def _nothing(view: ExperimentView) -> Text:
    text = Text("Nothing of ").append_text(line(view.outcome.title or view.outcome.name, "bold"))
    text.append(" is stored here yet. This runs what it needs:\n")
    return text.append(command(list(view.command), None), style="bold")


def _notes(view: ExperimentView, page: Sheet | Figure | None) -> Text:
    from engine.experiments.sheet import PointFigure, Sheet

    words: list[str] = []
    if page is not None and view.outcome.missing:
        missing = numbers.counted(len(view.outcome.missing), "command")
        words.append(f"Not complete: {missing} to be run. C copies: {command(list(view.command), None)}")
    if isinstance(page, Sheet):
        if any(cell and cell.place for row in page.rows for cell in row.cells):
            words.append(f"{LEGEND}{'  lower is better' if page.lower_is_better else ''}  below: 95 % interval")
        words += [page.protocol] if page.protocol else []
        prints = ", ".join(f"{name} {fingerprint[:8]}" for name, fingerprint in page.fingerprints.items())
        words += [f"data: {prints}"] if prints else []
    elif isinstance(page, PointFigure):
        words.append(f"Its points are stored as projection {page.projection}; the workbench has no Map area yet.")
    words += [*(page.notes if page else ()), *view.outcome.notes]
    return Text("\n").join(Text(plain(each), style="dim") for each in words)


def _cell_words(page: Sheet | Figure | None, row: int, column: int) -> Text:
    """Everything about the cell under the cursor, in full."""
    from engine.experiments.sheet import Sheet

    if not isinstance(page, Sheet) or not (0 <= row < len(page.rows) and 0 < column <= len(page.columns)):
        return Text()
    cell = page.rows[row].cells[column - 1]
    where = line(f"{page.columns[column - 1]}, {', '.join(page.rows[row].labels)}: ")
    if cell is None:
        return where.append("nothing is stored")
    digits = page.decimals + 1 if page.decimals else 0
    where.append(f"{cell.value:,.{digits}f}", style="bold")
    if cell.low is not None and cell.high is not None:
        where.append(f" [{cell.low:,.{digits}f}, {cell.high:,.{digits}f}]")
    facts = [numbers.counted(cell.n, "event")] if cell.n else []
    facts += [numbers.counted(cell.users, "user")] if cell.users else []
    if cell.spread is not None:
        facts.append(f"mean of {numbers.counted(cell.seeds, 'seed')}, standard deviation {cell.spread:.{digits}f}")
    if cell.published is not None:
        facts.append(f"thesis {cell.published:,.{page.decimals}f}")
    if cell.significant is not None:
        of = "the second" if cell.place == 1 else "the best"
        facts.append(f"{'differs' if cell.significant else 'does not differ'} significantly from {of}")
    facts += [plain(cell.note)] if cell.note else []
    return where.append("".join(f"; {fact}" for fact in facts))
