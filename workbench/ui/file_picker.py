"""The dialog that looks for a file or a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.ui.display import line
from workbench.ui.file_access import EVERYWHERE, FileAccess
from workbench.ui.filter_line import FilterLine
from workbench.ui.folder_view import FolderEntry, FolderView, nearest_folder, read_folder, shortest
from workbench.ui.numbers import count, size
from workbench.ui.options import move
from workbench.ui.reading_dialog import ReadingDialog

UP, HERE = "..", "."


class FilePicker(ReadingDialog[str]):
    """Dismisses with a path as one would type it here, or None."""

    HINT = "Enter opens or takes it · ← up · / filter · Esc leaves"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", id="picker.down", show=False, tooltip="The next one"),
        Binding("k,up", "move(-1)", "Up", id="picker.up", show=False, tooltip="The one before"),
        Binding("g,home", "first", "First", id="picker.first", show=False, tooltip="The first"),
        Binding("G,end", "last", "Last", id="picker.last", show=False, tooltip="The last"),
        Binding("right,l", "open", "Open", id="picker.open", show=False, tooltip="Open the folder, or take the file"),
        Binding("left,h,backspace", "parent", "Folder above", id="picker.parent", show=False,
                tooltip="To the folder that holds this one"),
        Binding("slash", "filter", "Filter", id="picker.filter", show=False, tooltip="Only names with what you type"),
        Binding("full_stop", "hidden", "Hidden", id="picker.hidden", show=False, tooltip="Hidden files, or not"),
        Binding("tilde", "home", "Home", id="picker.home", show=False, tooltip="To your home folder"),
    ]  # fmt: skip

    class Listed(Message):
        """A folder was read; `mark` is the entry to begin on."""

        def __init__(self, view: FolderView, mark: str) -> None:
            super().__init__()
            self.view = view
            self.mark = mark

    def __init__(self, start: str, *, folder: bool, access: FileAccess = EVERYWHERE) -> None:
        super().__init__("Choose a folder" if folder else "Choose a file")
        self._folder = folder
        self._hidden = False
        self._start = start
        self._access = access
        self._path = nearest_folder(start, access)
        self._view = FolderView(self._path, (), 0)
        self._values: list[str] = []

    def content(self) -> ComposeResult:
        yield Static(id="picker-path", markup=False)
        yield FilterLine()
        yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._list(self._path, Path(self._start).name)

    def failed(self, error: BaseException) -> None:
        self.notify(str(error), severity="warning", markup=False)

    @on(Listed)
    def _show(self, event: Listed) -> None:
        view = self._view = event.view
        path = line(shortest(view.path) if view.path != Path.cwd() else str(view.path), "bold")
        if view.problem:  # first, since a long path may fill the line
            path = Text(f"✗ {view.problem}  ").append_text(path)
        elif len(view.entries) < view.total:
            path.append(f"  {count(len(view.entries))} of {count(view.total)}: / narrows", "dim")
        elif not view.total:
            path.append("  no folder in it" if self._folder else "  nothing in it", "dim")
        self.query_one("#picker-path", Static).update(path)
        first = [HERE] if self._folder else []
        above = [UP] if view.path.parent != view.path and self._access.allows(view.path.parent) else []
        others = [str(folder) for folder in self._access.folders if not view.path.is_relative_to(folder)]
        first, above = first if self._access.allows(view.path) else [], [*above, *others]
        self._values = [*first, *above, *(entry.name for entry in view.entries)]
        prompts = [Text("✓ this folder")] * len(first) + [
            line(f"↑ {value}" if value == UP else f"▸ {value}", "dim") for value in above
        ]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(prompt) for prompt in (*prompts, *map(_prompt, view.entries))])
        found = self._values.index(event.mark) if event.mark in self._values else len(first) + len(above)
        options.highlighted = min(found if view.entries else 0, len(self._values) - 1)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(self._values[event.option_index])

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self._list(self._path)

    @on(FilterLine.Left)
    def _leave_filter(self) -> None:
        self.query_one(OptionList).focus()

    def action_close(self) -> None:
        opened = self.query_one(FilterLine)
        if opened.display:
            opened.action_drop()
        else:
            self.dismiss(None)

    def action_move(self, step: int) -> None:
        move(self.query_one(OptionList), step)

    def action_first(self) -> None:
        self.query_one(OptionList).action_first()

    def action_last(self) -> None:
        self.query_one(OptionList).action_last()

    def action_open(self) -> None:
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._take(self._values[place])

    def action_parent(self) -> None:
        self._enter(self._view.path.parent, self._view.path.name)

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def action_hidden(self) -> None:
        self._hidden = not self._hidden
        self._list(self._path)

    def action_home(self) -> None:
        self._enter(Path.home())

    def _take(self, value: str) -> None:
        path = self._view.path
        if value == HERE:
            self.dismiss(shortest(path))
        elif value == UP:
            self.action_parent()
        elif Path(value).is_absolute():  # another of the folders that may be used
            self._enter(Path(value))
        elif any(entry.is_folder for entry in self._view.entries if entry.name == value):
            self._enter(path / value)
        else:
            self.dismiss(shortest(path / value))

    def _enter(self, path: Path, mark: str = "") -> None:
        """Another folder, with no filter left over from this one."""
        opened = self.query_one(FilterLine)
        if opened.display:
            opened.action_drop()
        self._list(path, mark)

    def _list(self, path: Path, mark: str = "") -> None:
        self._path = path
        wanted, hidden, folders_only = self.query_one(FilterLine).wanted, self._hidden, self._folder
        query = partial(read_folder, path, self._access, wanted=wanted, hidden=hidden, folders_only=folders_only)
        self.read("folder", query, lambda view: self.Listed(view, mark))


def _prompt(entry: FolderEntry) -> Text:
    text = Text("▸ " if entry.is_folder else "  ", no_wrap=True, overflow="ellipsis")
    text.append_text(line(entry.name + ("/" if entry.is_folder else "")))
    return text.append(f"  {size(entry.size)}", "dim") if entry.size is not None else text
