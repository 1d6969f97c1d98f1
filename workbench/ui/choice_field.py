"""One line of a form with one of several values: ← and → change it, Enter lists them all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.widget import Widget

from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.display import line


class ChoiceField(Widget, can_focus=True):
    """`‹ nopre ›  sequence-item`: the value and its remark."""

    HELP_TITLE: ClassVar[str] = "In a choice"
    # Priority here and in `MarkList` and the form: keys typed ahead are then obeyed in their order, whatever they move.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "right,l,space",
            "step(1)",
            "Next",
            id="choice_field.next",
            show=False,
            priority=True,
            tooltip="The next value",
        ),
        Binding(
            "left,h",
            "step(-1)",
            "Before",
            id="choice_field.before",
            show=False,
            priority=True,
            tooltip="The value before",
        ),
        Binding(
            "enter", "list", "List", id="choice_field.list", show=False, priority=True, tooltip="All values in a list"
        ),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        value: str,
        changed: Callable[[], Awaitable[None] | None],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._changed = changed  # no message: what is typed ahead must meet the form as the new value makes it
        self._title = title
        self._choices = tuple(choices)
        self.value = value
        self.remark = ""

    def put(self, choices: Sequence[Choice]) -> None:
        """Offer these values; one that was chosen stays, also where it is not among them."""
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self.refresh()

    def say(self, remark: str) -> None:
        """What stands beside the value, instead of its own remark."""
        if remark != self.remark:
            self.remark = remark
            self.refresh()

    def render(self) -> Text:
        text = Text("‹ ", no_wrap=True, overflow="ellipsis")
        text.append_text(line(self.value, "bold")).append(" ›")
        remark = self.remark or next((c.remark for c in self._choices if c.value == self.value), "")
        return text.append("  ").append_text(line(remark, "dim")) if remark else text

    async def action_step(self, step: int) -> None:
        values = [choice.value for choice in self._choices]
        if values:
            place = values.index(self.value) if self.value in values else -step
            await self._set(values[(place + step) % len(values)])

    def action_list(self) -> None:
        self.app.push_screen(ChoiceDialog(self._title, self._choices, self.value), self._set)

    def on_click(self, event: Click) -> None:
        self.action_list()

    async def _set(self, value: str | None) -> None:
        if value is not None and value != self.value:
            self.value = value
            self.refresh()
            done = self._changed()
            if isawaitable(done):
                await done
