"""The line that `/` opens: what is typed narrows the lists of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from workbench.ui.text_line import TextLine


class FilterLine(TextLine):
    """Hidden until opened. Enter keeps the filter, Esc drops it; opening it again recalls the last one."""

    HELP_TITLE: ClassVar[str] = "While filtering"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "Clear", id="filter.drop", tooltip="Drop the filter and go back"),
        Binding("down", "keep", "To the list", id="filter.keep", tooltip="Keep the filter, go to the list"),
    ]

    class Applied(Message):
        """The lists should show what contains `text`, whatever its case; empty shows all."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The focus should go back to the list."""

    def __init__(self, *, id: str = "filter", placeholder: str = "filter") -> None:
        super().__init__(id=id, placeholder=placeholder, compact=True, select_on_focus=True)
        self._last = ""
        self.display = False

    @property
    def wanted(self) -> str:
        """The filter in force, in lower case."""
        return self.value.strip().lower() if self.display else ""

    def open(self) -> None:
        self.value = self.value or self._last
        self.display = True
        self.screen.set_focus(self)  # at once: what is typed ahead belongs into the line

    def action_drop(self) -> None:
        self._last = self.value or self._last
        self.display = False
        self.value = ""
        self.post_message(self.Applied(""))
        self.post_message(self.Left())

    def action_keep(self) -> None:
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Applied(self.wanted))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.value.strip():
            self._last = self.value
            self.post_message(self.Left())
        else:
            self.action_drop()
