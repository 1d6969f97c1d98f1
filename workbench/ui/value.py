"""The dialog with the whole of a value that its table cuts."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from store.plain_text import plain
from workbench.ui.dialog import READABLE, Dialog
from workbench.ui.display import whole


class ValueDialog(Dialog[None]):
    """`name` is its title."""

    HINT = "Esc closes · j k scroll · v pager · y copy"
    BINDINGS = READABLE

    def __init__(self, name: str, value: str) -> None:
        super().__init__(plain(name))
        self.value = value

    def content(self) -> ComposeResult:
        yield Static(whole(self.value), id="value")

    def as_text(self) -> str:
        return plain(self.value, keep_lines=True)
