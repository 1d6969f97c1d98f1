"""The dialog that asks before something is done that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from workbench.ui.dialog import Dialog
from workbench.ui.display import whole


class ConfirmDialog(Dialog[bool]):
    """Dismisses with True where Enter or y was pressed; every other way out is no."""

    HINT = "Enter does it · Esc leaves it as it is"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "confirm", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n", "close", "No", id="confirm.no", show=False, tooltip="Leave it as it is"),
    ]

    def __init__(self, title: str, words: str) -> None:
        super().__init__(title)
        self.words = words

    def content(self) -> ComposeResult:
        yield Static(whole(self.words), id="confirm")

    def action_confirm(self) -> None:
        self.dismiss(True)
