"""The dialog that asks for one of several things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.display import brief, line
from workbench.screens.dialog import Dialog

LONGEST = 140  # characters of a label or a remark, about two lines: the others must stay in sight


@dataclass(frozen=True)
class Choice:
    """What can be chosen: the value it stands for, its label and a remark in a quieter voice."""

    value: str
    label: str
    remark: str = ""


class ChoiceDialog(Dialog[str]):
    """Dismisses with the value chosen, or None."""

    HINT = "Enter chooses · Esc leaves it as it is"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", id="choice.down", show=False, tooltip="The next one"),
        Binding("k,up", "move(-1)", "Up", id="choice.up", show=False, tooltip="The one before"),
        Binding("g,home", "first", "First", id="choice.first", show=False, tooltip="The first"),
        Binding("G,end", "last", "Last", id="choice.last", show=False, tooltip="The last"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], current: str) -> None:
        super().__init__(title)
        self._choices = tuple(choices)
        self._current = current

    def content(self) -> ComposeResult:
        options = [Option(_prompt(choice, choice.value == self._current)) for choice in self._choices]
        yield OptionList(*options, id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        values = [choice.value for choice in self._choices]
        options = self.query_one(OptionList)
        options.highlighted = values.index(self._current) if self._current in values else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index].value)

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_first(self) -> None:
        self.query_one(OptionList).action_first()

    def action_last(self) -> None:
        self.query_one(OptionList).action_last()


def _prompt(choice: Choice, current: bool) -> Text:
    text = Text("» " if current else "  ", no_wrap=True, overflow="ellipsis")
    text.append_text(line(brief(choice.label, LONGEST), "bold" if current else ""))
    if choice.remark:
        text.append("  ").append_text(line(brief(choice.remark, LONGEST), "dim"))
    return text
