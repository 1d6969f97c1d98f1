"""How a number looks in a table of results: its marks beside it, and below it what makes it worth believing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from engine.measuring.highlighting import ALIKE, CONFIDENCE, LEGEND
from workbench.ui import numbers
from workbench.ui.display import line

MARKS = {1: "¹", 2: "²"}
STYLES = {1: "bold", 2: "underline"}
MARK_ROOM = 2  # cells kept right of every number, so that digits line up and nothing moves when marks arrive
BELOW = f"below: {100 * CONFIDENCE:g} %"  # of the interval; the whole legend fits 80 columns


def number_cell(
    number: str, below: Sequence[str], width: int, *, rank: int = 0, alike: bool = False, letter: str = ""
) -> Text:
    """The number with its marks, and dim lines below it; all end where the number does. letter: of a marked cell."""
    end = width - MARK_ROOM
    text = Text().append(letter, style="bold").append(" " * max(0, end - len(letter) - len(number)))
    text.append(number, style=f"{STYLES.get(rank, '')}{' dim' if alike else ''}".strip())
    text.append(f"{MARKS.get(rank, '')}{ALIKE if alike else ''}".ljust(MARK_ROOM), style="bold")
    for words in below:
        text.append(f"\n{words:>{end}}{'':{MARK_ROOM}}", style="dim")
    return text


def legend(*, lower_is_better: bool = False) -> str:
    """What the marks of a table mean."""
    lowest = " (lowest)" if lower_is_better else ""
    return f"{MARKS[1]} best{lowest}  {MARKS[2]} second  {LEGEND}  {BELOW}"


def no_cell(width: int) -> Text:
    """A cell of which nothing is known."""
    return right(numbers.NOTHING, width, "dim")


def right(words: str, width: int, style: str = "") -> Text:
    """Right-aligned with the places of the marks kept, so that headers end where numbers do."""
    text = line(words, style)
    text.truncate(width - MARK_ROOM, overflow="ellipsis")
    return Text(" " * max(0, width - MARK_ROOM - text.cell_len)).append_text(text)


def thesis_words(value: float, decimals: int = 4) -> str:
    """The thesis' number in small: `thesis .0380`."""
    return f"thesis {numbers.short(value, decimals)}"
