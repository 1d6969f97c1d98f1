"""The best items for an edited history: places, changes of place, scores, and where the target is."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.tables.labels import protocol
from store.rows import Evaluation, Item
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine
from workbench.users.rank_changes import DOWN, NEW, UP
from workbench.users.ranked_again import RankedAgain
from workbench.users.side_panel import OWNED, TARGET, position_text
from workbench.users.user_event import RecommendedItem

_HEADINGS = (
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text("moved", style="dim"), width=5),
    Heading(Text(" "), width=1),
    Heading(Text("score", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
)
_STYLES = {UP: "green", DOWN: "red", NEW[0]: "bold"}  # beside the signs, which say the same


class RankingPanel(Vertical):
    """Empty until something was ranked."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: RankedAgain | None = None

    def compose(self) -> ComposeResult:
        yield Section("Ranked again", id="again-title")
        yield Static(id="again-position", classes="position", markup=False)
        yield Static(id="again-protocol", classes="protocol", markup=False)
        yield Table(id="again-picks")

    def put(self, label: str, evaluation: Evaluation, target: Item, shown: RankedAgain | None, remark: str) -> None:
        """Show a ranking, or none; `remark` says how it was made."""
        self._shown = shown
        marks = f"{TARGET} target  {OWNED} in the history" if shown else ""
        self.query_one(Section).say("", marks, title=label)
        text = Text(no_wrap=True, overflow="ellipsis")
        if shown is not None:
            text.append_text(position_text(shown.position))
            if shown.before is not None and shown.before != shown.position:
                text.append(f", was {numbers.position(shown.before.expected)}", style="bold")
            text.append("  ").append(TARGET, style="bold").append(" ").append_text(line(title(target), "dim"))
        self.query_one(".position", Static).update(text)
        self.query_one(".protocol", Static).update(
            line(protocol(evaluation), "dim").append("\n").append_text(line(remark, "dim"))
        )
        table = self.query_one(Table)
        table.display = shown is not None
        table.show_header = not self.screen.has_class("-short")  # on 24 lines the tenth item matters more
        if shown is not None:
            rows = zip(shown.picks, shown.changes, strict=True)
            table.put(_HEADINGS, [_row(pick, change) for pick, change in rows])

    @property
    def picks(self) -> tuple[RecommendedItem, ...]:
        """What is listed, best first."""
        return self._shown.picks if self._shown else ()

    def item_at_cursor(self) -> Item | None:
        """The item under the cursor."""
        row = self.query_one(Table).cursor_row
        return self.picks[row].item if 0 <= row < len(self.picks) else None


def _row(pick: RecommendedItem, change: str) -> TableLine:
    mark = TARGET if pick.is_target else OWNED if pick.owned else " "
    style = "bold" if pick.is_target else "dim" if pick.owned else ""
    return TableLine(
        str(pick.item.item),
        (
            Text(str(pick.position), justify="right", style="dim"),
            Text(change, style=_STYLES.get(change[:1], "dim")),
            Text(mark, style="bold"),
            Text(numbers.score(pick.score), justify="right", style=style),
            line(title(pick.item), style),
        ),
    )
