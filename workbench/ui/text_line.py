"""Where one types. The cursor stands still: one that blinks is drawn and sent twice a second, in Textual also after
the line was left and another area is shown."""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Input, TextArea


class TextLine(Input):
    """One line."""

    cursor_blink = reactive(False, init=False)


class TextLines(TextArea):
    """Several lines."""

    cursor_blink = reactive(False, init=False)
