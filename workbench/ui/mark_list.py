"""A list of which several entries can be marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.ui.choice import Choice
from workbench.ui.display import line


class MarkList(OptionList, inherit_bindings=False):
    """`[x] films  7,000 train events`: Space or Enter marks; at either end ↑ and ↓ leave the list."""

    HELP_TITLE: ClassVar[str] = "In a list to mark"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space,enter",
            "mark",
            "Mark",
            id="marks.mark",
            show=False,
            priority=True,
            tooltip="Mark it, or take the mark away",
        ),
        Binding("down,j", "move(1)", "Down", id="marks.down", show=False, priority=True, tooltip="The next one"),
        Binding("up,k", "move(-1)", "Up", id="marks.up", show=False, priority=True, tooltip="The one before"),
    ]

    class Changed(Message):
        """Other entries are marked."""

    def __init__(self, *, marked: Sequence[str], id: str | None = None) -> None:
        super().__init__(id=id, compact=True, markup=False)
        self._choices: tuple[Choice, ...] | None = None
        self._marked = tuple(marked)

    @property
    def marked(self) -> tuple[str, ...]:
        """The values marked, in the order of the list; until that is known, those that were marked before."""
        if self._choices is None:
            return self._marked
        return tuple(choice.value for choice in self._choices if choice.value in self._marked)

    def put(self, choices: Sequence[Choice]) -> None:
        """Offer these; marks of those that are still there stay."""
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self.clear_options()
            self.add_options([Option(self._prompt(choice)) for choice in choices])
            self.highlighted = 0 if choices else None

    def action_mark(self) -> None:
        if self.highlighted is None or self._choices is None:
            return
        value = self._choices[self.highlighted].value
        self._marked = tuple(v for v in self._marked if v != value) if value in self._marked else (*self._marked, value)
        self.replace_option_prompt_at_index(self.highlighted, self._prompt(self._choices[self.highlighted]))
        self.post_message(self.Changed())

    def action_move(self, step: int) -> None:
        place = (self.highlighted if self.highlighted is not None else -step) + step
        if 0 <= place < self.option_count:
            self.highlighted = place
        elif step > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()  # a click: the highlight is there already
        self.highlighted = event.option_index
        self.action_mark()

    def _prompt(self, choice: Choice) -> Text:
        text = Text("[x] " if choice.value in self._marked else "[ ] ", no_wrap=True, overflow="ellipsis")
        text.append_text(line(choice.label))
        return text.append("  ").append_text(line(choice.remark, "dim")) if choice.remark else text
