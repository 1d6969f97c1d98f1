"""What to do next: a sentence and the commands, ready to copy."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from workbench.home.next_step import NextStep


class NextPanel(Static):
    """Commands stand on lines of their own, so that a terminal selects them whole."""

    def __init__(self) -> None:
        super().__init__(id="next", markup=False)
        self.step = NextStep("")

    def put(self, step: NextStep) -> None:
        if step != self.step:
            self.step = step
            self.update(_text(step))


def _text(step: NextStep) -> Text:
    text = Text(step.sentence)
    for number, command in enumerate(step.commands):
        text.append(f"\n  {command}", style="bold")
        if number == 0:
            text.append("   n starts it, c copies it" if step.job_form else "   c copies it", style="dim")
    return text
