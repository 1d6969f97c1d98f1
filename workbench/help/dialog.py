"""Help, made from the binding tables of the area and of the workbench."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table as Columns
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from workbench.ui.dialog import Dialog
from workbench.ui.key_names import shown as shown_key
from workbench.ui.key_table import bindings_of, keyed, works_over_dialogs


@dataclass(frozen=True)
class KeyHelp:
    """One line of help: the keys, what they do in a word, and in a sentence."""

    id: str
    keys: str
    name: str
    purpose: str


def sections(screen: Screen, app: App) -> dict[str, list[KeyHelp]]:
    """The bindings that can be reached from a screen, by whose they are: the area's, a list's, everyone's."""
    own: list[Binding] = []
    everywhere: list[Binding] = []
    over = isinstance(screen, ModalScreen)  # a dialog keeps the workbench's keys from what lies below it
    for binding in bindings_of(screen, app):
        (everywhere if (binding.id or "").startswith("area.") else own).append(binding)
    found = {getattr(screen, "HELP_TITLE", "") or "Here": own}
    for part in screen.query("*"):
        title = getattr(part, "HELP_TITLE", "")
        if title:
            found.setdefault(title, list(keyed(_own_bindings(type(part)), app)))
    apps = (binding for binding in bindings_of(app, app) if not over or works_over_dialogs(binding))
    found["Everywhere"] = [*everywhere, *apps]
    return {title: _merged(bindings) for title, bindings in found.items() if bindings}


class HelpDialog(Dialog[None]):
    """All keys that work here."""

    HINT = "Esc closes · j k scroll · Shift+drag selects text with the mouse"

    def __init__(self, title: str, parts: dict[str, list[KeyHelp]]) -> None:
        super().__init__(title)
        self.parts = parts

    def content(self) -> ComposeResult:
        for title, lines in self.parts.items():
            yield Static(Text(title, style="bold"), classes="help-title")
            yield Static(_columns(lines), classes="help-keys")


def _columns(lines: Iterable[KeyHelp]) -> Columns:
    columns = Columns.grid(padding=(0, 2))
    columns.add_column(width=14, justify="right", no_wrap=True)
    columns.add_column(width=14, no_wrap=True)
    columns.add_column()
    for one in lines:
        columns.add_row(Text(one.keys, style="bold"), Text(one.name), Text(one.purpose, style="dim"))
    return columns


def _own_bindings(widget: type[DOMNode]) -> list[Binding]:
    return [binding for binding in widget.BINDINGS if isinstance(binding, Binding)]


def _merged(bindings: Iterable[Binding]) -> list[KeyHelp]:
    merged: dict[tuple[str, str], list[Binding]] = {}
    for binding in bindings:
        if not binding.system:
            merged.setdefault((binding.id or "", binding.action), []).append(binding)
    lines = []
    for same in merged.values():
        keys = [key for binding in same for key in binding.key.split(",")]
        names = " ".join(dict.fromkeys(shown_key(key) for key in keys if not key.startswith("super+")))
        first = same[0]
        lines.append(KeyHelp(first.id or first.action, names, first.description, first.tooltip or first.description))
    return lines
