"""Users: one history and its target, beside what two or three models recommend."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Static

from store.enums import Seen
from store.plain_text import plain
from store.rows import Item
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.display import line, title
from workbench.ui.item import ItemDialog
from workbench.ui.search_line import SearchLine
from workbench.ui.section import Section
from workbench.ui.settings_line import SettingsLine
from workbench.ui.shell import command
from workbench.ui.table import Table
from workbench.users.choices import SIDES
from workbench.users.history_panel import HistoryPanel
from workbench.users.people import UsersFindingScreen
from workbench.users.side_panel import SidePanel
from workbench.users.user_event import ModelColumn, UsersView

if TYPE_CHECKING:
    from pathlib import Path

ABOUT_EVENTS = ("item", "event", "edit", "why", "side", "top", "seen", *TABLE_ACTIONS)
ABOUT_DATASETS = ("search", "step", "ask", "dataset", *ABOUT_EVENTS)


class UsersScreen(UsersFindingScreen):
    """Finds users by key, at random, one after another, or by a question about what models found."""

    AREA = "users"
    HELP_TITLE = "Users"
    FIRST_TABLES = ("#history", "#people-list")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Find", id="users.search", priority=True,
                tooltip="Find a user by the first letters of the key"),
        Binding("n", "step('next')", "Next", id="users.next",
                tooltip="The next event that answers the question, or of the left evaluation where none is asked"),
        Binding("r", "step('random')", "Random", id="users.random", show=False, tooltip="One of them drawn at random"),
        Binding("f", "ask", "Ask", id="users.ask", show=False,
                tooltip="Only events that answer a question, such as A in top 10, B not in top 50; Esc ends it"),
        Binding("e", "edit", "Edit", id="users.edit",
                tooltip="Edit this history (drop, add, move) and rank again"),
        Binding("p", "step('previous')", "Previous", id="users.previous", show=False, tooltip="The event before"),
        Binding("left_square_bracket", "step('earlier')", "Earlier", id="users.earlier", show=False,
                tooltip="This user's event before"),
        Binding("right_square_bracket", "step('later')", "Later", id="users.later", show=False,
                tooltip="This user's next event"),
        Binding("d", "dataset", "Dataset", id="users.dataset", show=False, tooltip="Choose the dataset"),
        Binding("a", "side('left')", "Left model", id="users.left", show=False,
                tooltip="Choose the evaluation on the left"),
        Binding("b", "side('right')", "Right model", id="users.right", show=False,
                tooltip="Choose the evaluation on the right"),
        Binding("c", "side('third')", "Third model", id="users.third", show=False,
                tooltip="Choose a third evaluation beside them, or none"),
        Binding("plus,equals_sign", "top(1)", "More items", id="users.more", show=False, tooltip="The top 50"),
        Binding("minus", "top(-1)", "Fewer items", id="users.fewer", show=False, tooltip="The top 10"),
        Binding("x", "seen", "Seen", id="users.seen", show=False,
                tooltip="Mask items of the history, or keep them among the candidates"),
        Binding("enter", "item", "Item text", id="users.item", show=False,
                tooltip="Everything stored about the item under the cursor"),
        Binding("i", "event", "About", id="users.about", show=False,
                tooltip="This event in full: where each model has the target, its score, and the protocol"),
        Binding("w", "why", "Why", id="users.why",
                tooltip="How much each entry of the history adds to the score of the item under the cursor, the target"
                        " included; in the history the left model is asked"),
    ]  # fmt: skip

    def body(self) -> ComposeResult:
        yield SettingsLine(id="users-settings")
        yield Static(id="users-empty", classes="empty", markup=False)
        with Horizontal(id="users"):
            with Vertical(id="people"):
                yield Section("Users", id="people-title")
                yield SearchLine()
                yield Table(id="people-list")
            with Vertical(id="visit"):
                yield HistoryPanel(id="past")
                with Horizontal(id="sides"):
                    yield SidePanel("a", id="left")
                    yield SidePanel("b", id="right")
                    yield SidePanel("c", id="third")

    def filled(self) -> None:
        self.query_one("#users").display = False
        self.query_one("#users-empty").display = False

    @on(UsersFindingScreen.Loaded)
    def _show(self, event: UsersFindingScreen.Loaded) -> None:
        self.arrived()
        if event.view == self.view:
            return
        before, self.view = self.view, event.view
        if event.view.message:
            self.notify(plain(event.view.message), severity="warning", markup=False)
        if event.view.matching is None:
            self.choice.question = ""  # one that cannot be asked here was told about, and is among those asked before
        self._draw()
        others = before is None or before.dataset != event.view.dataset  # another, or the same one made anew
        if event.view.dataset is not None and (others or (before and before.matching != event.view.matching)):
            self.list_users("")

    def on_resize(self) -> None:
        if self.view is not None and self.view.user_event is not None:
            self._draw()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if event.data_table.id == "people-list":
            self.open_row(event.cursor_row)
        else:
            self.action_item()

    def action_back(self) -> None:
        if self.maximized is not None:
            super().action_back()
        elif self.has_class("-searching") or (self.focused is not None and self.focused.id == "people-list"):
            self.end_search()
        elif self.choice.question:
            self.ask("")

    def action_step(self, step: str) -> None:
        self.step(step)

    def action_item(self) -> None:
        item = self._item_at_cursor()
        if item is not None:
            self.app.push_screen(ItemDialog(item))

    def action_event(self) -> None:
        if self.view is not None and self.view.user_event is not None:
            from workbench.users.event import EventDialog

            self.app.push_screen(EventDialog(self.view.user_event, masked=self.choice.seen == Seen.MASK))

    def action_edit(self) -> None:
        side = self._side_at_cursor()
        if self.view is None or self.view.user_event is None or side is None:
            self.notify("No evaluation of this dataset is stored: there is no model to rank with.", severity="warning")
            return
        from workbench.users.edit_history import EditHistoryScreen  # with all that Users alone does not need

        masked = self.choice.seen == Seen.MASK
        self.app.push_screen(
            EditHistoryScreen(
                self.view.user_event, self.view.evaluations, side.evaluation, masked=masked, top=self.choice.top
            )
        )

    def action_why(self) -> None:
        side, user_event = self._side_at_cursor(), self.view.user_event if self.view else None
        item = self._item_at_cursor()
        if user_event is not None and side is not None and item is None:  # the cursor is in the list of users
            item = self.query_one(f"#{SIDES[user_event.sides.index(side)]}", SidePanel).item_at_cursor()
        if user_event is None or side is None or item is None:
            self.notify("No model recommends anything here that could be explained.", severity="warning")
            return
        from workbench.users.why import WhyDialog

        items = [history_row.item for history_row in user_event.history]
        entries = (*user_event.older, *(item.item for item in items))
        labels = [title(item) for item in items]
        self.app.push_screen(WhyDialog(side.evaluation.key, side.label, item, entries, labels, side.picks))

    def _side_at_cursor(self) -> ModelColumn | None:
        """The answer under the cursor, else the first that there is."""
        user_event = self.view.user_event if self.view else None
        if user_event is None:
            return None
        focused = self.focused.id if self.focused is not None else ""
        at = next(
            (side for name, side in zip(SIDES, user_event.sides, strict=False) if focused == f"{name}-picks"), None
        )
        return at or user_event.left or user_event.right

    def _item_at_cursor(self) -> Item | None:
        table = self.focused
        if self.view is None or self.view.user_event is None or not isinstance(table, Table):
            return None
        panel = table.parent
        return panel.item_at_cursor() if isinstance(panel, HistoryPanel | SidePanel) else None

    def _draw(self) -> None:
        view = self.view
        assert view is not None
        user_event = view.user_event
        self.say_settings()
        self.withhold(*(ABOUT_DATASETS if view.dataset is None else ABOUT_EVENTS if user_event is None else ()))
        self.query_one("#users").display = view.dataset is not None
        self.query_one("#visit").visible = user_event is not None
        empty = self.query_one("#users-empty", Static)
        empty.display = user_event is None
        if user_event is None:
            empty.update(_nothing(view, self.bench.workspace_option))
            return
        self.choice.dataset, self.choice.user, self.choice.event = (
            user_event.dataset.name,
            user_event.user,
            user_event.event.event,
        )
        self.bench.remember()
        self.query_one(HistoryPanel).put(user_event)
        masked = self.choice.seen == Seen.MASK
        self.query_one("#third").display = len(user_event.sides) > 2
        self.query_one("#sides").set_class(len(user_event.sides) > 2, "-three")
        for name, side in zip(SIDES, user_event.sides, strict=False):
            self.query_one(f"#{name}", SidePanel).put(side, user_event.dataset, user_event.length, masked=masked)


def _nothing(view: UsersView, option: Path | None) -> Text:
    if view.dataset is None:
        text = Text("No users yet: there is no dataset. Home (1) says how to get one.\n")
        return text.append(command(["demo"], option), style="bold")
    words = view.message or f"{view.dataset.name} has no event to look at."
    return line(f"{words} Choose another dataset with d, or find a user with /.")
