"""The dialog with everything about an event: who, when, and where each model has the target, in full."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from engine.tables.labels import protocol
from workbench.ui import numbers
from workbench.ui.dialog import READABLE, Dialog
from workbench.ui.display import line, title
from workbench.users.user_event import ModelColumn, UserEventView


class EventDialog(Dialog[None]):
    """What narrow panels cut is whole here."""

    HINT = "Esc closes · j k scroll · v pager · y copy"
    BINDINGS = READABLE

    def __init__(self, user_event: UserEventView, *, masked: bool) -> None:
        super().__init__("Event")
        self._user_event, self._masked = user_event, masked

    def content(self) -> ComposeResult:
        yield Static(self._text(), id="event")

    def as_text(self) -> str:
        return self._text().plain

    def _text(self) -> Text:
        user_event = self._user_event
        rated = numbers.rating(user_event.target.rating)
        said = (
            Text()
            .append_text(line(user_event.user, "bold"))
            .append(f", {user_event.event.split} event {user_event.event.event}\n")
        )
        said.append_text(line(title(user_event.target.item))).append(
            f"\nthe target, on {numbers.day(user_event.target.timestamp)}, rated {rated},"
            f" after {numbers.counted(user_event.length, 'item')}\n",
            style="dim",
        )
        for letter, side in zip("abc", user_event.sides, strict=False):
            if side is not None:
                said.append(f"\n{letter}  ").append_text(line(side.label, "bold")).append("\n")
                for name, fact in _facts(side, user_event, masked=self._masked).items():
                    said.append(f"   {name:<16}", style="dim").append_text(line(fact)).append("\n")
        said.rstrip()
        return said


def _facts(side: ModelColumn, user_event: UserEventView, *, masked: bool) -> dict[str, str]:
    position = side.position
    if position is None:
        return {
            "rank": f"not among its {numbers.counted(side.evaluation.n, 'event')}",
            "protocol": protocol(side.evaluation),
        }
    facts = {
        "better": f"{numbers.count(position.better)} of {numbers.counted(position.candidates, 'candidate')}",
        "tied": f"{numbers.counted(position.tied, 'other')} as high as the target",
        "expected rank": "none: the target is no candidate" if position.missed else numbers.position(position.expected),
        "target's score": numbers.score(side.score),
        "seen items": "masked" if masked else "kept",
    }
    if side.evaluation.protocol.get("history"):
        facts["read"] = f"{numbers.count(side.visible)} of {numbers.counted(user_event.length, 'item')}"
    parts = protocol(side.evaluation).split("; ")
    return {**facts, "protocol": parts[0], **{" " * place: part for place, part in enumerate(parts[1:], start=1)}}
