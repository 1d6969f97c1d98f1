"""The history that is edited, oldest first, and which of its entries the model did not read."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from workbench.ui import numbers
from workbench.ui.display import line
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine
from workbench.users.history_draft import HistoryDraft, HistoryEntry

UNREAD, WORDS = "·", '"'
_HEADINGS = (
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text(" "), width=1),
    Heading(Text("title", style="dim"), flexible=True),
)


class EditedPanel(Vertical):
    """A table whose cursor stays on its entry when that is moved."""

    def compose(self) -> ComposeResult:
        yield Section("History", id="edit-title")
        yield Table(id="edited")

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    def put(self, history_draft: HistoryDraft, visible: int | None) -> None:
        """Show the entries; visible: how many of the newest the model read, None where that is not known."""
        count = len(history_draft.query)
        read = count if visible is None else visible
        words = ["edited" if history_draft.changed else "as stored", "J K move"]
        if read < count:
            words.append(f"{UNREAD} not read")
        if any(entry.item is None for entry in history_draft.entries):
            words.append(f"{WORDS} words")
        if history_draft.older:
            words.append(f"the newest {numbers.count(len(history_draft.entries))} shown")
        self.query_one(Section).say(numbers.counted(count, "item"), "  ".join(words))
        self.table.show_header = not self.screen.has_class("-short")  # on 24 lines one more entry matters more
        first, unread = len(history_draft.older), count - read
        rows = [_line(first + row + 1, entry, first + row < unread) for row, entry in enumerate(history_draft.entries)]
        self.table.put(_HEADINGS, rows)

    def cursor_index(self, history_draft: HistoryDraft) -> int:
        """The place of the entry under the cursor."""
        return min(self.table.cursor_row, max(0, len(history_draft.entries) - 1))


def _line(number: int, entry: HistoryEntry, unread: bool) -> TableLine:
    mark = WORDS if entry.item is None else UNREAD if unread else " "
    return TableLine(
        str(entry.number),
        (
            Text(numbers.count(number), justify="right", style="dim"),
            Text(mark, style="bold"),
            line(entry.label, "dim" if unread else ""),
        ),
    )
