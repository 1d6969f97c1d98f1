"""The line above a part of a screen: what it is, how much of it, and a remark in a quieter voice."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from store.plain_text import plain


class Section(Static):
    """`Datasets  4` with a remark that is cut where the line ends."""

    def __init__(self, title: str, *, id: str) -> None:
        super().__init__(id=id, classes="section", markup=False)
        self._title = title
        self._count = ""
        self._remark = ""

    def say(self, count: str = "", remark: str = "", *, title: str | None = None) -> None:
        """Replace count and remark, and the title where given."""
        new = (plain(title) if title is not None else self._title, plain(count), plain(remark))
        if new != (self._title, self._count, self._remark):
            self._title, self._count, self._remark = new
            self.refresh()  # always a line of its own

    def render(self) -> Text:
        text = Text(self._title, style="bold", no_wrap=True, overflow="ellipsis")
        if self._count:
            text.append(f"  {self._count}", style="not bold")
        if self._remark:
            text.append(f"  {self._remark}", style="not bold dim")
        return text
