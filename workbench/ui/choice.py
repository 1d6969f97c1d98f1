"""The dialog that asks for one of several things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.ui import numbers
from workbench.ui.dialog import Dialog
from workbench.ui.display import brief, line
from workbench.ui.filter_line import FilterLine
from workbench.ui.options import move

LONGEST = 140  # characters of a label or a remark, about two lines: the others must stay in sight


@dataclass(frozen=True)
class Choice:
    """What can be chosen: the value it stands for, its label and a remark in a quieter voice."""

    value: str
    label: str
    remark: str = ""


MANY = 12  # choices that 80×24 shows at once; more can be filtered


class ChoiceDialog(Dialog[str]):
    """Dismisses with the value chosen, or None."""

    HINT = "Enter chooses · Esc leaves it as it is"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            id="choice.filter",
            show=False,
            tooltip="Offer only those that contain what you type",
        ),
        Binding("j,down", "move(1)", "Down", id="choice.down", show=False, tooltip="The next one"),
        Binding("k,up", "move(-1)", "Up", id="choice.up", show=False, tooltip="The one before"),
        Binding("g,home", "first", "First", id="choice.first", show=False, tooltip="The first"),
        Binding("G,end", "last", "Last", id="choice.last", show=False, tooltip="The last"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], current: str) -> None:
        super().__init__(title)
        self._choices = self._offered = tuple(choices)
        self._current = current

    def content(self) -> ComposeResult:
        yield FilterLine()
        yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        if len(self._choices) > MANY:
            self.query_one("#dialog").border_subtitle = Text(f"/ filters · {self.HINT}")
        self._offer("")
        self.query_one(OptionList).focus()

    @on(FilterLine.Applied)
    def _narrow(self, event: FilterLine.Applied) -> None:
        self._offer(event.text)

    @on(FilterLine.Left)
    def _leave_filter(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._offered[event.option_index].value)

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_move(self, step: int) -> None:
        move(self.query_one(OptionList), step)

    def action_first(self) -> None:
        self.query_one(OptionList).action_first()

    def action_last(self) -> None:
        self.query_one(OptionList).action_last()

    def _offer(self, wanted: str) -> None:
        """List the choices that contain these words, the current one highlighted."""
        self._offered = tuple(c for c in self._choices if wanted in f"{c.label} {c.remark}".lower())
        values = [choice.value for choice in self._offered]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_prompt(choice, choice.value == self._current)) for choice in self._offered])
        options.highlighted = None if not values else values.index(self._current) if self._current in values else 0
        shown, total = numbers.count(len(values)), numbers.count(len(self._choices))
        words = f"{self._heading}  {shown} of {total}" if wanted else self._heading
        self.query_one("#dialog").border_title = Text(words)


def _prompt(choice: Choice, current: bool) -> Text:
    text = Text("» " if current else "  ", no_wrap=True, overflow="ellipsis")
    text.append_text(line(brief(choice.label, LONGEST), "bold" if current else ""))
    if choice.remark:
        text.append("  ").append_text(line(brief(choice.remark, LONGEST), "dim"))
    return text
