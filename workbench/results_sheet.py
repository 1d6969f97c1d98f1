"""What is shown as a sheet: the form in which the report's writers take a table, so that what is seen is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from store.records import Evaluation
from store.words import Seen
from workbench import grid as shown
from workbench import numbers
from workbench.behind import Behind, BehindView
from workbench.comparison import Comparison
from workbench.display import protocol
from workbench.labels import SEPARATOR
from workbench.remembered import ResultsChoice
from workbench.results_grid import ResultsView
from workbench.results_table import LETTERS, label_lines
from workbench.significance import SURE, Alike

if TYPE_CHECKING:
    from engine.experiments.sheet import Cell, Sheet


def results_sheet(
    view: ResultsView, choice: ResultsChoice, rows: Sequence[int], *, alike: Alike, tested: bool, wanted: str
) -> Sheet:
    """The table of Results: these rows in this order. tested: whether `alike` is known; wanted: the filter."""
    from engine.experiments.sheet import Row, Sheet

    grid = view.grid
    named = [label_lines(grid, grid.labels[row]) for row in rows]
    labels = [[part for part in (parts[:-1] if grid.across else parts) if part] for parts in named]  # n has a column
    depth = max(map(len, labels), default=1)
    sheet_rows = tuple(
        Row(
            (*parts, *[""] * (depth - len(parts))),
            tuple(
                _cell(cell, choice, similar=(row, column) in alike, tested=tested) if cell else None
                for column, cell in enumerate(grid.cells[row])
            ),
        )
        for row, parts in zip(rows, labels, strict=True)
    )
    cells = [cell for row in rows for cell in grid.cells[row] if cell]
    notes = [*grid.notes]
    if wanted:
        notes.append(f'Only rows whose name holds "{wanted}": {len(rows)} of {len(grid.rows)}.')
    if grid.left_out:
        notes.append(f"The {len(grid.columns)} largest of {len(grid.columns) + grid.left_out} columns.")
    sheet = Sheet(
        name=measured(choice, choice.columns or choice.divided),
        title=measured(choice, choice.columns or choice.divided),
        heads=(choice.row_name, "measured")[:depth],
        columns=tuple(SEPARATOR.join(filter(None, (column.dataset, column.value))) for column in grid.columns),
        rows=sheet_rows,
        fingerprints=_fingerprints(cells, view.fingerprints),
        best_of="row" if grid.across else "column",
        notes=tuple(notes),
    )
    return _with_protocols(sheet, [cell.evaluation for cell in cells])


def comparison_sheet(found: Comparison, choice: ResultsChoice) -> Sheet:
    """The compare view: a row per difference."""
    from engine.experiments.sheet import Cell, Row, Sheet

    letters = dict(zip((found.first, *found.others), LETTERS, strict=False))
    rows = tuple(
        Row(
            (row.dataset, row.value, f"{found.first} − {row.other}"),
            (
                _plain(row.means[0]),
                _plain(row.means[1]),
                Cell(row.mean, row.low, row.high, row.n, row.users, significant=row.p_holm < SURE),
                Cell(row.p),
                Cell(row.p_holm),
            ),
        )
        for row in found.rows
    )
    names = "; ".join(f"{letter} {label}" for label, letter in letters.items())
    return Sheet(
        name=f"differences of {measured(choice, choice.slice)}",
        title=f"Differences of {measured(choice, choice.slice)}",
        heads=("dataset", choice.slice, "difference of"),
        columns=("first", "other", "difference", "p", "p Holm"),
        rows=rows,
        notes=(
            f"{names}.",
            f"p: paired bootstrap over users; p Holm: corrected over {numbers.counted(len(rows), 'test')}.",
            *found.notes,
        ),
    )


def behind_sheet(view: BehindView, behind: Behind) -> Sheet:
    """The events behind a number: a row per event."""
    from engine.experiments.sheet import Cell, Row, Sheet

    names = view.labels
    columns = tuple(f"{what} {name}" for name in names for what in ("rank", behind.metric))
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
    where = SEPARATOR.join(dict.fromkeys((behind.dataset, behind.slice, behind.value)))
    return Sheet(
        name=f"events behind {behind.metric}",
        title=f"Events behind {behind.metric} on {where}, seen items {_rule(behind.seen)}",
        heads=("user", "target", "title"),
        columns=columns,
        rows=rows,
        notes=(f"The first {numbers.count(len(rows))} of {numbers.counted(view.total, 'event')}.",),
    )


def measured(choice: ResultsChoice, by: str) -> str:
    """What the numbers are: `NDCG@10 by category, seen items masked, mean over events`."""
    divided = "" if by == "all" else f" by {by}"
    mean = "users" if choice.user_mean else "events"
    return f"{choice.metric.upper()}{divided}, seen items {_rule(choice.seen)}, mean over {mean}"


def _rule(seen: str) -> str:
    return "masked" if seen == Seen.MASK else "kept"


def _cell(cell: shown.Cell, choice: ResultsChoice, *, similar: bool, tested: bool) -> Cell:
    from engine.experiments.sheet import Cell

    return Cell(
        cell.mean,
        cell.low,
        cell.high,
        n=cell.metric.n,
        users=cell.metric.users,
        place=cell.place,
        significant=not similar if tested and cell.place != 1 else None,
        published=cell.thesis.value if cell.thesis and choice.thesis else None,
        evaluation=cell.evaluation.key,
        note=_protocol(cell.evaluation),
    )


def _plain(value: float | None) -> Cell | None:
    from engine.experiments.sheet import Cell

    return None if value is None else Cell(value)


def _protocol(evaluation: Evaluation) -> str:
    """The protocol without the number of candidates, which is the dataset's."""
    words = protocol(evaluation).replace(f" of {evaluation.candidates}; ", "; ", 1)
    return f"{evaluation.split} events; {words}"


def _with_protocols(sheet: Sheet, evaluations: Iterable[Evaluation]) -> Sheet:
    """The protocol below the table where there is one, else as a mark at each number; and how many candidates."""
    every = {cell.note for row in sheet.rows for cell in row.cells if cell}
    candidates = dict.fromkeys(f"{each.dataset} {numbers.count(each.candidates)}" for each in evaluations)
    notes = (*sheet.notes, f"Candidates: {', '.join(candidates)}.") if candidates else sheet.notes
    if len(every) != 1:
        return replace(sheet, notes=notes)
    rows = tuple(replace(row, cells=tuple(cell and replace(cell, note="") for cell in row.cells)) for row in sheet.rows)
    return replace(sheet, rows=rows, protocol=every.pop(), notes=notes)


def _fingerprints(cells: Iterable[shown.Cell], known: Mapping[str, str]) -> dict[str, str]:
    names = dict.fromkeys(cell.evaluation.dataset for cell in cells)
    return {name: known[name] for name in names if name in known}
