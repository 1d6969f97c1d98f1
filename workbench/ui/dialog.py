"""A dialog: lies over the area, scrolls by the same keys, and closes with Esc."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from workbench.ui.too_small import TooSmall

if TYPE_CHECKING:
    from workbench.application import Workbench

Result = TypeVar("Result")


PAGER_HINT = " · v pager"  # within a HINT; a page in a browser has no terminal for a pager

# Of dialogs with `as_text`.
READABLE: list[BindingType] = [
    Binding("v", "pager", "Pager", id="dialog.pager", show=False, tooltip="Read it in $PAGER"),
    Binding("y", "copy", "Copy", id="dialog.copy", show=False, tooltip="Send all of it to the clipboard"),
]


class Dialog(ModalScreen[Result], inherit_bindings=False):
    """Subclasses give a title, `content` and a hint of their keys."""

    HINT: ClassVar[str] = "Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close", id="dialog.close", tooltip="Close this dialog"),
        Binding("question_mark", "app.help", "Help", id="dialog.help", show=False,
                tooltip="All keys that work here; the key itself where one types"),
        Binding("j,down", "scroll(1)", "Down", id="dialog.down", show=False, tooltip="Scroll down"),
        Binding("k,up", "scroll(-1)", "Up", id="dialog.up", show=False, tooltip="Scroll up"),
        Binding("ctrl+d,pagedown,space", "scroll(10)", "Page down", id="dialog.page_down", show=False,
                tooltip="Page down"),
        Binding("ctrl+u,pageup", "scroll(-10)", "Page up", id="dialog.page_up", show=False, tooltip="Page up"),
        Binding("g,home", "scroll(-100000)", "Top", id="dialog.top", show=False, tooltip="To the top"),
        Binding("G,end", "scroll(100000)", "Bottom", id="dialog.bottom", show=False, tooltip="To the bottom"),
    ]  # fmt: skip

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as frame:
            frame.border_title = Text(self._heading)
            frame.border_subtitle = Text(self.HINT.replace(PAGER_HINT, "") if self.app.is_web else self.HINT)
            with VerticalScroll(id="dialog-body", can_focus=False):
                yield from self.content()
        yield TooSmall()

    def content(self) -> ComposeResult:
        yield from ()

    def as_text(self) -> str:
        """What the pager shows and what is copied, where a dialog binds `READABLE`."""
        return ""

    def action_pager(self) -> None:
        from workbench.ui.external_programs import in_pager

        if text := self.as_text():
            in_pager(self.app, text)

    def action_copy(self) -> None:
        if text := self.as_text():
            cast("Workbench", self.app).copy(text)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#dialog-body").scroll_relative(y=lines, animate=False)
