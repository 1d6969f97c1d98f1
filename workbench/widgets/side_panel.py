"""One model's answer for an event: where the target came, under which protocol, and its first items."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from store.plain_text import plain
from store.records import Dataset, Item
from workbench import numbers
from workbench.display import line, protocol, title
from workbench.next_step import command
from workbench.visit import Pick, Position, Side
from workbench.widgets.section import Section
from workbench.widgets.table import Heading, Line, Table

TARGET, OWNED = "»", "•"
_HEADINGS = (
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text(" "), width=1),
    Heading(Text("score", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
)


class SidePanel(Vertical):
    """`letter` is the key that chooses its evaluation."""

    def __init__(self, letter: str, *, id: str) -> None:
        super().__init__(id=id, classes="side")
        self._letter = letter
        self._picks: tuple[Pick, ...] = ()

    def compose(self) -> ComposeResult:
        yield Section(self._letter, id=f"{self.id}-title")
        yield Static(id=f"{self.id}-position", classes="position", markup=False)
        yield Static(id=f"{self.id}-protocol", classes="protocol", markup=False)
        yield Table(id=f"{self.id}-picks")

    def put(self, side: Side | None, dataset: Dataset, length: int, *, masked: bool) -> None:
        """Show this answer, or what to run where there is none."""
        self._picks = side.picks if side else ()
        marks = f"{TARGET} target" if masked else f"{TARGET} target  {OWNED} in the history"
        label = side.label if side else "no evaluation"
        self.query_one(Section).say("", marks if self._picks else "", title=f"{self._letter}  {label}")
        position, rules = self.query_one(".position", Static), self.query_one(".protocol", Static)
        if side is None:
            position.update(_advice(f"No other evaluation on {dataset.name} is stored.", "only", dataset.name))
            rules.update("")
        elif side.position is None:
            words = f"Its {side.evaluation.n:,} events ({protocol(side.evaluation)}) leave this one out."
            position.update(_advice(words, side.evaluation.model, dataset.name))
            rules.update("")
        else:
            position.update(position_text(side.position))
            rules.update(_rules(side, length, masked=masked))
        table = self.query_one(Table)
        table.display = bool(self._picks)
        table.show_header = not self.screen.has_class("-short")  # on 24 lines the tenth item matters more
        table.put(_HEADINGS, [_row(pick) for pick in self._picks])

    def item_at_cursor(self) -> Item | None:
        """The item under the cursor."""
        row = self.query_one(Table).cursor_row
        return self._picks[row].item if 0 <= row < len(self._picks) else None


def position_text(position: Position) -> Text:
    """`rank 12 of 1,682, tied with 3 (12–15, 13.5 expected)`."""
    candidates = numbers.count(position.candidates)
    if position.missed:
        return Text(f"a miss: the target is none of the {candidates} candidates")
    text = Text("rank ")
    text.append(numbers.count(position.better + 1), style="bold")
    text.append(f" of {candidates}", style="dim")
    if position.tied:
        first, last = numbers.count(position.better + 1), numbers.count(position.better + 1 + position.tied)
        text.append(f", tied with {numbers.count(position.tied)}")
        text.append(f" ({first}–{last}, {numbers.position(position.expected)} expected)", style="dim")
    return text


def _rules(side: Side, length: int, *, masked: bool) -> Text:
    words = [f"seen items {'masked' if masked else 'kept'}"]
    if side.evaluation.protocol.get("history"):
        words.append(f"read {numbers.count(side.visible)} of {numbers.counted(length, 'item')}")
    words.append(f"target's score {numbers.score(side.score)}")
    return line(protocol(side.evaluation), "dim").append("\n").append("; ".join(words), "dim")


def _advice(words: str, model: str, dataset: str) -> Text:
    return Text(f"{plain(words)}\n").append(command(["evaluate", model, "--datasets", dataset], None), style="bold")


def _row(pick: Pick) -> Line:
    mark = TARGET if pick.is_target else OWNED if pick.owned else " "
    style = "bold" if pick.is_target else "dim" if pick.owned else ""
    return Line(
        str(pick.place),
        (
            Text(str(pick.place), justify="right", style="dim"),
            Text(mark, style="bold"),
            Text(numbers.score(pick.score), justify="right", style=style),
            line(title(pick.item), style),
        ),
    )
