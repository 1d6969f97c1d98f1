"""What is shown as a sheet: the form in which the report's writers take a table, so that what is seen is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.measuring.highlighting import ALIKE, FEW_EVENTS, LEVEL
from engine.tables.labels import SEPARATOR
from engine.tables.sheet import Shown, measured_words, results_sheet, seen_words
from engine.tables.significance import Verdicts
from workbench.results.comparison import Comparison, Paired
from workbench.results.drill_down import DrillDown, DrillDownView
from workbench.results.results_grid import ResultsView
from workbench.results.results_table import LETTERS
from workbench.ui import numbers
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.experiments.sheet import Cell, Sheet


def view_sheet(
    view: ResultsView, choice: ResultsChoice, rows: Sequence[int], *, verdicts: Verdicts, wanted: str
) -> Sheet:
    """The table of Results: these rows in this order. wanted: the filter."""
    shown = Shown(rows, choice.row_name, choice.columns, verdicts, choice.thesis)
    total = len(view.grid.rows)
    notes = [f'Only rows whose name holds "{wanted}": {len(rows)} of {total}.'] if wanted else []
    return results_sheet(view.grid, choice.measured, shown, view.fingerprints, notes)


def comparison_sheet(comparison: Comparison, choice: ResultsChoice) -> Sheet:
    """The compare view: a row per difference."""
    from engine.experiments.sheet import Cell, Row, Sheet

    letters = dict(zip((comparison.first, *comparison.others), LETTERS, strict=False))
    rows = tuple(
        Row(
            (row.dataset, row.value, f"{comparison.first} − {row.other}"),
            (
                _plain(row.means[0]),
                _plain(row.means[1]),
                Cell(
                    row.mean,
                    row.low,
                    row.high,
                    row.n,
                    row.users,
                    significant=_significant(row),
                ),
                Cell(row.p),
                Cell(row.p_holm),
            ),
        )
        for row in comparison.rows
    )
    names = "; ".join(f"{letter} {label}" for label, letter in letters.items())
    return Sheet(
        name=f"differences of {_measured(choice)}",
        title=f"Differences of {_measured(choice)}",
        heads=("dataset", choice.slice, "difference of"),
        columns=("first", "other", "difference", "p", "p Holm"),
        rows=rows,
        notes=(
            f"{names}.",
            f"p: paired bootstrap over users; p Holm: corrected over {numbers.counted(len(rows), 'test')}. "
            f"{ALIKE} not significantly different (p Holm ≥ {LEVEL:g}).",
            *comparison.notes,
        ),
    )


def drill_down_sheet(view: DrillDownView, drill_down: DrillDown) -> Sheet:
    """The events behind a number: a row per event."""
    from engine.experiments.sheet import Cell, Row, Sheet

    names = view.labels
    columns = tuple(f"{what} {name}" for name in names for what in ("rank", drill_down.metric))
    rows = tuple(
        Row(
            (event.user, event.target.key, event.target.title),
            tuple(
                cell
                for position, value in zip(event.positions, event.values, strict=True)
                for cell in (_plain(position), Cell(value))
            ),
        )
        for event in view.events
    )
    where = SEPARATOR.join(dict.fromkeys((drill_down.dataset, drill_down.slice, drill_down.value)))
    return Sheet(
        name=f"events behind {drill_down.metric}",
        title=f"Events behind {drill_down.metric} on {where}, {seen_words(drill_down.seen)}",
        heads=("user", "target", "title"),
        columns=columns,
        rows=rows,
        notes=(f"The first {numbers.count(len(rows))} of {numbers.counted(view.total, 'event')}.",),
    )


def _plain(value: float | None) -> Cell | None:
    from engine.experiments.sheet import Cell

    return None if value is None else Cell(value)


def _significant(row: Paired) -> bool | None:
    return None if row.n < FEW_EVENTS else row.p_holm < LEVEL


def _measured(choice: ResultsChoice) -> str:
    """What the differences are of, which are divided by the slice whatever the table's columns are."""
    return measured_words(replace(choice.measured, slice=choice.slice))
