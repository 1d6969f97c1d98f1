"""The form that starts work: every field beside its name, the command line below, checked while one types."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from workbench.launch.form_options import read_form_options
from workbench.launch.job_form import FormOptions, JobForm, ValidationResult
from workbench.launch.launch_fields import LaunchFields
from workbench.launch.recent_forms import RecentForms
from workbench.launch.registry import KINDS
from workbench.ui.choice import Choice
from workbench.ui.choice_field import ChoiceField
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.display import whole
from workbench.ui.mark_list import MarkList
from workbench.ui.problem import in_words
from workbench.ui.reading_dialog import ReadingDialog
from workbench.ui.shell import command
from workbench.ui.too_small import TooSmall


class LaunchDialog(ReadingDialog[JobForm]):
    """Dismisses with a valid form, or None; `recent_forms` keeps what was filled in."""

    HINT = "Tab next · Ctrl+S starts · Ctrl+Y copies the command · Esc leaves"
    HELP_TITLE = "Start work"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f10", "start", "Start", id="launch.start", priority=True, tooltip="Start this"),
        Binding("ctrl+y", "copy", "Copy command", id="launch.copy", priority=True,
                tooltip="Send the command line to the clipboard"),
        Binding("escape", "close", "Leave", id="launch.close", priority=True,
                tooltip="Leave the form; what is filled in stays for the next time"),
        Binding("tab", "field(1)", "Next field", id="launch.next", show=False, priority=True,
                tooltip="To the next field"),
        Binding("shift+tab", "field(-1)", "Field before", id="launch.before", show=False, priority=True,
                tooltip="To the field before"),
        Binding("down", "field(1)", "Next field", id="launch.down", show=False, tooltip="To the next field"),
        Binding("up", "field(-1)", "Field before", id="launch.up", show=False,
                tooltip="To the field before"),
    ]  # fmt: skip

    class Offered(Message):
        """What there is to choose from was read."""

        def __init__(self, form_options: FormOptions) -> None:
            super().__init__()
            self.form_options = form_options

    class Validated(Message):
        """A form was checked."""

        def __init__(self, job_form: JobForm, validation: ValidationResult) -> None:
            super().__init__()
            self.job_form = job_form
            self.validation = validation

    def __init__(self, job_form: JobForm, recent_forms: RecentForms) -> None:
        super().__init__("Start work")
        self.job_form = job_form
        self.validation: ValidationResult | None = None
        self._recent_forms = recent_forms
        self._form_options: FormOptions | None = None
        self._start_when_judged = False
        kinds = [Choice(name, name, kind.SUMMARY) for name, kind in KINDS.items()]
        self._kind = ChoiceField("what", kinds, job_form.KIND, self._change_kind, id="launch-kind")
        self._pages = {job_form.KIND: LaunchFields(job_form, self._changed)}

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="launch") as frame:
            frame.border_title = Text(self._heading)
            frame.border_subtitle = Text(self.HINT)
            with VerticalScroll(id="dialog-body", can_focus=False):
                yield Horizontal(Static("what", classes="launch-label"), self._kind, classes="launch-row")
                yield self.page
            yield Static(id="launch-command", markup=False)
            yield Static(id="launch-problem", markup=False)
        yield TooSmall()

    def on_mount(self) -> None:
        self._recent_forms.keep(self.job_form)
        self._kind.focus()
        self._say()
        self.read("offer", partial(read_form_options, self.bench.workspace), self.Offered)

    @property
    def page(self) -> LaunchFields:
        """The fields of the kind that is chosen."""
        return self._pages[self._kind.value]

    @property
    def command(self) -> str:
        """The command line as one would type it."""
        return command(self.job_form.words(), self.bench.workspace_option)

    @on(Offered)
    def _options_read(self, event: Offered) -> None:
        self._form_options = event.form_options
        for page in self._pages.values():
            page.put(event.form_options)
        self._changed()

    @on(Validated)
    def _validated(self, event: Validated) -> None:
        if event.job_form != self.job_form:
            return
        self.validation = event.validation
        self.page.hint(event.validation.hints)
        self._say()
        if self._start_when_judged:
            self.action_start()

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(MarkList.Changed)
    def _edited(self, event: Message) -> None:
        event.stop()
        self._changed()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_field(1)

    def action_start(self) -> None:
        self._changed()  # what was typed just before may not have been told yet
        if self.validation is None:
            self._start_when_judged = True  # typed faster than it was read
            return
        self._start_when_judged = False
        if self.validation.problem:
            self.notify(self.validation.problem, title="Not yet", severity="warning", markup=False)
        elif self.validation.deletes:
            self.app.push_screen(ConfirmDialog("Replace a dataset", self.validation.deletes), self._start_if)
        else:
            self.dismiss(self.job_form)

    def _start_if(self, sure: bool | None) -> None:
        if sure:
            self.dismiss(self.job_form)

    def action_field(self, step: int) -> None:
        """To another field, by the order of the form: Textual's own follows the last frame drawn."""
        fields = [self._kind, *self.page.shown]
        place = fields.index(self.focused) if self.focused in fields else -step
        self.set_focus(fields[(place + step) % len(fields)])

    def action_copy(self) -> None:
        self._changed()
        self.bench.copy(self.command)

    def failed(self, error: BaseException) -> None:
        self.validation = ValidationResult(in_words(error))
        self._say()

    async def _change_kind(self) -> None:
        kind = self._kind.value
        if kind not in self._pages:
            page = self._pages[kind] = LaunchFields(self._recent_forms.of(kind), self._changed)
            await self.query_one("#dialog-body").mount(page)  # what is typed ahead must meet its fields
            if self._form_options is not None:
                page.put(self._form_options)
        for name, page in self._pages.items():
            page.display = name == kind
        self._changed()

    def _changed(self) -> None:
        job_form = self.page.job_form
        if job_form == self.job_form and self.validation is not None:
            return
        self.job_form, self.validation = job_form, None
        self._recent_forms.keep(job_form)
        self.page.show(job_form)
        self._say()
        if self._form_options is not None:
            trouble, workspace, access = self._form_options.trouble, self.bench.workspace, self.bench.access

            def validated() -> ValidationResult:
                return ValidationResult(trouble) if trouble else job_form.validate(workspace, access)

            self.read("judge", validated, partial(self.Validated, job_form))

    def _say(self) -> None:
        self.query_one("#launch-command", Static).update(Text(self.command, style="bold"))
        said = self.query_one("#launch-problem", Static)
        if self.validation is None:
            said.update(Text("…", style="dim"))
        elif self.validation.problem:
            said.update(Text("✗ ").append_text(whole(self.validation.problem, 600)))
        else:
            ready = Text("✓ ready: Ctrl+S starts it", style="dim")
            if self.validation.warning:
                ready.append_text(Text("\n! ")).append_text(whole(self.validation.warning, 600))
            said.update(ready)
        said.set_class(bool(self.validation and self.validation.problem), "-wrong")
