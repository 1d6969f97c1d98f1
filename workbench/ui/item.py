"""The dialog with everything stored about one item."""

from __future__ import annotations

import sys

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from store.rows import Item
from workbench.ui.dialog import READABLE, Dialog
from workbench.ui.display import FULL_LIMIT, whole


class ItemDialog(Dialog[None]):
    """Full texts, with their lines; none is cut silently."""

    HINT = "Esc closes · j k scroll · v pager · y copy"
    BINDINGS = READABLE

    def __init__(self, item: Item) -> None:
        super().__init__("Item")
        self.item = item

    def content(self) -> ComposeResult:
        yield Static(_text(self.item), id="item")

    def as_text(self) -> str:
        return _text(self.item, sys.maxsize).plain


def _text(item: Item, limit: int = FULL_LIMIT) -> Text:
    parts = {
        "title": item.title or "(no title)",
        "key": item.key,
        "category": item.category.replace("|", ", ") or "–",
        "description": item.description or "–",
        **item.fields,
    }
    text = Text()
    for name, value in parts.items():
        if value:
            text.append_text(whole(name, 60)).append("\n")
            text.stylize("dim", len(text) - len(name) - 1)
            text.append_text(whole(str(value), limit)).append("\n\n")
    text.rstrip()
    return text
