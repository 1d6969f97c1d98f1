"""The last look at every line before it is drawn: no control code leaves for the terminal.

Text from data is cleaned where it enters the screen (`display.py`). What is pasted into a field, and the name of
a file that a field takes, stay as they are, since they mean what they say; only the screen must not obey them.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from store.plain_text import REPLACEMENT, plain


@lru_cache(maxsize=4096)
def harmless(sign: str) -> str:
    """The sign, or what stands for it in as many cells, so that nothing moves."""
    return sign if plain(sign) == sign else REPLACEMENT * cell_len(sign)


class NoControlCodes(LineFilter):
    """Leaves everything as it is but what a terminal would obey."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isprintable() else segment._replace(text="".join(map(harmless, segment.text)))
            for segment in segments
        ]
