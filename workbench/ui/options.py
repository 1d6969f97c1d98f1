"""Moving in a list of options by the keys of the dialog around it."""

from __future__ import annotations

from textual.widgets import OptionList


def move(options: OptionList, step: int) -> None:
    """To the next option, or to the one before where `step` is negative; past the end it begins again."""
    if step > 0:
        options.action_cursor_down()
    else:
        options.action_cursor_up()
