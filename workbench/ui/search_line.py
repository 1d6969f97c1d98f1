"""The line in which a user's key is typed; the list follows while typing."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from workbench.ui.text_line import TextLine


class SearchLine(TextLine):
    """Enter opens the first user found, ↓ goes to the list, Esc back to what was shown."""

    HELP_TITLE: ClassVar[str] = "While searching"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "to_list", "To the list", id="search.list", tooltip="To the users found"),
        Binding("escape", "leave", "Leave", id="search.leave", tooltip="Back to the user shown"),
    ]

    class Typed(Message):
        """Users whose key starts with `prefix` are wanted."""

        def __init__(self, prefix: str) -> None:
            super().__init__()
            self.prefix = prefix

    class Accepted(Message):
        """The first user found is wanted."""

    class ToList(Message):
        """The focus should go to the list."""

    class Left(Message):
        """The search is over."""

    def __init__(self) -> None:
        super().__init__(id="search", placeholder="user key …", compact=True, select_on_focus=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Accepted())

    def action_to_list(self) -> None:
        self.post_message(self.ToList())

    def action_leave(self) -> None:
        self.post_message(self.Left())
