"""The dialog that finds an item to add to a history by words of its title, or takes the words themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from store.item_search import find_items
from store.rows import Dataset, Item
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.options import move
from workbench.ui.reading_dialog import ReadingDialog
from workbench.ui.text_line import TextLine

SHOWN = 50  # items offered; more words find fewer


@dataclass(frozen=True)
class Addition:
    """What to add: an item, or words where it is None."""

    item: Item | None
    words: str = ""


class ItemLine(TextLine):
    """The words looked for; up and down move in the list while they are typed."""

    HELP_TITLE: ClassVar[str] = "While adding"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.move(1)", "Down", id="add.down", show=False, tooltip="The next item found"),
        Binding("up", "screen.move(-1)", "Up", id="add.up", show=False,
                tooltip="The item found before; above the first are the words themselves"),
    ]  # fmt: skip


class AddItemDialog(ReadingDialog[Addition]):
    """Dismisses with what to add, or None."""

    HINT = "Enter adds · ↑ ↓ choose · Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="add.close", tooltip="Add nothing"),
    ]

    class Found(Message):
        """The catalogue was looked through."""

        def __init__(self, words: str, items: tuple[Item, ...], *, complete: bool) -> None:
            super().__init__()
            self.words, self.items, self.complete = words, items, complete

    def __init__(self, dataset: Dataset) -> None:
        super().__init__("Add to the history")
        self._dataset = dataset
        self._offered: list[Addition] = []

    def content(self) -> ComposeResult:
        yield ItemLine(placeholder="words of a title, or anything …", compact=True, id="add-line")
        yield Static(id="add-count", markup=False)
        yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self.query_one(Input).focus()
        self._look("")

    def failed(self, error: BaseException) -> None:
        self.query_one("#add-count", Static).update(line(str(error)))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._look(event.value.strip())

    @on(Found)
    def _show(self, event: Found) -> None:
        if event.words != self.query_one(Input).value.strip():
            return
        self._offered = [Addition(item) for item in event.items]
        if event.words:
            self._offered.append(Addition(None, event.words))
        shown = numbers.count(len(event.items))
        count = f"the first {shown}" if not event.complete else f"{shown} found" if event.words else f"all {shown}"
        of = f"{count} of {numbers.counted(self._dataset.items, 'item')} of {self._dataset.name}"
        self.query_one("#add-count", Static).update(line(of, "dim"))
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_prompt(offered, self._dataset.domain)) for offered in self._offered])
        options.highlighted = 0 if self._offered else None

    def action_move(self, step: int) -> None:
        move(self.query_one(OptionList), step)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose(self.query_one(OptionList).highlighted)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(event.option_index)

    def _choose(self, index: int | None) -> None:
        if index is not None and index < len(self._offered):
            self.dismiss(self._offered[index])

    def _look(self, words: str) -> None:
        self.read("items", lambda: self._search(words), lambda found: self.Found(words, found[0], complete=found[1]))

    def _search(self, words: str) -> tuple[tuple[Item, ...], bool]:
        """The first items found, and whether they are all; each part of the catalogue is a read of its own."""
        worker = get_current_worker()
        items: tuple[Item, ...] = ()
        start: int | None = 0
        while start is not None and len(items) < SHOWN and not worker.is_cancelled:
            with self.bench.workspace.read() as db:
                part = find_items(db, self._dataset.id, words, start=start, limit=SHOWN - len(items))
            items, start = (*items, *part.items), part.next
        return items, start is None


def _prompt(offered: Addition, domain: str) -> Text:
    if offered.item is None:
        words = Text('" ', style="bold", no_wrap=True, overflow="ellipsis").append_text(line(offered.words, "not bold"))
        return words.append("  (read as words)", style="dim not bold")
    text = Text("  ", no_wrap=True, overflow="ellipsis").append_text(line(title(offered.item)))
    category = offered.item.category.replace("|", ", ")
    return text.append("  ").append_text(line(category, "dim")) if category not in ("", domain) else text
