"""What an experiment's page says: its curves and facts in the forms of the widgets, its notes, and one cell in full."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from engine.measuring.highlighting import FEW, FEW_EVENTS
from store.plain_text import plain
from workbench.results.experiment_view import ExperimentView
from workbench.ui import numbers
from workbench.ui.cell_text import legend
from workbench.ui.chart_lines import ChartLine, Lines
from workbench.ui.display import brief, line
from workbench.ui.shell import command
from workbench.ui.table import Heading, TableLine

if TYPE_CHECKING:
    from engine.experiments.sheet import Figure, LineFigure, PointFigure, Sheet

METRIC = re.compile(r"(hr|ndcg)@\d+|mrr")


def published(page: Sheet | Figure | None) -> bool:
    """Whether a page holds numbers published elsewhere."""
    rows = getattr(page, "rows", ())
    return any(cell and cell.published is not None for row in rows for cell in row.cells)


def lines(figure: LineFigure) -> Lines:
    """A figure of lines as the chart draws it."""
    lines = tuple(
        ChartLine(one.label, tuple(cell.value if cell else None for cell in one.cells)) for one in figure.lines
    )
    return Lines(figure.y, f"over {figure.x}", figure.ticks, lines)


def facts(figure: PointFigure) -> tuple[list[Heading], list[TableLine]]:
    """The quality numbers of a map as a table."""
    headings = [Heading(Text("of the map", style="dim")), Heading(Text("value", style="dim"))]
    return headings, [TableLine(name, (line(name, "bold"), line(value))) for name, value in figure.facts]


def nothing(view: ExperimentView, option: Path | None) -> Text:
    """What to run if nothing of an experiment is stored."""
    text = Text("Nothing of ").append_text(line(view.outcome.title or view.outcome.name, "bold"))
    text.append(" is stored here yet. This runs what it needs:\n")
    return text.append(command(list(view.command), option), style="bold")


def notes(view: ExperimentView, page: Sheet | Figure | None, option: Path | None) -> Text:
    """Remarks below a page of an experiment."""
    from engine.experiments.sheet import PointFigure, Sheet

    words: list[str] = []
    if page is not None and view.outcome.missing:
        missing = numbers.counted(len(view.outcome.missing), "command")
        words.append(f"Not complete: {missing} to be run. C copies: {command(list(view.command), option)}")
    if isinstance(page, Sheet):
        if any(cell and cell.place for row in page.rows for cell in row.cells):
            words.append(legend(lower_is_better=page.lower_is_better))
        if any(cell and cell.users and cell.n < FEW_EVENTS for row in page.rows for cell in row.cells):
            words.append(FEW)
        words += [page.protocol] if page.protocol else []
        prints = ", ".join(f"{name} {fingerprint[:8]}" for name, fingerprint in page.fingerprints.items())
        words += [f"data: {prints}"] if prints else []
    elif isinstance(page, PointFigure):
        words.append(f"Its points are stored as projection {page.projection}; Map (6) shows them.")
    words += [*(page.notes if page else ()), *view.outcome.notes]
    return Text("\n").join(Text(plain(each), style="dim") for each in words)


def cell_words(page: Sheet | Figure | None, row: int, column: int) -> Text:
    """Everything about the cell under the cursor, in full."""
    from engine.experiments.sheet import Sheet

    if not isinstance(page, Sheet) or not (0 <= row < len(page.rows) and 0 < column <= len(page.columns)):
        return Text()
    cell = page.rows[row].cells[column - 1]
    names = map(brief, (page.columns[column - 1], *page.rows[row].labels))
    where = line(f"{', '.join(names)}: ")
    if cell is None:
        return where.append("nothing is stored")
    digits = page.decimals + 1 if page.decimals else 0
    where.append(f"{cell.value:,.{digits}f}", style="bold")
    if cell.low is not None and cell.high is not None:
        where.append(f" [{cell.low:,.{digits}f}, {cell.high:,.{digits}f}]")
    facts = [numbers.counted(cell.n, "event")] if cell.n else []
    facts += [numbers.counted(cell.users, "user")] if cell.users else []
    if cell.spread is not None:
        facts.append(f"mean of {numbers.counted(cell.seeds, 'seed')}, standard deviation {cell.spread:.{digits}f}")
    if cell.published is not None:
        facts.append(f"thesis {cell.published:,.{page.decimals}f}")
    if cell.significant is not None:
        facts.append(f"{'' if cell.significant else 'not '}significantly different from the best")
    facts += [plain(cell.note)] if cell.note else []
    return where.append("".join(f"; {fact}" for fact in facts))


def metric_of(sheet: Sheet, row: int, column: int) -> str:
    """The metric of a number, by the labels of its row and the name of its column; empty where neither says it."""
    words = (*sheet.rows[row].labels, sheet.columns[column])
    return next((word for word in words if METRIC.fullmatch(word)), "")
