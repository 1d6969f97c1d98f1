"""The rows of a history in Users: the items before the target, oldest first, and the target."""

from __future__ import annotations

from rich.text import Text

from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.table import Heading, TableLine
from workbench.users.side_panel import TARGET
from workbench.users.user_event import HistoryRow, UserEventView

HEADINGS = (
    Heading(Text(" "), width=1),
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text("date", style="dim"), width=10),
    Heading(Text("rated", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
    Heading(Text("category", style="dim")),
)


def history(user_event: UserEventView) -> list[TableLine]:
    """A line for each item of the history that is shown, and for the target, which comes last."""
    rows = [_history_row(history_row, user_event, target=False) for history_row in user_event.history]
    return [*rows, _history_row(user_event.target, user_event, target=True)]


def _history_row(history_row: HistoryRow, user_event: UserEventView, *, target: bool) -> TableLine:
    style = "bold" if target else ""
    category = history_row.item.category.replace("|", ", ")
    short = line(category, "dim")
    short.truncate(16, overflow="ellipsis")
    return TableLine(
        f"{user_event.event.event} {history_row.position}",
        (
            Text(TARGET if target else " ", style="bold"),
            Text(numbers.count(history_row.position), justify="right", style="dim"),
            Text(numbers.day(history_row.timestamp), style=style or "dim"),
            Text(numbers.rating(history_row.rating), justify="right", style=style),
            line(title(history_row.item), style),
            short,
        ),
    )
