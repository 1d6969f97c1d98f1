"""The dialog that asks a question about events: those asked before, examples, or one's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.queries.event_filter import EXAMPLES, parse
from store.errors import BadInput
from workbench.ui import numbers
from workbench.ui.display import line, whole
from workbench.ui.options import move
from workbench.ui.reading_dialog import ReadingDialog
from workbench.ui.text_line import TextLine
from workbench.ui.ui_state import UsersChoice
from workbench.users.user_event import count_matching_events

if TYPE_CHECKING:
    from engine.queries.matching_events import MatchingEvents

ALL_EVENTS = ""
KEPT = 50  # questions; who asks more forgets the oldest


class EventFilterLine(TextLine):
    """The words of a question; up and down move in the list while they are typed."""

    HELP_TITLE: ClassVar[str] = "While asking"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.move(1)", "Down", id="ask.down", show=False, tooltip="The next question"),
        Binding("up", "screen.move(-1)", "Up", id="ask.up", show=False, tooltip="The question before"),
        Binding("delete", "delete", "Forget", id="ask.forget", show=False,
                tooltip="Delete to the right; behind the last letter forget the saved question that is chosen"),
    ]  # fmt: skip

    def action_delete(self) -> None:
        if self.cursor_position < len(self.value):
            self.action_delete_right()
        elif isinstance(self.screen, EventFilterDialog):
            self.screen.forget()


class EventFilterDialog(ReadingDialog[str]):
    """Dismisses with the words of a question, "" for none, or None to leave it as it is."""

    HINT = "Enter asks · ↑ ↓ choose · Del forgets · Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="ask.close", tooltip="Ask nothing new"),
    ]

    class Counted(Message):
        """A question was tried."""

        def __init__(self, words: str, matching: MatchingEvents) -> None:
            super().__init__()
            self.words, self.matching = words, matching

    def __init__(self, choice: UsersChoice, models: list[str]) -> None:
        """models: what those shown are called, from the left."""
        super().__init__("Which events?")
        self._choice, self._models = choice, models
        self._offered: list[str] = []

    def content(self) -> ComposeResult:
        named = ", ".join(f"{letter} {model}" for letter, model in zip("ABC", self._models, strict=False))
        yield Static(line(f"Events where, of {named}:", "dim"), id="ask-models", markup=False)
        yield EventFilterLine(placeholder=EXAMPLES[0] + ", length 5-20, cold target", compact=True, id="ask-line")
        yield Static(id="ask-count", markup=False)
        yield OptionList(id="choices", compact=True, markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self.query_one(Input).focus()
        self._offer()

    def failed(self, error: BaseException) -> None:
        self._say(str(error), wrong=True)

    def forget(self) -> None:
        """Take the saved question that is chosen off the list."""
        words, saved = self._chosen(), self.bench.ui_state.questions
        if words in saved:
            saved.remove(words)
            self.bench.remember()
            self._offer()

    def action_move(self, step: int) -> None:
        move(self.query_one(OptionList), step)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._offer()

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._count()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._ask()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._ask()

    @on(Counted)
    def _counted(self, event: Counted) -> None:
        if event.words == self._chosen():
            found = event.matching
            users = numbers.counted(len(set(found.user.tolist())), "user")
            events = numbers.counted(found.looked_at, "event")
            self._say(f"{numbers.count(len(found.event))} of {events}, {users}" if len(found.event) else
                      f"none of {events}", wrong=False)  # fmt: skip

    def _offer(self) -> None:
        """List what is typed, where it is a question, and those asked before and the examples that hold its words."""
        typed = self.query_one(Input).value.strip()
        saved = self.bench.ui_state.questions
        known = [*saved, *(example for example in EXAMPLES if example not in saved)]
        own, self._problem = "", ""
        try:
            own = parse(typed).words
        except BadInput as problem:
            self._problem = str(problem)
        found = [words for words in known if typed.lower() in words.lower() and words != own]
        self._offered = [own, *found] if own else found if typed else [*found, ALL_EVENTS]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_prompt(words, saved)) for words in self._offered])
        current = self._choice.question
        place = self._offered.index(current) if current and not typed and current in self._offered else 0
        options.highlighted = place if self._offered else None
        self._count()

    def _chosen(self) -> str | None:
        place = self.query_one(OptionList).highlighted
        return self._offered[place] if place is not None and place < len(self._offered) else None

    def _count(self) -> None:
        words = self._chosen()
        if words is None:
            self._say(self._problem, wrong=True)
        elif words == ALL_EVENTS:
            self._say("all events", wrong=False)
        else:
            choice = self._choice
            self.read(
                "asked",
                lambda: count_matching_events(self.bench.workspace, choice, words),
                lambda found: self.Counted(words, found),
            )

    def _ask(self) -> None:
        words = self._chosen()
        if words is None:
            return
        if words:
            saved = self.bench.ui_state.questions
            saved[:] = [words, *(other for other in saved if other != words)][:KEPT]
            self.bench.remember()
        self.dismiss(words)

    def _say(self, words: str, *, wrong: bool) -> None:
        said = self.query_one("#ask-count", Static)
        said.update(whole(words))
        said.set_class(wrong, "-wrong")


def _prompt(words: str, saved: list[str]) -> Text:
    if words == ALL_EVENTS:
        return line("  all events", "").append("  no filter", style="dim")
    remark = "recent" if words in saved else "example" if words in EXAMPLES else ""
    return Text("  ", no_wrap=True, overflow="ellipsis").append_text(line(words)).append(f"  {remark}", style="dim")
