"""A user's history with its target: the target stays in sight while the history is scrolled."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from store.rows import Item
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.section import Section
from workbench.ui.table import Table
from workbench.users.history_rows import HEADINGS, history
from workbench.users.side_panel import TARGET
from workbench.users.user_event import HISTORY_LIMIT, UserEventView


class HistoryTable(Table):
    """The history, oldest first, and the target as its last row."""

    class Scrolled(Message):
        """Other rows are in sight."""

    @property
    def at_end(self) -> bool:
        """Whether the last row is in sight."""
        return self.scroll_offset.y >= self.max_scroll_y

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())

    def watch_virtual_size(self) -> None:
        self.post_message(self.Scrolled())

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.post_message(self.Scrolled())


class HistoryPanel(Vertical):
    """The table under a heading; the target has a line of its own below while its row is out of sight."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._user_event: UserEventView | None = None

    def compose(self) -> ComposeResult:
        yield Section("User", id="visit-title")
        yield HistoryTable(id="history")
        yield Static(id="history-target", markup=False)

    @property
    def table(self) -> HistoryTable:
        return self.query_one(HistoryTable)

    def put(self, user_event: UserEventView) -> None:
        """Show this event: another event with the cursor on its target, the same one with the cursor where it is."""
        before, self._user_event = self._user_event, user_event
        which = (
            f"{user_event.event.split} event {user_event.number} of {user_event.of_user}"
            if user_event.of_user > 1
            else "1 event"
        )
        remark = f"{which}, {numbers.counted(user_event.length, 'item')} before the target"
        if user_event.length > HISTORY_LIMIT:
            remark += f", the newest {HISTORY_LIMIT} shown"
        self.query_one(Section).say("", remark, title=user_event.user)
        self.table.put(HEADINGS, history(user_event))
        if before is None or _which(before) != _which(user_event):
            self.table.action_last_row()
        self.query_one("#history-target", Static).update(_target(user_event))

    def item_at_cursor(self) -> Item | None:
        """The item under the cursor, the target's included."""
        if self._user_event is None:
            return None
        shown, row = (*self._user_event.history, self._user_event.target), self.table.cursor_row
        return shown[row].item if 0 <= row < len(shown) else None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """What heading and table need: the target's line takes its room from the table."""
        heading = self.query_one(Section)
        return 1 + heading.styles.margin.height + self.table.get_content_height(container, viewport, width)

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self.table.move_cursor(row=self.table.cursor_row))  # scrolls it into sight

    @on(HistoryTable.Scrolled)
    def _keep_target_in_sight(self, event: HistoryTable.Scrolled) -> None:
        event.stop()
        self.set_class(not self.table.at_end, "-scrolled")


def _which(user_event: UserEventView) -> tuple[str, int]:
    """What tells an event from others; a dataset that was replaced numbers its events anew."""
    return user_event.dataset.fingerprint, user_event.event.event


def _target(user_event: UserEventView) -> Text:
    """The target as its row has it, in one line."""
    target = user_event.target
    words = [numbers.count(target.position), numbers.day(target.timestamp), f"rated {numbers.rating(target.rating)}"]
    known = [word for word in words if not word.endswith(numbers.NOTHING)]
    text = Text(f"{TARGET}  ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append("  ".join(known), style="not bold")
    return text.append("  ").append_text(line(title(target.item)))
