"""Home: what is in the workspace, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Static

from engine.audit.order_findings import failures
from engine.tables.labels import labels, protocol, row_key
from store.errors import Failed
from store.rows import Dataset, Metric, Model
from workbench.home.next_panel import NextPanel
from workbench.home.next_step import next_step
from workbench.home.overview import NEWEST, Headline, Overview, read_overview
from workbench.jobs.job_formatting import running_now
from workbench.launch.launching import LaunchingScreen
from workbench.ui import numbers
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.display import line
from workbench.ui.filter_line import FilterLine
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine

WIDE = 110  # cells; below, the evaluations' columns after `SHORT_EVALUATIONS` would be cut to nothing
SHORT_EVALUATIONS = 5


class HomeScreen(LaunchingScreen):
    """Datasets, models and evaluations, newest first."""

    AREA = "home"
    HELP_TITLE = "Home"
    FIRST_TABLES = ("#evaluations", "#datasets", "#models")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Start", id="home.next",
                tooltip="Open the form, filled in with the next step: Ctrl+S there starts it"),
        Binding("i", "ingest", "Ingest", id="home.ingest", tooltip="Bring data in: open the form for it"),
        Binding("c", "copy_next", "Copy command", id="home.copy_next",
                tooltip="Send the command of the next step to the clipboard"),
        Binding("slash", "filter", "Filter", id="home.filter", priority=True,
                tooltip="Show only rows that contain what you type"),
        Binding("enter", "open", "Open", id="home.open", show=False,
                tooltip="Open the dataset, or the results of the row under the cursor"),
    ]  # fmt: skip

    class Loaded(Message):
        """The overview was read."""

        def __init__(self, overview: Overview) -> None:
            super().__init__()
            self.overview = overview

    def __init__(self) -> None:
        super().__init__()
        self.overview: Overview | None = None

    def body(self) -> ComposeResult:
        yield NextPanel()
        yield Static(id="running", markup=False)
        yield FilterLine()
        with Horizontal(id="home"):
            with Vertical(id="home-left"):
                yield Section("Datasets", id="datasets-title")
                yield Table(id="datasets")
                yield Section("Models", id="models-title")
                yield Table(id="models")
            with Vertical(id="home-right"):
                yield Section("Evaluations", id="evaluations-title")
                yield Table(id="evaluations")

    def filled(self) -> None:
        self.query_one("#running").display = self.query_one("#home").display = False

    def reload(self) -> None:
        self.read("home", lambda: read_overview(self.workspace), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        self.bench.watch_jobs(bool(event.overview.jobs))
        if self.left():
            return
        if event.overview != self.overview:
            self.overview = event.overview
            self._draw()
        for problem in event.overview.problems:
            self.bench.show_problem(Failed(f"{problem}. The rest is shown. Run `st5 doctor` to look into it."))

    def starting_changed(self) -> None:
        self._draw_running()

    def on_resize(self) -> None:
        if self.overview is not None:
            self._draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        if self.overview is not None:
            self._draw()

    @on(DataTable.RowSelected)
    def _selected(self) -> None:
        self.action_open()

    def action_next(self) -> None:
        self.launch(self.query_one(NextPanel).step.job_form)

    def action_ingest(self) -> None:
        self.launch_ingest()

    def action_copy_next(self) -> None:
        commands = self.query_one(NextPanel).step.commands
        if commands:
            self.bench.copy(commands[0])
        else:
            self.notify("There is no command to copy: nothing is left to do, or a job does it.")

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_open(self) -> None:
        table = self.focused
        row = table.line_at_cursor() if isinstance(table, Table) else None
        if row is None or self.overview is None or not isinstance(table, Table):
            return
        if table.id == "datasets":
            self.ui_state.results.dataset = row.key
        elif table.id == "evaluations":
            found = next((h.evaluation for h in self.overview.newest if h.evaluation.key == row.key), None)
            self.ui_state.results.dataset = found.dataset if found else ""
        else:
            self.ui_state.results.dataset = ""
        self.bench.remember()
        self.bench.action_area("results")

    def _draw(self) -> None:
        overview = self.overview
        assert overview is not None
        wanted = self.query_one(FilterLine).wanted
        self.query_one(NextPanel).put(next_step(overview, self.bench.workspace_option))
        self._draw_running()
        self.query_one("#home").display = overview.exists
        listed = bool(overview.datasets or overview.models or overview.evaluations)
        self.withhold(*(() if listed else ("filter", "open", *TABLE_ACTIONS)))
        wide = self.size.width >= WIDE
        headings = _DATASETS if wide else _SHORT_DATASETS
        rows = [_dataset_row(dataset, wide) for dataset in overview.datasets]
        self._fill("datasets", headings, rows, len(overview.datasets), wanted)
        evaluated = {model.name: 0 for model in overview.models}
        for model, _ in overview.evaluated:
            evaluated[model] = evaluated.get(model, 0) + 1
        total = len(overview.datasets)
        model_rows = [_model_row(model, evaluated[model.name], total) for model in overview.models]
        self._fill("models", _MODELS, model_rows, len(overview.models), wanted)
        headings = _EVALUATIONS if wide else _SHORT_EVALUATIONS
        failing = frozenset(dataset.name for dataset in overview.datasets if failures(dataset))
        rows = [TableLine(row.key, row.cells[: len(headings)]) for row in _evaluation_rows(overview.newest, failing)]
        self._fill("evaluations", headings, rows, overview.evaluations, wanted, _remark(overview, failing))

    def _draw_running(self) -> None:
        starting, now = self.bench.starting, running_now(self.overview.jobs) if self.overview else ""
        running = self.query_one("#running", Static)
        running.display = bool(starting or now)
        parts = [f"◐ starting: {starting}"] * bool(starting) + [f"● {now}; 3 shows more"] * bool(now)
        running.update(line("  ".join(parts)))

    def _fill(
        self, name: str, headings: Sequence[Heading], rows: list[TableLine], total: int, wanted: str, remark: str = ""
    ) -> None:
        shown = [row for row in rows if not wanted or any(wanted in cell.plain.lower() for cell in row.cells)]
        said = numbers.count(total) if len(shown) == total else f"{numbers.count(len(shown))} of {numbers.count(total)}"
        assert self.overview is not None
        broken = any(problem.startswith(f"The {name} ") for problem in self.overview.problems)
        nothing = "cannot be read" if broken else "none yet"
        self.query_one(f"#{name}-title", Section).say(said if total else nothing, remark if shown else "")
        table = self.query_one(f"#{name}", Table)
        table.display = bool(shown)
        table.put(headings, shown)


def _heading(text: str, *, right: bool = False, flexible: bool = False) -> Heading:
    return Heading(Text(text, justify="right" if right else "left", style="dim"), flexible=flexible)


_SPLITS = ("train", "valid", "test")
_DATASETS = (
    _heading("name"),
    _heading("users", right=True),
    _heading("items", right=True),
    *(_heading(split, right=True) for split in _SPLITS),
    _heading("source", flexible=True),
)
_SHORT_DATASETS = (*_DATASETS[:4], *_DATASETS[5:])  # without valid
_MODELS = (
    _heading("name"),
    _heading("kind"),
    _heading("evaluated on", right=True),
    _heading("made"),
    _heading("backbone", flexible=True),
)
_EVALUATIONS = (
    _heading("model"),
    _heading("dataset"),
    _heading("n", right=True),
    _heading("NDCG@10", right=True),
    _heading("95 % interval"),
    _heading("seen kept", right=True),
    _heading("protocol", flexible=True),
    _heading("made"),
)
# The number is what one looks for: where there is little room, the model's name is cut, not that.
_SHORT_EVALUATIONS = (_heading("model", flexible=True), *_EVALUATIONS[1:SHORT_EVALUATIONS])


def _number(value: str, style: str = "") -> Text:
    return Text(value, justify="right", style=style)


def _dataset_row(dataset: Dataset, wide: bool) -> TableLine:
    kind = "" if dataset.synthetic and dataset.platform == "synthetic" else f"{dataset.platform}, "
    source = f"{kind}{dataset.split} split"
    return TableLine(
        dataset.name,
        (
            line(dataset.name),
            _number(numbers.count(dataset.users)),
            _number(numbers.count(dataset.items)),
            *(_number(numbers.count(dataset.events.get(split, 0))) for split in _SPLITS if wide or split != "valid"),
            line(f"synthetic, {source}" if dataset.synthetic else source, "italic dim" if dataset.synthetic else "dim"),
        ),
    )


def _model_row(model: Model, evaluated: int, datasets: int) -> TableLine:
    return TableLine(
        model.name,
        (
            line(model.name),
            line(model.kind, "dim"),
            _number(f"{evaluated} of {datasets}"),
            Text(numbers.moment(model.created), style="dim"),
            line(model.backbone or model.features or numbers.NOTHING, "dim"),
        ),
    )


def _evaluation_rows(newest: Iterable[Headline], failing: frozenset[str]) -> Iterable[TableLine]:
    found = list(newest)
    named = labels(headline.evaluation for headline in found)
    for headline in found:
        evaluation = headline.evaluation
        yield TableLine(
            evaluation.key,
            (
                line(named[row_key(evaluation)]),
                line(f"! {evaluation.dataset}" if evaluation.dataset in failing else evaluation.dataset),
                _number(numbers.count(evaluation.n)),
                _number(numbers.mean(headline.masked.mean) if headline.masked else numbers.NOTHING, "bold"),
                Text(_interval(headline.masked), style="dim"),
                _number(numbers.mean(headline.kept.mean) if headline.kept else numbers.NOTHING),
                line(protocol(evaluation), "dim"),
                Text(numbers.moment(evaluation.created), style="dim"),
            ),
        )


def _interval(metric: Metric | None) -> str:
    return numbers.interval(metric.low, metric.high) if metric else numbers.NOTHING


def _remark(overview: Overview, failing: frozenset[str]) -> str:
    suspect = ", ! order fails its audit (2 says why)" if failing else ""
    newest = f"the newest {NEWEST}, " if overview.evaluations > NEWEST else "newest first, "
    return f"{newest}seen items masked, mean over events{suspect}"
