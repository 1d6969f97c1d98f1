"""The dialog that says why an item is recommended.

It shows how much the item's score falls without each entry of the history and, of a model that adds the scores of
several, what each of those adds to every recommended item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from store.rows import Item
from workbench.ui import numbers
from workbench.ui.dialog import READABLE
from workbench.ui.display import line, title, whole
from workbench.ui.reading_dialog import ReadingDialog
from workbench.users.inference_process import Died, falls, ready_words, stage_words
from workbench.users.part_shares import ItemShares, PartShares
from workbench.users.score_bars import ScoreBar, ScoreBars
from workbench.users.user_event import RecommendedItem

if TYPE_CHECKING:
    from engine.inference.messages import Answer, Reasons


class WhyDialog(ReadingDialog[None]):
    """Asks when it is opened; one batch of as many histories as there are entries to leave out."""

    HINT = "Esc closes · j k scroll · v pager · y copy"
    BINDINGS = READABLE

    class Answered(Message):
        """The inference process answered."""

        def __init__(self, answer: Answer | Died) -> None:
            super().__init__()
            self.answer = answer

    def __init__(
        self,
        evaluation: str,
        model: str,
        item: Item,
        entries: tuple[int | str, ...],
        labels: Sequence[str],
        listed: Sequence[RecommendedItem],
    ) -> None:
        """entries: the whole history, oldest first; labels: of its newest entries, which are left out in turn; listed:
        what is recommended."""
        super().__init__("Why this item?")
        self._evaluation, self._model, self._item = evaluation, model, item
        self._entries, self._labels, self._listed = entries, tuple(labels), tuple(listed)
        self._words = _question(item, model)

    def content(self) -> ComposeResult:
        yield Static(self._words, id="why-words", markup=False)
        yield Static(stage_words("asking", 0, 0), id="why-state", markup=False)
        yield ScoreBars(id="why-bars")
        yield PartShares(id="why-shares")

    def on_mount(self) -> None:
        from engine.inference.messages import WhyRequest

        try:
            self.bench.inference.ask(
                lambda number: WhyRequest(
                    number,
                    self._evaluation,
                    self._entries,
                    self._item.item,
                    max(1, len(self._labels)),
                    tuple(pick.item.item for pick in self._listed),
                ),
                lambda answer: self.post_message(self.Answered(answer)),
            )
        except OSError as error:
            self._say(f"No process can be started for this: {error.strerror}.")

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        from engine.inference.messages import Reasons, Refusal, Stage

        answer = event.answer
        if isinstance(answer, Stage):
            self._say(stage_words(answer.stage, answer.done, answer.total))
        elif isinstance(answer, Reasons):
            self._show(answer)
        elif isinstance(answer, Refusal | Died):
            self._say(answer.words)

    def as_text(self) -> str:
        bars, shares = self.query_one(ScoreBars).as_text(), self.query_one(PartShares).as_text()
        return "\n".join(filter(None, (f"{self._words.plain}\n\n{bars}", shares))) if bars else ""

    def _say(self, words: str) -> None:
        self.query_one("#why-state", Static).update(whole(words))

    def _show(self, reasons: Reasons) -> None:
        self._say(ready_words(reasons.memory, reasons.ms))
        words = _question(self._item, self._model)
        words.append(f"\nScore with the whole history: {numbers.score(reasons.score)}.")
        if reasons.parts:
            words.append_text(line(f" {_shares(reasons)}."))
        if not reasons.without:
            words.append(" It has one entry, and without it there is nothing to read.")
        elif not any(falls(reasons)):
            words.append(" No entry makes a difference: the model does not read them, or not these.")
        self._words = words
        self.query_one("#why-words", Static).update(words)
        first = len(self._entries) - len(self._labels) + 1
        bars = zip(self._labels, falls(reasons), strict=True) if reasons.without else ()
        self.query_one(ScoreBars).put([ScoreBar(first + row, label, fall) for row, (label, fall) in enumerate(bars)])
        self.query_one(PartShares).put(
            reasons.parts,
            [
                ItemShares(pick.position, title(pick.item), shares, marked=pick.item.item == self._item.item)
                for pick, shares in zip(self._listed, reasons.listed, strict=bool(reasons.parts))
            ],
        )


def _shares(reasons: Reasons) -> str:
    """What each part of the model adds, the most first."""
    shares = sorted(zip(reasons.parts, reasons.shares, strict=True), key=lambda share: -share[1])
    return "Of that " + ", ".join(f"{name} {numbers.score(share)}" for name, share in shares)


def _question(item: Item, model: str) -> Text:
    text = Text(overflow="ellipsis").append_text(line(title(item), "bold"))
    text.append("\n").append_text(line(f"How much the score that {model} gives it falls (+) or rises (−) "))
    return text.append("when an entry of the history is left out.")
