"""What Results says beside its table: about the cell under the cursor, about marks, and where there is no table."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from engine.measuring.highlighting import ALIKE, FEW, FEW_EVENTS
from engine.tables.labels import protocol
from engine.tables.results_table import Cell, ResultsTable
from store.enums import Slice
from workbench.home.next_step import UNTRAINED
from workbench.results.results_grid import ResultsView
from workbench.ui import numbers
from workbench.ui.cell_text import BELOW, MARKS, legend
from workbench.ui.display import line
from workbench.ui.shell import command
from workbench.ui.ui_state import ResultsChoice


def legend_words(done: int, total: int) -> str:
    """What the marks mean; while tests are still made, how many of them are."""
    if done < total:
        return f"{MARKS[1]} best  {MARKS[2]} second  {ALIKE} is being tested ({done} of {total})  {BELOW}"
    return legend()


def notes(grid: ResultsTable) -> Text:
    """What may not be compared, and what is not shown."""
    words = [f"! {note}" for note in grid.notes]
    if grid.left_out:
        total = len(grid.columns) + grid.left_out
        words.append(f"the {len(grid.columns)} largest of {total} columns")
    if any(cell and cell.metric.n < FEW_EVENTS for row in grid.cells for cell in row):
        words.append(FEW)
    return line(words[0]) if len(words) == 1 else Text("\n").join(map(line, words))


def nothing(view: ResultsView, choice: ResultsChoice, option: Path | None) -> Text:
    """What to do if a table of results would be empty."""
    if not view.datasets:
        text = Text("Nothing to compare yet: there is no dataset. Home (1) says how to get one.\n")
        return text.append(command(["demo"], option), style="bold")
    if choice.columns:
        return Text("\n").join([notes(view.grid), Text(f"Nothing here has a {choice.columns}. Choose another with v.")])
    if choice.slice != Slice.ALL:
        return Text(f"No evaluation here has metrics by {choice.slice}. Choose another slice with v.")
    where = view.dataset or ",".join(view.datasets)
    text = Text("No model has been evaluated here yet. Home (1) offers it, or in a shell\n")
    text.append(command(["evaluate", *UNTRAINED, "--datasets", where], option), style="bold")
    text.append("\nOr make a whole table of the thesis:\n")
    return text.append(command(["experiment", "main", "--datasets", where], option), style="bold")


def cell_words(cell: Cell, choice: ResultsChoice) -> Text:
    """A cell of the results in words, with its interval."""
    m, e = cell.metric, cell.evaluation
    where = e.dataset if m.slice == Slice.ALL else f"{e.dataset}, {m.slice} {m.value}"
    text = line(f"{e.model} on {where}: ")
    text.append(f"{choice.metric.upper()} {cell.mean:.5f}", style="bold")
    text.append(
        f" [{cell.low:.5f}, {cell.high:.5f}]; {numbers.counted(m.n, 'event')}, {numbers.counted(m.users, 'user')}"
    )
    if m.upper > m.lower:
        text.append(f"; ties {m.lower:.4f}–{m.upper:.4f}")
    if cell.thesis is not None:
        text.append("\n").append_text(line(f"thesis {cell.thesis.value:.4f} ({cell.thesis.source})", "dim"))
    return text.append("\n").append_text(line(f"{protocol(e)}; made {numbers.moment(e.created)}", "dim"))
