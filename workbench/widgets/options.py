"""Moving in a list of options whose keys belong to the dialog around it, as its focus is in a line above."""

from __future__ import annotations

from textual.widgets import OptionList


def move(options: OptionList, step: int) -> None:
    """To the next option, or to the one before where `step` is negative; past the end it begins again."""
    if step > 0:
        options.action_cursor_down()
    else:
        options.action_cursor_up()
