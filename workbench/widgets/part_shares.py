"""A table of text: what each part of a model adds to the score of every recommended item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from workbench import numbers
from workbench.display import line

GAP, NARROWEST, LEAST_TITLE = 2, 7, 8


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
    room = width - ranks - GAP - LEAST_TITLE
    column = min(max(map(len, parts), default=0), max(NARROWEST, room // max(1, len(parts)) - GAP))
    column = max(column, NARROWEST)
    title = max(LEAST_TITLE, width - ranks - GAP - len(parts) * (column + GAP))
    heading = Text(no_wrap=True, style="dim").append("#".rjust(ranks)).append(" " * GAP)
    heading.append("recommended".ljust(title)[:title])
    for part in parts:
        heading.append(" " * GAP).append(part[: column - 1] + "…" if len(part) > column else part.rjust(column))
    found = [Text(), heading]
    for item in items:
        text = Text(no_wrap=True, style="bold" if item.marked else "")
        text.append(numbers.count(item.rank).rjust(ranks), style="dim").append(" " * GAP)
        name = line(item.title)
        name.truncate(title, overflow="ellipsis", pad=True)
        text.append_text(name)
        for share in item.shares:
            text.append(" " * GAP).append(numbers.difference(share).rjust(column))
        found.append(text)
    return found
