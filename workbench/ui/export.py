"""The dialog that exports a table, and the areas that offer it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from store.plain_text import plain
from workbench.ui.area import AreaScreen
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.dialog import Dialog
from workbench.ui.display import line
from workbench.ui.exported import FORMS, Form, default_name, problem, write, written
from workbench.ui.file_access import FileAccess
from workbench.ui.text_line import TextLine

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet


@dataclass(frozen=True)
class Export:
    """As what, and where to: None for the clipboard."""

    form: Form
    path: Path | None


class ExportDialog(Dialog[Export]):
    """Asks for form and file; one that is there already is replaced only when asked twice."""

    HINT = "Enter writes the file · Ctrl+Y copies instead · Esc leaves"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="export.close", tooltip="Write nothing"),
        Binding("ctrl+y", "copy", "Copy", id="export.copy", priority=True,
                tooltip="Send the table to the clipboard instead"),
        Binding("down", "move(1)", "Down", id="export.down", show=False, priority=True, tooltip="The next form"),
        Binding("up", "move(-1)", "Up", id="export.up", show=False, priority=True, tooltip="The form before"),
    ]  # fmt: skip

    def __init__(self, what: str, name: str, access: FileAccess) -> None:
        super().__init__(f"Export {what}")
        self._name = str(access.start() / name)
        self._access = access

    def content(self) -> ComposeResult:
        yield OptionList(
            *(Option(_prompt(form, chosen=form is Form.CSV)) for form in FORMS),
            id="choices",
            compact=True,
            markup=False,
        )
        yield Static("File", id="export-file", markup=False)
        yield TextLine(f"{self._name}.{Form.CSV}", compact=True, id="export-path")
        yield Static(id="export-problem", markup=False)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.can_focus = False
        options.highlighted = 0
        self.query_one(Input).focus()

    @property
    def form(self) -> Form:
        """The form chosen."""
        return list(FORMS)[self.query_one(OptionList).highlighted or 0]

    def action_move(self, step: int) -> None:
        options, field = self.query_one(OptionList), self.query_one(Input)
        before = self.form
        options.highlighted = ((options.highlighted or 0) + step) % len(FORMS)
        for place, form in enumerate(FORMS):
            options.replace_option_prompt_at_index(place, _prompt(form, chosen=form is self.form))
        if field.value.endswith(f".{before}"):
            field.value = f"{field.value.removesuffix(f'.{before}')}.{self.form}"

    def action_copy(self) -> None:
        self.dismiss(Export(self.form, None))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#export-problem", Static).update(line(problem(event.value, self._access)))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._write()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._write()

    def _write(self) -> None:
        typed = self.query_one(Input).value
        if problem(typed, self._access):  # it is shown already
            self.app.bell()
            return
        asked = Export(self.form, Path(typed.strip()).expanduser())
        assert asked.path is not None
        if asked.path.exists():
            words = f"{asked.path} is there already. Write the table over it?"
            self.app.push_screen(ConfirmDialog("Replace the file", words), partial(self._sure, asked))
        else:
            self.dismiss(asked)

    def _sure(self, export: Export, sure: bool | None) -> None:
        if sure:
            self.dismiss(export)


class ExportingScreen(AreaScreen):
    """An area whose table can be exported; subclasses return it as a sheet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "export", "Export", id="exporting.export", show=False,
                tooltip="Write the table as it is shown to a file, or copy it: CSV, Markdown, LaTeX"),
    ]  # fmt: skip

    class Written(Message):
        """The table was written to this file."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    class Formatted(Message):
        """The table as text, for the clipboard."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def sheet(self) -> Sheet | None:
        """What is shown, with its filter and order; None where there is nothing to write."""
        raise NotImplementedError

    def action_export(self) -> None:
        sheet = self.sheet()
        if sheet is None or not sheet.rows:
            self.notify("There is no table here to write.", severity="warning")
            return
        dialog = ExportDialog(f"{len(sheet.rows)} rows", default_name(sheet.name), self.bench.access)
        self.app.push_screen(dialog, partial(self._export, sheet))

    def _export(self, sheet: Sheet, export: Export | None) -> None:
        if export is None:
            return
        form, path = export.form, export.path
        if path is None:
            self.read("export", lambda: written(sheet, form), self.Formatted)
        else:
            self.read("export", lambda: write(sheet, form, path), self.Written)

    @on(Written)
    def _written(self, event: Written) -> None:
        self.notify(plain(f"Written to {event.path}"), markup=False)

    @on(Formatted)
    def _copy(self, event: Formatted) -> None:
        self.bench.copy(event.text)


def _prompt(form: Form, *, chosen: bool) -> Text:
    name, remark = FORMS[form]
    return line(f"{'»' if chosen else ' '} {name}", "bold" if chosen else "").append(
        f"  {remark}", style="not bold dim"
    )
