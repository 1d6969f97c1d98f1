"""Experiments over slices: a row for each dataset and slice value, and the same as curves."""

from __future__ import annotations

from engine.experiments.context import ExperimentContext
from engine.experiments.evaluations import SEEN, cell, fingerprints, notes, protocol
from engine.experiments.sheet import Cell, Line, LineFigure, Row, Sheet
from engine.experiments.significance import P, mark_significance, p_values, rank_cells
from store.enums import Seen, Slice
from store.evaluations import slice_metrics
from store.rows import Dataset

NAMES = {Slice.HISTORY_LENGTH: "items in the history", Slice.VISIBLE_LENGTH: "items that the model read"}
LENGTHS = (Slice.HISTORY_LENGTH, Slice.VISIBLE_LENGTH)
OWN_EVENTS = "Models read different parts of a history, so the cells of a row are over different events: see their n."

Block = dict[str, list[Cell | None]]  # cells of all columns by slice value


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """One for each slice, metric and seen rule."""
    found = []
    for slice in map(Slice, context.definition.slices):
        p = {dataset.name: p_values(context, dataset, slice) for dataset in context.datasets}
        for metric in context.definition.metrics:
            found += [_sheet(context, slice, metric, seen, p) for seen in context.seen]
    return tuple(found)


def figures(context: ExperimentContext) -> tuple[LineFigure, ...]:
    """One for each dataset, slice and metric; seen items are left out where both rules are shown."""
    seen = context.arguments.seen or Seen.MASK
    found = []
    for dataset in context.datasets:
        for slice in map(Slice, context.definition.slices):
            for metric in context.definition.metrics:
                block = _block(context, dataset, slice, metric, seen)
                lines = tuple(
                    Line(column.arm.label, cells)
                    for place, column in enumerate(context.columns)
                    if any(cells := tuple(row[place] for row in block.values()))
                )
                name = f"{context.definition.name}-{dataset.name}-{slice}-{metric}-{seen}"
                title = f"{dataset.name}: {metric} by {_words(slice)}, {SEEN[seen]}"
                if lines:
                    found.append(LineFigure(name, title, _words(slice), metric, tuple(block), lines))
    return tuple(found)


def _sheet(context: ExperimentContext, slice: Slice, metric: str, seen: Seen, p: dict[str, P]) -> Sheet:
    rows: list[Row] = []
    tests: dict[tuple[int, int], float] = {}
    comparable = slice is not Slice.VISIBLE_LENGTH
    for dataset in context.datasets:
        for value, cells in _block(context, dataset, slice, metric, seen).items():
            for column in range(len(cells)):
                if (seen, metric, value, column) in p[dataset.name]:
                    tests[len(rows), column] = p[dataset.name][seen, metric, value, column]
            rows.append(Row((dataset.name, value), rank_cells(cells) if comparable else tuple(cells)))
    shown = [dataset for dataset in context.datasets if any(dataset.name in row.labels for row in rows)]
    return Sheet(
        name=f"{context.definition.name}-{slice}-{metric}-{seen}",
        title=f"{context.definition.title}: {metric} by {_words(slice)}, {SEEN[seen]}",
        heads=("dataset", _words(slice)),
        columns=tuple(column.arm.label for column in context.columns),
        rows=mark_significance(rows, tests),
        protocol=protocol(context, seen),
        fingerprints=fingerprints(shown),
        notes=notes(context) if comparable else (*notes(context), OWN_EVENTS),
    )


def _block(context: ExperimentContext, dataset: Dataset, slice: Slice, metric: str, seen: Seen) -> Block:
    """All columns by slice value, lengths in their order, other values as they are stored."""
    columns: list[dict[str, Cell | None]] = []
    for column in context.columns:
        of = context.evaluations(column, dataset)
        rows = slice_metrics(context.db, of, slice_name=slice, metric=metric, seen=seen)
        values = dict.fromkeys(row.metric.value for row in rows)
        own = {value: [row for row in rows if row.metric.value == value] for value in values}
        columns.append({value: cell(found, context.arguments.mean) for value, found in own.items()})
    found = list(dict.fromkeys(value for own in columns for value in own))
    if slice in LENGTHS:
        found.sort(key=_first_number)
    return {value: [own.get(value) for own in columns] for value in found}


def _first_number(value: str) -> int:
    """Where a length stands: `7`, `11-20` or `51+`."""
    return int(value.partition("-")[0].rstrip("+"))


def _words(slice: Slice) -> str:
    return NAMES.get(slice, slice.value)
