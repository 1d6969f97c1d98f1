"""What Users is set to: whose events, by which models, and what of them is shown; and what changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.message import Message

from store.enums import Seen
from workbench.ui import numbers
from workbench.ui.area import AreaScreen
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.ui_state import TOP_CHOICES, UsersChoice
from workbench.users.user_event import UsersView, read_user_event

if TYPE_CHECKING:
    from engine.queries.matching_events import MatchingEvents

SIDES = ("left", "right", "third")


class UsersChoosingScreen(AreaScreen):
    """Reads the chosen event; a subclass draws it and has the keys."""

    class Loaded(Message):
        """An event was read."""

        def __init__(self, view: UsersView) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__()
        self.view: UsersView | None = None
        self._under_way = ""

    @property
    def choice(self) -> UsersChoice:
        return self.ui_state.users

    def reload(self) -> None:
        self.step("")

    def step(self, step: str) -> None:
        """Read the event that one comes to from the one shown; "" is that one itself.

        A step under way is not lost where a setting or the workspace changes before it is there.
        """
        step = self._under_way = step or self._under_way
        choice, matching = replace(self.choice), self.view.matching if self.view else None
        self.read("users", lambda: _read(self, choice, step, matching), self.Loaded)

    def arrived(self) -> None:
        """No step is under way any more."""
        self._under_way = ""

    def action_dataset(self) -> None:
        if self.view is not None:
            choices = [Choice(name, name) for name in self.view.datasets]
            current = self.view.dataset.name if self.view.dataset else ""
            self.app.push_screen(ChoiceDialog("Dataset", choices, current), self._set_dataset)

    def action_side(self, side: str) -> None:
        if self.view is None or self.view.user_event is None:
            return
        place = SIDES.index(side)
        shown = self.view.user_event.sides[place] if place < len(self.view.user_event.sides) else None
        choices = [
            Choice(evaluation.key, label, f"{numbers.count(evaluation.n)} {evaluation.split} events")
            for evaluation, label in self.view.evaluations
        ]
        if choices and side == "third":
            choices.insert(0, Choice("", "none", "two models side by side"))
        if not choices:
            self.notify("No evaluation of this dataset is stored.")
            return

        def chosen(key: str | None) -> None:
            if key is not None:
                setattr(self.choice, side, key)
                self._changed()

        self.app.push_screen(ChoiceDialog(f"The {side} model", choices, shown.evaluation.key if shown else ""), chosen)

    def action_ask(self) -> None:
        if self.view is None or self.view.dataset is None or not self.view.evaluations:
            self.notify("No evaluation of this dataset is stored: there is nothing to ask about.", severity="warning")
            return
        from workbench.users.ask import EventFilterDialog  # with what only questions need

        self.app.push_screen(EventFilterDialog(replace(self.choice), self.labels()), self.ask)

    def action_top(self, step: int) -> None:
        self.choice.top = TOP_CHOICES[1 if step > 0 else 0]
        self._changed()

    def action_seen(self) -> None:
        self.choice.seen = (Seen.KEEP if self.choice.seen == Seen.MASK else Seen.MASK).value
        self._changed()

    def say_settings(self) -> None:
        """Show what the screen is set to."""
        view = self.view
        dataset = view.dataset if view else None
        label = "–" if dataset is None else dataset.name + (" (synthetic)" if dataset.synthetic else "")
        user_event = view.user_event if view else None
        sides = self.labels()
        place = numbers.count(user_event.position) if user_event and user_event.position else numbers.NOTHING
        walked = (
            f"{place} of {numbers.count(user_event.walked)}" if user_event and user_event.walked else numbers.NOTHING
        )
        if view and view.matching and not len(view.matching.event):
            walked = "none answers"
        self.query_one(SettingsLine).put(
            [
                Setting("d", "dataset", label, "dataset"),
                Setting("a", "left", sides[0], "side('left')"),
                Setting("b", "right", sides[1], "side('right')"),
                Setting("c", "third", sides[2] if len(sides) > 2 else numbers.NOTHING, "side('third')"),
                Setting("f", "events", view.matching.words if view and view.matching else "all", "ask"),
                Setting("n p r", "event", walked, "step('next')"),
                Setting("+ -", "top", str(self.choice.top), f"top({1 if self.choice.top == TOP_CHOICES[0] else -1})"),
                Setting("x", "seen items", "masked" if self.choice.seen == Seen.MASK else "kept", "seen"),
            ]
        )

    def _set_dataset(self, chosen: str | None) -> None:
        if chosen is not None and (self.view is None or self.view.dataset is None or chosen != self.view.dataset.name):
            self.choice.dataset, self.choice.user, self.choice.event = chosen, "", -1
            self.arrived()  # no step leads from one dataset to another
            self._changed()

    def ask(self, words: str | None) -> None:
        """Show only events that answer the question; "" ends it."""
        if words is not None and words != self.choice.question:
            self.choice.question = words
            self.bench.remember()
            self.step("asked")

    def labels(self) -> list[str]:
        """What the models are called whose answers stand beside each other."""
        user_event = self.view.user_event if self.view else None
        return [side.label if side else numbers.NOTHING for side in (user_event.sides if user_event else (None, None))]

    def _changed(self) -> None:
        self.bench.remember()
        self.say_settings()
        self.reload()


def _read(screen: UsersChoosingScreen, choice: UsersChoice, step: str, matching: MatchingEvents | None) -> UsersView:
    if not screen.workspace.exists():
        return UsersView((), None, (), None)
    return read_user_event(screen.workspace, choice, step, matching)
