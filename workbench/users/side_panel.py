"""One model's answer for an event: where the target came, under which protocol, and its first items."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.tables.labels import protocol
from store.plain_text import plain
from store.rows import Dataset, Item
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.section import Section
from workbench.ui.shell import command
from workbench.ui.table import Heading, Table, TableLine
from workbench.users.user_event import ModelColumn, Position, RecommendedItem

if TYPE_CHECKING:
    from workbench.application import Workbench

TARGET, OWNED = "»", "•"
_HEADINGS = (
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text(" "), width=1),
    Heading(Text("score", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
)


_NARROW = (
    Heading(Text("# ", justify="right", style="dim")),
    Heading(Text("score", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
)
NARROW = 34  # cells; below, mark and place share a column and scores lose decimals, so that titles can be told apart


class SidePanel(Vertical):
    """`letter` is the key that chooses its evaluation."""

    def __init__(self, letter: str, *, id: str) -> None:
        super().__init__(id=id, classes="side")
        self._letter = letter
        self._picks: tuple[RecommendedItem, ...] = ()
        self._position: Position | None = None

    def compose(self) -> ComposeResult:
        yield Section(self._letter, id=f"{self.id}-title")
        yield Static(id=f"{self.id}-position", classes="position", markup=False)
        yield Static(id=f"{self.id}-protocol", classes="protocol", markup=False)
        yield Table(id=f"{self.id}-picks")

    def _advice(self, words: str, model: str, dataset: str) -> Text:
        option = cast("Workbench", self.app).workspace_option
        run = command(["evaluate", model, "--datasets", dataset], option)
        return Text(f"{plain(words)}\n").append(run, style="bold")

    def put(self, side: ModelColumn | None, dataset: Dataset, length: int, *, masked: bool) -> None:
        """Show this answer, or what to run if there is none."""
        self._picks = side.picks if side else ()
        self._position = side.position if side else None
        marks = f"{TARGET} target" if masked else f"{TARGET} target  {OWNED} in history"
        label = side.label if side else "no evaluation"
        self.query_one(Section).say("", marks if self._picks else "", title=f"{self._letter}  {label}")
        position, rules = self.query_one(".position", Static), self.query_one(".protocol", Static)
        if side is None:
            position.update(self._advice(f"No other evaluation on {dataset.name} is stored.", "only", dataset.name))
            rules.update("")
        elif side.position is None:
            words = f"Its {side.evaluation.n:,} events ({protocol(side.evaluation)}) leave this one out."
            position.update(self._advice(words, side.evaluation.model, dataset.name))
            rules.update("")
        else:
            rules.update(_rules(side, length))
        table = self.query_one(Table)
        table.display = bool(self._picks)
        table.show_header = not self.screen.has_class("-short")  # on 24 lines the tenth item matters more
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """Draw what depends on how wide this is."""
        if self._position is not None:
            self.query_one(".position", Static).update(_fitting(self._position, self.size.width - 2))
        if self.size.width < NARROW:
            self.query_one(Table).put(_NARROW, [_narrow_row(pick) for pick in self._picks])
        else:
            self.query_one(Table).put(_HEADINGS, [_row(pick) for pick in self._picks])

    def item_at_cursor(self) -> Item | None:
        """The item under the cursor."""
        row = self.query_one(Table).cursor_row
        return self._picks[row].item if 0 <= row < len(self._picks) else None


def _fitting(position: Position, width: int) -> Text:
    """The longest way to say it that takes one line, so that lists beside each other begin at the same height."""
    whole = position_text(position)
    if whole.cell_len <= width:
        return whole
    if position.missed:
        return Text("a miss: no candidate")
    short = Text("rank ").append(numbers.count(position.better + 1), style="bold")
    short.append(f" of {numbers.count(position.candidates)}", style="dim")
    if position.tied:
        short.append(f", {numbers.count(position.tied)} tied")
    return short if short.cell_len <= width else short[len("rank ") :]


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


def _rules(side: ModelColumn, length: int) -> Text:
    words = []
    if side.evaluation.protocol.get("history"):
        words.append(f"read {numbers.count(side.visible)} of {numbers.counted(length, 'item')}")
    words.append(f"target's score {numbers.score(side.score)}")
    return line(protocol(side.evaluation), "dim").append("\n").append("; ".join(words), "dim")


def _row(pick: RecommendedItem) -> TableLine:
    return TableLine(
        str(pick.position),
        (
            Text(str(pick.position), justify="right", style="dim"),
            Text(_mark(pick), style="bold"),
            Text(numbers.score(pick.score), justify="right", style=_style(pick)),
            line(title(pick.item), _style(pick)),
        ),
    )


def _narrow_row(pick: RecommendedItem) -> TableLine:
    return TableLine(
        str(pick.position),
        (
            Text(str(pick.position), justify="right", style="dim").append(_mark(pick), style="bold not dim"),
            Text(numbers.score(pick.score, 2), justify="right", style=_style(pick)),
            line(title(pick.item), _style(pick)),
        ),
    )


def _mark(pick: RecommendedItem) -> str:
    return TARGET if pick.is_target else OWNED if pick.owned else " "


def _style(pick: RecommendedItem) -> str:
    return "bold" if pick.is_target else "dim" if pick.owned else ""
