"""The fields of one kind of work: a line each, shown as far as they say anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from workbench.launch.field import Field, FieldShape, Pair
from workbench.launch.job_form import FormHints, FormOptions, JobForm
from workbench.ui.choice import Choice
from workbench.ui.choice_field import ChoiceField
from workbench.ui.mark_list import MarkList
from workbench.ui.path_field import PathField
from workbench.ui.text_line import TextLine, TextLines


class LaunchFields(Vertical):
    """Begins as `form` says; `changed` is called when a choice changes (other fields post their own messages)."""

    def __init__(self, job_form: JobForm, changed: Callable[[], None]) -> None:
        super().__init__(classes="launch-fields")
        self._job_form = job_form
        self._fields = job_form.form()
        self._parts = {name: self._part(name, field, changed) for name, field in self._fields.items()}
        self._rows: dict[str, Horizontal] = {}
        self._none: dict[str, Static] = {}

    def compose(self) -> ComposeResult:
        for name, field in self._fields.items():
            part: Widget = self._parts[name]
            if isinstance(part, MarkList):
                none = self._none[name] = Static("none yet", classes="launch-none")
                none.display = False
                part = Vertical(part, none, classes="launch-marks")
            row = self._rows[name] = Horizontal(Static(field.label, classes="launch-label"), part, classes="launch-row")
            row.display = self._job_form.shows(name)
            yield row

    @property
    def job_form(self) -> JobForm:
        """The fields as they stand."""
        values: dict[str, Any] = {name: _value(part) for name, part in self._parts.items()}
        return replace(self._job_form, **values)

    @property
    def shown(self) -> list[Widget]:
        """What can be filled in now, from the top down."""
        return [self._parts[name] for name in self._parts if self._job_form.shows(name)]

    def show(self, job_form: JobForm) -> None:
        """Show the fields that say anything in this form."""
        self._job_form = job_form
        for name, row in self._rows.items():
            row.display = job_form.shows(name)

    def put(self, form_options: FormOptions) -> None:
        """Offer what was read."""
        for name, part in self._parts.items():
            field = self._fields[name]
            if isinstance(part, ChoiceField) and field.offered:
                part.put(_choices(getattr(form_options, field.offered)))
            elif isinstance(part, MarkList):
                part.put(_choices(getattr(form_options, field.offered) if field.offered else field.choices))
                self._none[name].display = not part.option_count

    def hint(self, hints: FormHints) -> None:
        """Show the form's hints, and the choices that fit it."""
        for name, part in self._parts.items():
            if isinstance(part, ChoiceField):
                if name in hints.choices:
                    part.put(_choices(hints.choices[name]))
                part.say(hints.remarks.get(name, ""))

    def _part(self, name: str, field: Field, changed: Callable[[], None]) -> Widget:
        value = getattr(self._job_form, name)
        if field.shape is FieldShape.CHOICE:
            return ChoiceField(field.label, _choices(field.choices), value, changed)
        if field.shape is FieldShape.MARKS:
            return MarkList(marked=value)
        if field.shape is FieldShape.LINES:
            return TextLines("\n".join(value), classes="launch-lines", compact=True, tab_behavior="focus",
                            placeholder=field.hint, show_line_numbers=False)  # fmt: skip
        if field.shape is FieldShape.TEXT:
            return TextLine(value, placeholder=field.hint, compact=True)
        return PathField(value, field.hint, folder=field.shape is FieldShape.FOLDER)


def _value(part: Widget) -> str | tuple[str, ...]:
    if isinstance(part, ChoiceField):
        return part.value
    if isinstance(part, MarkList):
        return part.marked
    if isinstance(part, TextArea):
        return tuple(line.strip() for line in part.text.splitlines() if line.strip())
    assert isinstance(part, Input)
    return part.value.strip()


def _choices(pairs: Iterable[Pair]) -> list[Choice]:
    return [Choice(value, value, remark) for value, remark in pairs]
