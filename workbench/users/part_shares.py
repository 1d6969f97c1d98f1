"""A table of text: what each part of a model adds to the score of every recommended item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from workbench.ui import numbers
from workbench.ui.display import line

GAP, NARROWEST = 2, 6  # cells: between columns; of a number
TITLE, LEAST_TITLE = 24, 8  # cells of a title before names of parts are cut, and at least


@dataclass(frozen=True)
class ItemShares:
    """A recommended item: its rank, its title, and what each part adds to its score; marked: the one asked about."""

    rank: int
    title: str
    shares: tuple[float, ...]
    marked: bool = False


class PartShares(Widget):
    """A heading with the parts' names, then rank, title and one number a part in each row."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._parts: tuple[str, ...] = ()
        self._items: tuple[ItemShares, ...] = ()

    def put(self, parts: Sequence[str], items: Sequence[ItemShares]) -> None:
        self._parts, self._items = tuple(parts), tuple(items)
        self.display = bool(self._items)
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 2 + len(self._items)

    def as_text(self) -> str:
        """As it is drawn, without the blanks at the ends; "" if there is nothing to show."""
        drawn = rows(self._parts, self._items, self.size.width) if self._items else []
        return "\n".join(row.plain.rstrip() for row in drawn)

    def render(self) -> Text:
        return Text("\n").join(rows(self._parts, self._items, self.size.width))


def rows(parts: Sequence[str], items: Sequence[ItemShares], width: int) -> list[Text]:
    """A blank line, the heading and the items in `width` cells: names of parts are cut before titles get too short."""
    ranks = max((len(numbers.count(item.rank)) for item in items), default=1)
    room = width - ranks - GAP
    longest = next(
        (cut for cut in range(max(map(len, parts), default=0), NARROWEST, -1) if _taken(parts, cut) <= room - TITLE),
        NARROWEST,
    )
    title = max(LEAST_TITLE, room - _taken(parts, longest))
    heading = Text(no_wrap=True, style="dim").append("#".rjust(ranks)).append(" " * GAP)
    heading.append("recommended".ljust(title)[:title])
    for part in parts:
        name = part if len(part) <= longest else f"{part[: longest - 1]}…"
        heading.append(" " * GAP).append(name.rjust(NARROWEST))
    found = [Text(), heading]
    for item in items:
        text = Text(no_wrap=True, style="bold" if item.marked else "")
        text.append(numbers.count(item.rank).rjust(ranks), style="dim").append(" " * GAP)
        shown = line(item.title)
        shown.truncate(title, overflow="ellipsis", pad=True)
        text.append_text(shown)
        for part, share in zip(parts, item.shares, strict=True):
            sign = "" if share < 0 else "+"
            text.append(" " * GAP).append(f"{sign}{numbers.short(share, 2)}".rjust(_wide(part, longest)))
        found.append(text)
    return found


def _wide(part: str, longest: int) -> int:
    return max(NARROWEST, min(len(part), longest))


def _taken(parts: Sequence[str], longest: int) -> int:
    """Cells of all columns but rank and title where names of parts are cut to `longest`."""
    return sum(GAP + _wide(part, longest) for part in parts)
