"""Data: the datasets, what is known of one, how it is spread; its items one key away."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Static
from textual.worker import get_current_worker

from engine.audit.order_figures import OrderFigures
from store.errors import Problem
from store.plain_text import plain
from store.rows import Dataset
from workbench.data import data_rows
from workbench.data.data_view import DataView, Measured, Truncation, Use, next_pass, read_data, read_pass, truncation_of
from workbench.jobs.job_actions import run_command
from workbench.launch.launching import LaunchingScreen
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.filter_line import FilterLine
from workbench.ui.numbers import count
from workbench.ui.problem import RefusedDialog
from workbench.ui.section import Section
from workbench.ui.table import Table
from workbench.ui.value import ValueDialog

WIDE = 110  # cells; below, platform, order and date stand among the facts only
NOTHING = "No dataset yet: i brings your own data in; Home (1) offers the demo, which needs no files."


class DataScreen(LaunchingScreen):
    """The list; below it the facts and the spread of the dataset under the cursor."""

    AREA = "data"
    HELP_TITLE = "Data"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "ingest", "Ingest", id="data.ingest", tooltip="Bring data in: open the form for it"),
        Binding("o,enter", "open", "Items", id="data.open",
                tooltip="The dataset's items; on a fact its whole text"),
        Binding("t", "truncation", "Truncation", id="data.truncation",
                tooltip="How many tokens cut items and histories short, for each tokenizer of the workspace"),
        Binding("r", "results", "Results", id="data.results", show=False, tooltip="The results on this dataset"),
        Binding("u", "users", "Users", id="data.users", show=False, tooltip="The users of this dataset"),
        Binding("slash", "filter", "Filter", id="data.filter", priority=True,
                tooltip="Show only datasets that contain what you type"),
    ]  # fmt: skip

    class Loaded(Message):
        """The datasets were read."""

        def __init__(self, view: DataView) -> None:
            super().__init__()
            self.view = view

    class Passed(Message):
        """A pass over a dataset was made."""

        def __init__(self, fingerprint: str, measured: Measured) -> None:
            super().__init__()
            self.fingerprint = fingerprint
            self.measured = measured

    def __init__(self) -> None:
        super().__init__()
        self.view: DataView | None = None
        self._chosen = ""
        self._measured: dict[str, Measured] = {}  # by fingerprint, for the visit
        self._truncation: dict[str, tuple[Truncation, ...]] = {}

    @property
    def dataset(self) -> Dataset | None:
        """The one under the cursor."""
        return next((one for one in self.view.datasets if one.name == self._chosen), None) if self.view else None

    def body(self) -> ComposeResult:
        yield FilterLine()
        yield Static("Reading …", id="data-empty", classes="empty", markup=False)
        yield Section("Datasets", id="data-title")
        yield Table(id="data")
        with Horizontal(id="data-parts"):
            with Vertical(id="data-left"):
                yield Section("", id="facts-title")
                yield Table(id="facts")
            with Vertical(id="data-right"):
                yield Section("", id="lengths-title")
                yield Table(id="lengths")
                yield Section("", id="categories-title")
                yield Table(id="categories")

    def filled(self) -> None:
        for table in ("#facts", "#lengths", "#categories"):
            self.query_one(table, Table).show_header = False
        self.query_one("#data-parts").display = self.query_one("#data-title").display = False
        self.query_one("#data", Table).focus()

    def reload(self) -> None:
        self.read("data", lambda: read_data(self.workspace), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view != self.view and not self.left():
            self.view = event.view
            self._draw()

    @on(Passed)
    def _learn(self, event: Passed) -> None:
        if event.measured != self._measured.get(event.fingerprint, Measured()):  # else it is gone
            self._measured[event.fingerprint] = event.measured
            self._draw_chosen()

    def on_resize(self) -> None:
        self._draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self._draw()

    @on(DataTable.RowHighlighted, "#data")
    def _moved(self) -> None:
        row = self.query_one("#data", Table).line_at_cursor()
        if row is not None and row.key != self._chosen:
            self._chosen = row.key
            self._draw_chosen()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_ingest(self) -> None:
        self.launch_ingest()

    def action_open(self) -> None:
        from workbench.data.items import ItemsScreen

        dataset = self.dataset
        if dataset is None:
            return
        if self.focused is self.query_one("#facts"):
            name, value = self._facts(dataset)[self.query_one("#facts", Table).cursor_row]
            self.app.push_screen(ValueDialog(name, value))
        else:
            self.app.push_screen(ItemsScreen(dataset))

    def action_truncation(self) -> None:
        dataset = self.dataset
        if dataset is not None and dataset.fingerprint not in self._truncation:
            self.notify(f"Counting the tokens of {plain(dataset.name)} …", markup=False)
            self.run_worker(self._count_tokens(dataset), group="truncation", exclusive=True, exit_on_error=False)

    def action_results(self) -> None:
        if self.dataset is None:
            return
        self.ui_state.results.dataset = self.dataset.name
        self.bench.remember()
        self.bench.action_area("results")

    def action_users(self) -> None:
        if self.dataset is None:
            return
        if self.ui_state.users.dataset != self.dataset.name:
            self.ui_state.users = replace(self.ui_state.users, dataset=self.dataset.name, user="", event=-1)
        self.bench.remember()
        self.bench.action_area("users")

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    async def _count_tokens(self, dataset: Dataset) -> None:
        """In a process of its own: tokenizers are no business of this one."""
        try:
            printed = await run_command(
                ["datasets", "--json", *(["--no-keep"] if self.bench.readonly else []), "--", dataset.name],
                str(self.workspace.folder.absolute()),
            )
            self._truncation[dataset.fingerprint] = truncation_of(printed)
        except Problem as problem:
            self.app.push_screen(RefusedDialog(problem))
        self._draw_chosen()

    def _facts(self, dataset: Dataset) -> list[data_rows.Fact]:
        assert self.view is not None
        measured = self._measured.get(dataset.fingerprint, Measured())
        use = self.view.used.get(dataset.name, Use())
        order = self.view.order.get(dataset.name, OrderFigures())
        return data_rows.facts(dataset, use, measured, order, self._truncation.get(dataset.fingerprint))

    def _draw(self) -> None:
        view = self.view
        if view is None:
            return
        wanted = self.query_one(FilterLine).wanted
        columns = len(data_rows.DATASETS) if self.size.width >= WIDE else data_rows.SHORT_DATASETS
        rows = [data_rows.dataset_row(one) for one in view.datasets]
        rows = [row for row in rows if not wanted or any(wanted in cell.plain.lower() for cell in row.cells)]
        rows = [replace(row, cells=row.cells[:columns]) for row in rows]
        empty = self.query_one("#data-empty", Static)
        empty.display = not view.datasets
        empty.update(NOTHING)
        total = count(len(view.datasets))
        title = self.query_one("#data-title", Section)
        title.display = bool(view.datasets)
        title.say(total if len(rows) == len(view.datasets) else f"{count(len(rows))} of {total}")
        table = self.query_one("#data", Table)
        table.display = bool(rows)
        table.put(data_rows.DATASETS[:columns], rows)
        keys = [row.key for row in rows]
        if self._chosen not in keys:
            self._chosen = keys[min(table.cursor_row, len(keys) - 1)] if keys else ""
        elif table.cursor_row != keys.index(self._chosen):
            table.move_cursor(row=keys.index(self._chosen))
        self._draw_chosen()

    def _draw_chosen(self) -> None:
        dataset = self.dataset
        nothing = ("open", "truncation", "results", "users", *TABLE_ACTIONS) if dataset is None else ()
        self.withhold(*nothing, *(() if self.view and self.view.datasets else ("filter",)))
        self.query_one("#data-parts").display = dataset is not None
        if dataset is None:
            return
        measured = self._measured.get(dataset.fingerprint, Measured())
        self.query_one("#facts-title", Section).say(title=dataset.name)
        rows = [data_rows.fact_row(number, fact) for number, fact in enumerate(self._facts(dataset))]
        self.query_one("#facts", Table).put(data_rows.FACTS, rows)
        self._draw_bars(measured)
        if next_pass(measured):
            self._measure(dataset, measured)

    def _draw_bars(self, measured: Measured) -> None:
        share = self.size.width >= WIDE
        bar = max(8, self.size.width // 8)
        lengths, lengths_of = self.query_one("#lengths", Table), self.query_one("#lengths-title", Section)
        last = measured.splits[-1] if measured.splits else None
        lengths_of.say(f"{last.split} events" if last else "…" if measured.splits is None else "no events",
                       title="History lengths")  # fmt: skip
        lengths.put(data_rows.bar_headings(bar, share=share),
                    data_rows.length_bars(last, bar, share=share) if last else [])  # fmt: skip
        categories, categories_of = self.query_one("#categories", Table), self.query_one("#categories-title", Section)
        known = measured.categories
        categories_of.say("…" if known is None else count(len(known)), title="Categories")
        categories.put(data_rows.bar_headings(bar, share=share),
                       data_rows.category_bars(known or (), bar, share=share))  # fmt: skip

    def _measure(self, dataset: Dataset, measured: Measured) -> None:
        """One pass more; it is broken off where the cursor goes on, or the workbench is left."""

        def query() -> Measured:
            worker = get_current_worker()
            return read_pass(self.workspace, dataset, measured, lambda: worker.is_cancelled)

        self.read("measure", query, partial(self.Passed, dataset.fingerprint))
