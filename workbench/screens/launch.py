"""The form that starts a job: every field beside its name, the command line below, checked while one types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.display import whole
from workbench.launch_draft import (
    BASELINES,
    HISTORIES,
    ITEM_TEXTS,
    RECIPES,
    VARIANTS,
    Draft,
    Kind,
    Offer,
    Verdict,
    judge,
    read_offer,
)  # fmt: skip
from workbench.next_step import command
from workbench.screens.choice import Choice
from workbench.screens.dialog import Dialog
from workbench.screens.problem import in_words
from workbench.widgets.choice_field import ChoiceField
from workbench.widgets.mark_list import MarkList
from workbench.widgets.too_small import TooSmall

if TYPE_CHECKING:
    from workbench.application import Workbench

KINDS = {Kind.TRAIN: "a text model", Kind.EVALUATE: "models on datasets", Kind.BASELINE: "a model without text"}
SETTINGS_HINT = "key=value or phase.key=value, one a line"


class LaunchDialog(Dialog[Draft]):
    """Dismisses with a draft that the engine has nothing against, or None; `last` has what was filled in."""

    HINT = "Tab next · Ctrl+S starts · Ctrl+Y copies the command · Esc leaves"
    HELP_TITLE = "New job"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f10", "start", "Start", id="launch.start", priority=True, tooltip="Start this job"),
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

        def __init__(self, offer: Offer) -> None:
            super().__init__()
            self.offer = offer

    class Judged(Message):
        """A draft was checked."""

        def __init__(self, draft: Draft, verdict: Verdict) -> None:
            super().__init__()
            self.draft = draft
            self.verdict = verdict

    def __init__(self, draft: Draft, keep: Callable[[Draft], None]) -> None:
        super().__init__("New job")
        self.draft = draft
        self.verdict: Verdict | None = None
        self._keep = keep
        self._offer: Offer | None = None
        self._start_when_judged = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="launch") as frame:
            frame.border_title = Text(self._heading)
            frame.border_subtitle = Text(self.HINT)
            with VerticalScroll(id="dialog-body", can_focus=False):
                yield from self.content()
            yield Static(id="launch-command", markup=False)
            yield Static(id="launch-problems", markup=False)
        yield TooSmall()

    def content(self) -> ComposeResult:
        draft = self.draft
        choose, mark, write = self._choose, self._mark, self._write
        every = tuple(Kind)
        train, evaluate, baseline = (Kind.TRAIN,), (Kind.EVALUATE,), (Kind.BASELINE,)
        yield _row("what", choose("kind", [Choice(k.value, k.value, words) for k, words in KINDS.items()]), every)
        yield _row("variant", choose("variant", _plain(VARIANTS)), train)
        yield _row("baseline", choose("baseline", _plain(BASELINES)), baseline)
        yield _row("models", mark("models"), evaluate)
        yield _row("datasets", mark("datasets"), every, trained=True)
        yield _row("backbone", write("backbone", "a folder or a name on the hub; else the embedded one"), train)
        yield _row("features", write("features", "the text model of last-item or unisrec; else only"), baseline)
        yield _row("recipe", choose("recipe", _plain(RECIPES)), train, trained=True)
        area = TextArea("\n".join(draft.settings), id="launch-settings", compact=True, tab_behavior="focus",
                        placeholder=SETTINGS_HINT, show_line_numbers=False)  # fmt: skip
        yield _row("--set", area, train, trained=True)
        yield _row("name", write("name", "the variant's"), train)
        yield _row("sample", write("sample", "all events"), evaluate)
        yield _row("seed", write("seed", "0"), (*train, *evaluate), trained=True)
        yield _row("history", choose("history", _plain(HISTORIES)), evaluate)
        yield _row("item text", choose("item_text", _plain(ITEM_TEXTS)), evaluate)
        yield _row("device", write("device", "auto, cpu, cuda, cuda:1 …"), every)

    def on_mount(self) -> None:
        self._show_fields()
        self.query_one("#launch-kind").focus()
        self._say()
        self._work("offer", partial(read_offer, self.bench.workspace), self.Offered)

    @property
    def bench(self) -> Workbench:
        return cast("Workbench", self.app)

    @property
    def command(self) -> str:
        """The command line as one would type it."""
        return command(self.draft.words(), self.bench.workspace_option)

    @on(Offered)
    def _offered(self, event: Offered) -> None:
        offer = self._offer = event.offer
        marks = self.query_one("#launch-datasets", MarkList)
        marks.put([Choice(name, name, remark) for name, remark in offer.datasets])
        self.query_one("#launch-models", MarkList).put(_plain(offer.models))
        summaries = dict(offer.summaries)
        recipes = [Choice(name, name, summaries.get(name, "")) for name in offer.recipes]
        self.query_one("#launch-recipe", ChoiceField).put(recipes)
        for name in ("datasets", "models"):
            own = self.query_one(f"#launch-{name}", MarkList)
            self.query_one(f"#launch-{name}-none").display = not own.option_count
        self._changed()

    @on(Judged)
    def _judged(self, event: Judged) -> None:
        if event.draft != self.draft:
            return
        self.verdict = event.verdict
        field = self.query_one("#launch-variant", ChoiceField)
        field.put(_plain(event.verdict.variants))
        field.say(event.verdict.phases)
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
        if self.verdict is None:
            self._start_when_judged = True  # typed faster than it was read
            return
        self._start_when_judged = False
        if self.verdict.problems:
            self.notify(self.verdict.problems[0], title="Not yet", severity="warning", markup=False)
        else:
            self.dismiss(self.draft)

    def action_field(self, step: int) -> None:
        """To another field, by the order of the form: Textual's own follows the last frame drawn."""
        rows = [row for row in self.query(".launch-row") if row.display]
        fields = [part for row in rows for part in row.query("*") if part.can_focus]
        place = fields.index(self.focused) if self.focused in fields else -step
        self.set_focus(fields[(place + step) % len(fields)])

    def action_copy(self) -> None:
        self._changed()
        self.bench.copy(self.command)

    def _changed(self) -> None:
        draft = self._read()
        if draft == self.draft and self.verdict is not None:
            return
        moved = (draft.kind, draft.is_job) != (self.draft.kind, self.draft.is_job)
        self.draft, self.verdict = draft, None
        self._keep(draft)
        if moved:
            self._show_fields()
        self._say()
        if self._offer is not None:
            offer = self._offer
            self._work("judge", lambda: judge(draft, offer), partial(self.Judged, draft))

    def _read(self) -> Draft:
        def chosen(name: str) -> str:
            return self.query_one(f"#launch-{name}", ChoiceField).value

        def written(name: str) -> str:
            return self.query_one(f"#launch-{name}", Input).value.strip()

        known = self._offer is not None
        datasets, models = (self.query_one(f"#launch-{name}", MarkList) for name in ("datasets", "models"))
        lines = self.query_one("#launch-settings", TextArea).text.splitlines()
        return replace(
            self.draft,
            kind=Kind(chosen("kind")),
            datasets=datasets.marked if known else self.draft.datasets,
            models=models.marked if known else self.draft.models,
            settings=tuple(line.strip() for line in lines if line.strip()),
            **{name: chosen(name) for name in ("variant", "recipe", "baseline", "history", "item_text")},
            **{name: written(name) for name in ("backbone", "name", "seed", "sample", "features", "device")},
        )

    def _show_fields(self) -> None:
        for row in self.query(".launch-row"):
            wanted = row.has_class(f"for-{self.draft.kind.value}")
            row.display = wanted and (self.draft.is_job or not row.has_class("for-training"))

    def _say(self) -> None:
        self.query_one("#launch-command", Static).update(Text(self.command, style="bold"))
        problems = self.query_one("#launch-problems", Static)
        if self.verdict is None:
            problems.update(Text("…", style="dim"))
        elif self.verdict.problems:
            first, *others = self.verdict.problems
            more = f" (and {len(others)} more)" if others else ""
            problems.update(Text("✗ ").append_text(whole(first, 600)).append(more))
        else:
            problems.update(Text("✓ ready: Ctrl+S starts it", style="dim"))
        problems.set_class(bool(self.verdict and self.verdict.problems), "-wrong")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self.verdict = Verdict((in_words(event.worker.error),))
            self._say()

    def _choose(self, name: str, choices: Iterable[Choice]) -> ChoiceField:
        value = str(getattr(self.draft, name))
        return ChoiceField(name, list(choices), value, self._changed, id=f"launch-{name}")

    def _mark(self, name: str) -> Vertical:
        none = Static("none yet", id=f"launch-{name}-none", classes="launch-none")
        none.display = False
        return Vertical(MarkList(id=f"launch-{name}", marked=getattr(self.draft, name)), none, classes="launch-marks")

    def _write(self, name: str, placeholder: str) -> Input:
        return Input(getattr(self.draft, name), id=f"launch-{name}", placeholder=placeholder, compact=True)

    def _work(self, group: str, query: Callable, answer: Callable) -> None:
        work = partial(_answer, self, query, answer)
        self.run_worker(work, group=group, thread=True, exclusive=True, exit_on_error=False)


def _answer(dialog: LaunchDialog, query: Callable, answer: Callable) -> None:
    worker = get_current_worker()
    found = query()
    if not worker.is_cancelled and dialog.is_attached:
        dialog.post_message(answer(found))


def _row(label: str, field: Widget, kinds: Iterable[Kind], *, trained: bool = False) -> Horizontal:
    """A line of the form; `trained` ones are left out where there is nothing to train."""
    classes = ["launch-row", *(f"for-{kind.value}" for kind in kinds), *(["for-training"] if trained else [])]
    return Horizontal(Static(label, classes="launch-label"), field, classes=" ".join(classes))


def _plain(values: Iterable[str]) -> list[Choice]:
    return [Choice(value, value) for value in values]
