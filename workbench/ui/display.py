"""Where text from data enters the screen: cleaned, never markup, cut to what a line can hold."""

from __future__ import annotations

from rich.text import Text

from store.plain_text import plain
from store.rows import Item
from workbench.ui import numbers

LINE_LIMIT = 400  # characters; wider than any column, so the cut is always visible as the column's own ellipsis
BRIEF_LIMIT = 60  # characters of a name within a sentence
FULL_LIMIT = 20_000  # characters of one text in a dialog: ten pages


def line(value: str, style: str = "") -> Text:
    """Text from data as one line that ends in `…` where its place is too narrow."""
    cut = "…" if len(value) > LINE_LIMIT else ""  # also where the line is copied
    return Text(plain(value[:LINE_LIMIT]) + cut, style=style, no_wrap=True, overflow="ellipsis")


def whole(value: str, limit: int = FULL_LIMIT) -> Text:
    """Text from data with its lines; what is beyond `limit` characters is counted, not dropped silently."""
    text = Text(plain(value[:limit], keep_lines=True))
    if len(value) > limit:
        shown, total = numbers.count(limit), numbers.count(len(value))
        text.append(f"\n… the first {shown} of {total} characters", style="italic")
    return text


def brief(value: str, limit: int = BRIEF_LIMIT) -> str:
    """A name from data within something larger, which it must not push off the screen."""
    return plain(value) if len(value) <= limit else f"{plain(value[: limit - 1])}…"


def title(item: Item) -> str:
    """An item's title, or its key where it has none."""
    return item.title if item.title.strip() else f"(no title) {item.key}"
