"""What all areas share: the frame, reading in threads, copying, and going one layer back."""

from __future__ import annotations

import sqlite3
from asyncio import sleep
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import ScreenResume
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Input
from textual.worker import Worker, WorkerState

from store.errors import explain
from store.workspace import Workspace
from workbench.ui.bar import Bar
from workbench.ui.filter_line import FilterLine
from workbench.ui.key_line import KeyLine
from workbench.ui.reading import View, read
from workbench.ui.section import Section
from workbench.ui.table import Table
from workbench.ui.too_small import TooSmall
from workbench.ui.ui_state import UiState

if TYPE_CHECKING:
    from workbench.application import Workbench


# Of every area; they are about a table. An area without content withholds them.
TABLE_ACTIONS = ("copy_cell", "copy_view", "pager", "maximise")


class BodyReady(Message):
    """The parts of an area are mounted."""


class Body(Vertical):
    """Holds what an area's `body` yields."""

    def __init__(self) -> None:
        super().__init__(id="body")

    def compose(self) -> ComposeResult:
        area = self.screen
        assert isinstance(area, AreaScreen)
        yield from area.body()

    def on_mount(self) -> None:
        self.post_message(BodyReady())


class AreaScreen(Screen[None], inherit_bindings=False):
    """One area. Subclasses give `body`, `reload` and their bindings; the rest is the same everywhere."""

    AREA: ClassVar[str] = ""
    HELP_TITLE: ClassVar[str] = ""
    AUTO_FOCUS = ""
    FIRST_TABLES: ClassVar[tuple[str, ...]] = ("Table",)  # that take the focus where nothing has it, likeliest first
    ALLOW_IN_MAXIMIZED_VIEW = "Bar, KeyLine, TooSmall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next part", id="area.next", show=False, tooltip="To the next part"),
        Binding("shift+tab", "app.focus_previous", "Part before", id="area.back", show=False,
                tooltip="To the part before"),
        Binding("ctrl+c,super+c", "screen.copy_text", "Copy selection", id="area.copy_selection", show=False,
                tooltip="Copy text selected with the mouse"),
        Binding("escape", "back", "Back", id="area.escape", show=False, tooltip="One layer back; never quits"),
        Binding("y", "copy_cell", "Copy", id="area.copy", tooltip="Send what the cursor is on to the clipboard"),
        Binding("Y", "copy_view", "Copy table", id="area.copy_view", show=False,
                tooltip="Send the whole table to the clipboard, separated by tabs"),
        Binding("V", "pager", "Pager", id="area.pager", show=False, tooltip="Read the whole table in $PAGER"),
        Binding("ctrl+r,f5", "reload", "Read again", id="area.reload", show=False,
                tooltip="Read the workspace again now"),
        Binding("z", "maximise", "Maximise", id="area.maximise", show=False,
                tooltip="Give the focused part the whole screen; Esc gives it back"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        # A new screen is styled as things are now. Textual takes it for one that missed a change of theme, and would
        # read every style anew before the first frame of every area.
        self._css_update_count = self.app._css_update_count
        self._styled = -1  # which of the app's styles the area was last drawn with
        self._generation = -1
        self._filled = False
        self._withheld: frozenset[str] = frozenset()
        self._newest: Worker[None] | None = None  # the read that was started last
        self._refresh: Worker[None] | None = None  # the newest read for the workspace as it was at `_generation`

    @property
    def bench(self) -> Workbench:
        return cast("Workbench", self.app)

    @property
    def workspace(self) -> Workspace:
        return self.bench.workspace

    @property
    def ui_state(self) -> UiState:
        return self.bench.ui_state

    def compose(self) -> ComposeResult:
        yield Bar(self.AREA, str(self.workspace.folder), readonly=self.bench.readonly)
        if self.bench.painted:
            yield Body()
        yield KeyLine()
        yield TooSmall()

    def body(self) -> ComposeResult:
        """What lies between the first line and the footer."""
        yield from ()

    def reload(self) -> None:
        """Start reading what this area shows; equal data changes nothing on the screen."""

    def refresh_if_stale(self) -> None:
        """Read again if the workspace changed since this area last did, and its parts are there.

        A read under way is let come to its end first: jobs that write each second would else never let a longer one.
        """
        under_way = self._refresh is not None and not self._refresh.is_finished
        if self._filled and self._generation != self.bench.generation and not under_way:
            self._generation = self.bench.generation
            self._newest = None
            self.reload()
            self._refresh = self._newest

    def left(self) -> bool:
        """Whether another area is shown by now. Then what was read for this one is not worth drawing: the one that is
        shown would wait for it, and this one reads again when it is back."""
        if self in self.app.screen_stack:
            return False
        self._generation = -1
        return True

    def mount_body(self) -> None:
        """Add what lies between the first line and the last, where it is not there yet."""
        if not self.query(Body):
            self.mount(Body(), after="#bar")

    def filled(self) -> None:
        """The body is there: draw what is known without reading, and set the focus."""

    def _screen_resized(self, size: Size) -> None:
        """Textual lays a screen out and draws what changed of it whenever it is shown. It is drawn in full right after
        that, and where it has its size already, that is enough."""
        if size != self._size:
            super()._screen_resized(size)

    def on_screen_resume(self, event: ScreenResume) -> None:
        self._compositor.update_widgets({self})  # nothing of it stands there: its first frame is a whole one
        # Nothing looks different than when this area was left, unless the theme changed: drawing costs half a frame.
        styled = self.app._css_update_count
        event.refresh_styles = styled != self._styled
        self._styled = styled
        if self.query(Body):
            self.refresh_if_stale()
        elif self.bench.painted:  # left again before the first frame was there
            self.mount_body()

    @on(BodyReady)
    def _body_ready(self) -> None:
        self._filled = True
        self.filled()
        self.refresh_bindings()
        self.refresh_if_stale()
        self.bench.keep()

    def read(self, group: str, query: Callable[[], View], answer: Callable[[View], Message]) -> None:
        """Run `query` in a thread of its own and post what `answer` makes of it.

        Of several in one group only the newest is answered. A failure becomes a dialog; the app lives on.
        """
        self._newest = read(self, group, query, answer)

    def rest(self, group: str, seconds: float, act: Callable[[], None]) -> Worker[None]:
        """Call `act` once it was not asked for again in this group for so many seconds: a held key acts once."""
        return self.run_worker(partial(_rested, seconds, act), group=group, exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker is self._refresh and event.worker.is_finished and self.is_current:
            self.refresh_if_stale()  # what changed meanwhile
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            error = event.worker.error
            if isinstance(error, sqlite3.Error):
                error = explain(error, self.workspace.database)
            self.bench.show_problem(error)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`/` opens a line before the next key arrives (priority), but is a letter while one is typed in."""
        if not self._filled:  # keys typed ahead of the first frame find nothing to act on yet
            return False
        return not self.withholds(action) and not (action in ("search", "filter") and isinstance(self.focused, Input))

    def withhold(self, *actions: str) -> None:
        """Switch off exactly these actions, which have nothing to act on in what is shown now."""
        if frozenset(actions) != self._withheld:
            self._withheld = frozenset(actions)
            self.refresh_bindings()

    def withholds(self, action: str) -> bool:
        """Whether an action, with parameters or without, has nothing to act on now."""
        return action.partition("(")[0] in self._withheld

    def action_reload(self) -> None:
        self.bench.look_again()
        self.reload()

    def action_back(self) -> None:
        if self.maximized is not None:
            self.minimize()
            return
        for opened in self.query(FilterLine):
            if opened.display:
                opened.action_drop()

    def action_maximise(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif isinstance(self.focused, DataTable):
            self.maximized = _pane(self.focused)  # `maximize` takes only what can be focused

    def action_copy_cell(self) -> None:
        if isinstance(self.focused, Table) and self.focused.cell_text():
            self.bench.copy(self.focused.cell_text())
        else:
            self.notify("Nothing is under the cursor: move into a table first.", severity="warning")

    def action_copy_view(self) -> None:
        if text := self.view_text():
            self.bench.copy(text)

    def action_pager(self) -> None:
        from workbench.ui.external_programs import in_pager

        if text := self.view_text():
            in_pager(self.app, text)

    def view_text(self) -> str:
        """The focused table, or the only one, separated by tabs; "" and a word about it if there is none."""
        table = self.focused if isinstance(self.focused, Table) else next(iter(self.query(Table)), None)
        if table is None or not table.row_count:
            self.notify("There is no table here.", severity="warning")
            return ""
        return table.as_text()

    @on(Table.Appeared)
    def _focus_first_table(self) -> None:
        """Focus a table where nothing has the focus: an area that was empty hid its tables, and they lost it."""
        if self.focused is None:
            tables = (table for kind in self.FIRST_TABLES for table in self.query(kind).results(Table))
            first = next((table for table in tables if table.row_count and table.focusable), None)
            self.set_focus(first)

    @on(FilterLine.Left)
    def _leave_filter(self) -> None:
        for table in self.query(Table):
            if table.display:
                table.focus()
                return


async def _rested(seconds: float, act: Callable[[], None]) -> None:
    await sleep(seconds)
    act()


def _pane(table: DataTable[Text]) -> Widget:
    """A table with the heading that says what it is, where that belongs to it alone."""
    pane = table.parent
    if not isinstance(pane, Widget) or isinstance(pane, Body):
        return table
    return pane if len(pane.query(Section)) == len(pane.query(DataTable)) == 1 else table
