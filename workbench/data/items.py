"""The items of a dataset, page by page, over Data."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static

from store.plain_text import plain
from store.rows import Dataset
from workbench.data import data_rows
from workbench.data.data_view import LISTED, ItemList, read_items, read_items_anew
from workbench.ui.area import AreaScreen
from workbench.ui.filter_line import FilterLine
from workbench.ui.item import ItemDialog
from workbench.ui.numbers import count
from workbench.ui.section import Section
from workbench.ui.table import Table

LONG = 150  # cells; from here on there is room for the beginning of the description


class ItemsScreen(AreaScreen):
    """Esc leaves it."""

    AREA = "data"
    HELP_TITLE = "Items"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o,enter", "open", "Full text", id="items.open", tooltip="Everything stored about the item"),
        Binding("slash", "filter", "Filter", id="items.filter", priority=True,
                tooltip="Show only items whose title has every word that you type, or whose key it is"),
    ]  # fmt: skip

    class Found(Message):
        """The list has become longer; None where its dataset was removed."""

        def __init__(self, items: ItemList | None) -> None:
            super().__init__()
            self.items = items

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.list = read_items_anew(dataset, "")
        self._drawn: str | None = None  # the filter of the rows on the screen

    def body(self) -> ComposeResult:
        yield FilterLine()
        yield Section("", id="items-title")
        yield Table(id="items")
        yield Static("Nothing is found.", id="items-empty", classes="empty", markup=False)

    def filled(self) -> None:
        self.query_one("#items-empty").display = False
        self.query_one("#items", Table).focus()

    def reload(self) -> None:
        """The workspace changed: the list stays, unless its dataset was replaced; that shows when the list grows."""
        self._grow()

    @on(Found)
    def _show(self, event: Found) -> None:
        if event.items is None:
            self.notify(f"{plain(self.list.dataset.name)} was removed.", severity="warning", markup=False)
            self.dismiss()
            return
        if event.items.words != self.list.words:
            return  # another filter is in force by now
        grown = event.items.next != self.list.next
        self.list = event.items
        self._draw()
        if grown and not self.list.page_full:
            self._grow()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        words = self.query_one(FilterLine).wanted
        if words != self.list.words:
            self.list = read_items_anew(self.list.dataset, words)
            self._grow()

    @on(Table.AtEnd)
    def _more(self) -> None:
        if self.list.next is not None and len(self.list.items) < LISTED:
            self._grow()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def on_resize(self) -> None:
        if self._drawn is not None:
            self._draw_rows()

    def action_open(self) -> None:
        row = self.query_one("#items", Table).line_at_cursor()
        item = next((one for one in self.list.items if row is not None and str(one.item) == row.key), None)
        if item is not None:
            self.app.push_screen(ItemDialog(item))

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_back(self) -> None:
        opened = self.query_one(FilterLine)
        if self.maximized is not None:
            self.minimize()
        elif opened.display:
            opened.action_drop()
        else:
            self.dismiss()

    def _grow(self) -> None:
        before = self.list
        self.read("items", lambda: read_items(self.workspace, before), self.Found)

    def _draw(self) -> None:
        """What is found; rows are drawn when the first are there and when the page is full, not with every read."""
        found = self.list
        shown = f"{count(len(found.items))} of {count(found.dataset.items)}"
        if not found.words:
            remark = "" if found.next is None else f"/ finds any of them; the first {count(LISTED)} are listed"
        elif found.next is None:
            remark = f"with {found.words}"
        else:
            remark = f"with {found.words} among the first {count(found.looked_at)}"
        self.query_one("#items-title", Section).say(shown, remark, title=f"Items of {found.dataset.name}")
        if found.page_full or (found.items and self._drawn != found.words):
            self._drawn = found.words
            self._draw_rows()

    def _draw_rows(self) -> None:
        long = self.size.width >= LONG
        rows = [data_rows.item_row(item, long=long) for item in self.list.items]
        self.query_one("#items", Table).put(data_rows.LONG_ITEMS if long else data_rows.ITEMS, rows)
        self.query_one("#items-empty").display = not rows
