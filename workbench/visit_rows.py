"""The rows of a history in Users: the items before the target, oldest first, and the target."""

from __future__ import annotations

from rich.text import Text

from workbench import numbers
from workbench.display import line, title
from workbench.visit import Happening, Visit
from workbench.widgets.side_panel import TARGET
from workbench.widgets.table import Heading, Line

HEADINGS = (
    Heading(Text(" "), width=1),
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text("date", style="dim"), width=10),
    Heading(Text("rated", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
    Heading(Text("category", style="dim")),
)


def history(visit: Visit) -> list[Line]:
    """A line for each item of the history that is shown, and for the target, which comes last."""
    rows = [_happening(happening, visit, target=False) for happening in visit.history]
    return [*rows, _happening(visit.target, visit, target=True)]


def _happening(happening: Happening, visit: Visit, *, target: bool) -> Line:
    style = "bold" if target else ""
    category = happening.item.category.replace("|", ", ")
    short = line(category, "dim")
    short.truncate(16, overflow="ellipsis")
    return Line(
        f"{visit.event.event} {happening.place}",
        (
            Text(TARGET if target else " ", style="bold"),
            Text(numbers.count(happening.place), justify="right", style="dim"),
            Text(numbers.day(happening.timestamp), style=style or "dim"),
            Text(numbers.rating(happening.rating), justify="right", style=style),
            line(title(happening.item), style),
            short,
        ),
    )
