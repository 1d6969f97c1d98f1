"""The searches over settings, over Results: the trials of one of them, best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import DataTable, Static

from store.rows import Trial
from workbench.results import searches_view
from workbench.results.searches_view import SearchesView, read_searches
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.export import ExportingScreen
from workbench.ui.measured import LayerScreen
from workbench.ui.section import Section
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.shell import command
from workbench.ui.table import Table
from workbench.ui.value import ValueDialog

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet
    from engine.tuning.table import SearchTable

ABOUT_TRIALS = ("trial", "search", "step", "copy_best", "copy_again", "export", *TABLE_ACTIONS)


class SearchesScreen(ExportingScreen, LayerScreen):
    """What is stored of a search; making what is left is a job."""

    AREA = "results"
    HELP_TITLE = "Searches over settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "trial", "Trial", id="searches.trial", priority=True,
                tooltip="Everything about the trial under the cursor, with the words of its failure"),
        Binding("e", "search", "Show", id="searches.choose", tooltip="Choose another search"),
        Binding("n", "step(1)", "Next", id="searches.next", tooltip="The next search, an older one"),
        Binding("N", "step(-1)", "Before", id="searches.before", show=False, tooltip="The search before"),
        Binding("C", "copy_best", "Command", id="searches.copy_best",
                tooltip="Send the command that makes the best trial under a name of its own to the clipboard"),
        Binding("t", "copy_again", "Go on", id="searches.copy_again", show=False,
                tooltip="Send the command that makes what is left of the search to the clipboard"),
    ]  # fmt: skip

    class Loaded(Message):
        """The searches were read."""

        def __init__(self, view: SearchesView) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__()
        self.view: SearchesView | None = None
        self._wanted: int | None = None

    def body(self) -> ComposeResult:
        yield SettingsLine(id="searches-settings")
        yield Section("", id="searches-title")
        yield Static("Reading …", id="searches-empty", classes="empty", markup=False)
        yield Table(id="trials")
        yield Static(id="searches-status", classes="status", markup=False)
        with VerticalScroll(id="sheet-words"):
            yield Static(id="searches-notes", markup=False)

    def filled(self) -> None:
        for part in ("#trials", "#sheet-words", "#searches-title"):
            self.query_one(part).display = False
        self._say_settings()

    def reload(self) -> None:
        wanted = self._wanted
        self.read("searches", lambda: read_searches(self.workspace, wanted), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view != self.view:
            self.view = event.view
            self._draw()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._say_trial()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_trial()

    @property
    def shown(self) -> SearchTable | None:
        """The search that is shown."""
        return self.view.shown if self.view else None

    def action_trial(self) -> None:
        table, trial = self.shown, self._trial()
        if table is not None and trial is not None:
            words = searches_view.trial_facts(table, trial)
            self.app.push_screen(ValueDialog(f"Trial {trial.number} of search {table.search.id}", words))

    def action_search(self) -> None:
        from engine.tuning.table import counted

        if self.view is None or self.shown is None:
            return
        choices = [
            Choice(
                str(one.search.id),
                f"{one.search.id}  {one.search.model} on {one.search.dataset}",
                f"{counted(one)}: {', '.join(one.varied)}",
            )
            for one in self.view.every
        ]
        self.app.push_screen(ChoiceDialog("Search", choices, str(self.shown.search.id)), self._set_search)

    def action_step(self, step: int) -> None:
        every = self.view.every if self.view else ()
        if self.shown is None or len(every) < 2:
            self.notify("There is no other search.")
            return
        self._set_search(str(every[(every.index(self.shown) + step) % len(every)].search.id))

    def action_copy_best(self) -> None:
        if self.shown is not None and self.shown.command:
            self.bench.copy(command(list(self.shown.command), self.bench.workspace_option))
        else:
            self.notify("No trial has a number yet, so none is the best.")

    def action_copy_again(self) -> None:
        if self.shown is not None:
            self.bench.copy(command(list(self.shown.again), self.bench.workspace_option))

    def sheet(self) -> Sheet | None:
        from engine.tuning.table import sheet

        return sheet(self.shown) if self.shown else None

    def _set_search(self, chosen: str | None) -> None:
        if chosen is not None:
            self._wanted = int(chosen)
            self.reload()

    def _trial(self) -> Trial | None:
        row = self.query_one("#trials", Table).cursor_row
        return self.shown.trials[row] if self.shown and 0 <= row < len(self.shown.trials) else None

    def _draw(self) -> None:
        from engine.tuning.table import counted

        shown, view = self.shown, self.view
        assert view is not None
        self.withhold(*(() if shown else ABOUT_TRIALS))
        for part in ("#trials", "#sheet-words", "#searches-title"):
            self.query_one(part).display = shown is not None
        empty = self.query_one("#searches-empty", Static)
        empty.display = shown is None
        self._say_settings()
        if shown is None:
            empty.update(searches_view.nothing(view, self.bench.workspace_option))
        else:
            title = f"Trials on the valid events of {shown.search.dataset}"
            self.query_one(Section).say(counted(shown), " ".join(shown.fixed), title=title)
            self.query_one("#trials", Table).put(*searches_view.trials_table(shown))
            words = searches_view.notes(shown, self.bench.workspace_option)
            self.query_one("#searches-notes", Static).update(words)
        self._say_trial()

    def _say_settings(self) -> None:
        shown, every = self.shown, self.view.every if self.view else ()
        name = f"{shown.search.id}, {shown.search.model} on {shown.search.dataset}" if shown else "–"
        settings = [Setting("e", "search", name, "search")]
        if shown is not None and len(every) > 1:
            settings.append(Setting("n N", "of", f"{every.index(shown) + 1} of {len(every)}", "step(1)"))
        if shown is not None:
            settings += [Setting("C", "best", "command", "copy_best"), Setting("o", "export", "", "export")]
        self.query_one(SettingsLine).put(settings)

    def _say_trial(self) -> None:
        table, trial = self.shown, self._trial()
        words = searches_view.trial_words(table, trial) if table and trial else Text()
        status = self.query_one("#searches-status", Static)
        status.display = bool(words)
        status.update(words)
