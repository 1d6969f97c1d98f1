"""A results table as a sheet: the form that the command line prints and the report's writers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.experiments import sheet as sheets
from engine.experiments.sheet import Row, Sheet
from engine.tables.labels import SEPARATOR, protocol
from engine.tables.results_table import Cell, ResultsTable, TableColumn
from engine.tables.significance import Measured, Verdicts
from store.enums import Seen
from store.rows import Evaluation


@dataclass(frozen=True)
class Shown:
    """How a table is shown: its rows in their order, what they and the columns are, whether the thesis' numbers are.

    verdicts: which cells differ from the best; empty if nothing was tested.
    """

    rows: Sequence[int]
    row_name: str = "model"
    by: str = ""
    verdicts: Verdicts = field(default_factory=dict)
    thesis: bool = True


def results_sheet(
    table: ResultsTable, measured: Measured, shown: Shown, fingerprints: Mapping[str, str], notes: Sequence[str] = ()
) -> Sheet:
    """The sheet of these rows. fingerprints: of the datasets by name; notes: further lines below it."""
    named = [label_lines(table, table.labels[row]) for row in shown.rows]
    labels = [[part for part in (parts[:-1] if table.across else parts) if part] for parts in named]  # n has a column
    cells_of = [[cell for cell in table.cells[row] if cell] for row in shown.rows]
    common, own = _protocols(cells_of)
    if not table.across:
        labels = [[parts[0], _reads(parts[1:], words)] for parts, words in zip(labels, own, strict=True)]
        if not any(reads for _, reads in labels):
            labels = [[name] for name, _ in labels]
    depth = max(map(len, labels), default=1)
    rows = tuple(
        Row(
            (*parts, *[""] * (depth - len(parts))),
            tuple(
                _cell(cell, shown, _note(cell, common, () if table.across else words), index=(row, column))
                if cell
                else None
                for column, cell in enumerate(table.cells[row])
            ),
        )
        for row, parts, words in zip(shown.rows, labels, own, strict=True)
    )
    cells = [cell for row in shown.rows for cell in table.cells[row] if cell]
    left_out = [f"The {len(table.columns)} largest of {len(table.columns) + table.left_out} columns."]
    datasets = {column.dataset for column in table.columns}
    alone = next(iter(datasets)) if len(datasets) == 1 and len(table.columns) > 1 else ""
    title = measured_words(measured, shown.by, alone)
    return Sheet(
        name=title,
        title=title,
        heads=(shown.row_name, "measured" if table.across else "reads")[:depth],
        columns=tuple(_column_name(table, column, alone) for column in table.columns),
        rows=rows,
        fingerprints=_fingerprints(cells, fingerprints),
        best_of="row" if table.across else "column",
        protocol="; ".join(common),
        notes=(*table.notes, *notes, *(left_out if table.left_out else []), *_candidates(cells)),
    )


def measured_words(measured: Measured, by: str = "", dataset: str = "") -> str:
    """What the numbers are: `NDCG@10 by category on shop, seen items masked, mean over events`."""
    by = by or measured.slice
    divided = "" if by == "all" else f" by {by}"
    where = f" on {dataset}" if dataset else ""
    where += "".join(f", {each}" for each in measured.where)
    mean = "users" if measured.user_mean else "events"
    return f"{measured.metric.upper()}{divided}{where}, {seen_words(measured.seen)}, mean over {mean}"


def seen_words(seen: str) -> str:
    """The seen rule in words."""
    return "seen items masked" if seen == Seen.MASK else "seen items kept"


def label_lines(table: ResultsTable, label: str) -> list[str]:
    """A label's name and what tells it apart from others; of rows that hold what is compared, n on a line of its own.

    A line is cut where it is too long, not broken.
    """
    name, *rest = label.split(SEPARATOR)
    if not table.across:
        return [name, SEPARATOR.join(rest)]
    return [name, *([SEPARATOR.join(rest[:-1])] if rest[:-1] else []), rest[-1]]


def _column_name(table: ResultsTable, column: TableColumn, alone: str) -> str:
    """Dataset and slice value of a column, without what all columns share. alone: the dataset of all, "" if several."""
    divided = not column.dataset or len({other.value for other in table.columns}) > 1
    parts = ("" if alone else column.dataset, column.value if divided else "")
    return SEPARATOR.join(part for part in parts if part)


def _cell(cell: Cell, shown: Shown, note: str, *, index: tuple[int, int]) -> sheets.Cell:
    return sheets.Cell(
        cell.mean,
        cell.low,
        cell.high,
        n=cell.metric.n,
        users=cell.metric.users,
        place=cell.place,
        significant=shown.verdicts.get(index),
        published=cell.thesis.value if cell.thesis and shown.thesis else None,
        evaluation=cell.evaluation.key,
        note=note,
    )


def _protocols(rows: Sequence[Sequence[Cell]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The parts of the protocol that all cells share, and for every row those that its cells share beside them."""
    parts = [[_protocol_parts(cell.evaluation) for cell in cells] for cells in rows]
    common = _shared([each for row in parts for each in row])
    return common, [tuple(part for part in _shared(row) if part not in common) for row in parts]


def _shared(all_parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    first, *others = all_parts or [()]
    return tuple(part for part in first if all(part in other for other in others))


def _protocol_parts(evaluation: Evaluation) -> list[str]:
    """The protocol without the number of candidates, which is the dataset's."""
    words = protocol(evaluation).replace(f" of {evaluation.candidates}; ", "; ", 1)
    return [f"{evaluation.split} events", *words.split("; ")]


def _reads(label: Sequence[str], protocol_parts: Sequence[str]) -> str:
    """What tells a row apart from others: the words of its label and what only its protocol says."""
    said = "; ".join(protocol_parts)
    words = [word for part in label for word in part.split(SEPARATOR) if word not in said]
    return "; ".join([*words, *protocol_parts])


def _note(cell: Cell, common: Sequence[str], own: Sequence[str]) -> str:
    """What the protocol of a cell has beside what the table and its row say."""
    return "; ".join(part for part in _protocol_parts(cell.evaluation) if part not in (*common, *own))


def _candidates(cells: Sequence[Cell]) -> list[str]:
    found = dict.fromkeys(f"{cell.evaluation.dataset} {cell.evaluation.candidates:,}" for cell in cells)
    return [f"Candidates: {', '.join(found)}."] if found else []


def _fingerprints(cells: Sequence[Cell], known: Mapping[str, str]) -> dict[str, str]:
    names = dict.fromkeys(cell.evaluation.dataset for cell in cells)
    return {name: known[name] for name in names if name in known}
