"""What is added to numbers that stand beside each other: places, significance, the thesis' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.experiments.question import Column, Question
from engine.experiments.sheet import Cell, Row
from engine.measuring.choices import LEVEL
from engine.published.thesis import published
from store.records import Dataset

Tests = Mapping[tuple[int, int], float]  # row and column: p against the best of the row (the best: the second)


def placed(cells: Sequence[Cell | None], *, lower_is_better: bool = False) -> tuple[Cell | None, ...]:
    """The cells of a row with the best and the second marked; equals share a place, and nothing is best of equals."""
    values = sorted({cell.value for cell in cells if cell is not None}, reverse=not lower_is_better)
    place = {value: rank for rank, value in enumerate(values[:2], 1)} if len(values) > 1 else {}
    return tuple(cell and replace(cell, place=place.get(cell.value, 0)) for cell in cells)


def tested(rows: Sequence[Row], tests: Tests) -> tuple[Row, ...]:
    """The rows of a sheet with what differs significantly, by Holm's correction over all tests of the sheet."""
    from engine.measuring.intervals import holm

    corrected = dict(zip(tests, holm(list(tests.values())), strict=True))
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, significant=corrected[place, column] < LEVEL)
                if cell is not None and (place, column) in corrected
                else cell
                for column, cell in enumerate(row.cells)
            ),
        )
        for place, row in enumerate(rows)
    )


def thesis(question: Question, column: Column, dataset: Dataset, metric: str) -> tuple[float | None, str]:
    """The published number of a cell, and a note where it is of another edition of the data."""
    table, (category, edition) = question.definition.table, question.editions[dataset.name]
    if not table or not column.arm.published or category is None:
        return None, ""
    found = published(table, category, metric, column.arm.published)
    return found, f"thesis: {edition}" if found is not None and edition else ""
