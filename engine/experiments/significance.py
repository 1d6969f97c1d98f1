"""Best, second and ≈ of an experiment's tables; tests are kept for the process, since a bootstrap takes a while."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from engine.experiments.context import ExperimentContext
from engine.experiments.sheet import Cell, Row
from engine.measuring.choices import Averaging
from engine.measuring.highlighting import cell_ranks, not_significant
from store.enums import Seen, Slice
from store.errors import BadInput
from store.rows import Dataset, RatingRun

P = dict[tuple[Seen, str, str, int], float]  # by seen rule, metric, slice value and column
Tests = Mapping[tuple[int, int], float]  # by row and column: p against the best of the row, not corrected

KEPT = 200  # answers; an experiment asks one for each dataset and slice

_known: dict[Hashable, Any] = {}


def rank_cells(cells: Sequence[Cell | None], *, lower_is_better: bool = False) -> tuple[Cell | None, ...]:
    """The cells of a row with best and second marked; none for few events (see `cell_ranks`)."""
    n = min((cell.n for cell in cells if cell is not None), default=0)
    values = [None if cell is None else cell.value for cell in cells]
    found = cell_ranks(values, n, lower_is_better=lower_is_better)
    return tuple(cell and replace(cell, place=place) for cell, place in zip(cells, found, strict=True))


def mark_significance(rows: Sequence[Row], tests: Tests) -> tuple[Row, ...]:
    """The rows of a sheet with what differs significantly from the best of its row, Holm over the sheet."""
    alike = not_significant(tests)

    def marked(cell: Cell | None, index: tuple[int, int]) -> Cell | None:
        if cell is None or cell.place == 1 or index not in tests:
            return cell
        return replace(cell, significant=index not in alike)

    return tuple(
        replace(row, cells=tuple(marked(cell, (number, column)) for column, cell in enumerate(row.cells)))
        for number, row in enumerate(rows)
    )


def p_values(context: ExperimentContext, dataset: Dataset, slice: Slice) -> P:
    """p of the columns of a dataset against the best of their row, not corrected; the best column has none.

    Nothing if a column stands for several seeds: their spread shows how far apart they are.
    """
    row = [context.evaluations(column, dataset) for column in context.columns]
    ones = {found[0].key: found[0] for found in row if found}
    if len(ones) < 2 or any(len(found) > 1 for found in row):
        return {}
    by_user = context.arguments.mean is Averaging.USER

    def ask() -> dict[tuple[Seen, str, str, str], float]:
        from engine.measuring.against_best import compare_with_best
        from engine.measuring.metrics import measure

        keys = {evaluation.id: key for key, evaluation in ones.items()}
        measures = [measure(name) for name in context.definition.metrics]
        found = compare_with_best(context.db, list(ones.values()), slice, measures, context.seen, by_user=by_user)
        return {(one.seen, one.metric, one.value, keys[one.evaluation_id]): one.p for one in found}

    answers = once((tuple(ones), slice, context.definition.metrics, context.seen, by_user), ask)
    columns = {found[0].key: place for place, found in enumerate(row) if found}
    return {(seen, metric, value, columns[key]): p for (seen, metric, value, key), p in answers.items()}


def error_p_values(context: ExperimentContext, runs: Sequence[RatingRun | None]) -> dict[tuple[str, int], float]:
    """p of the runs of a dataset against the one of the smallest error, by metric and column, not corrected.

    The best column has none; nothing if the runs did not predict the same events.
    """
    by_user = context.arguments.mean is Averaging.USER
    columns = {run.id: column for column, run in enumerate(runs) if run is not None}
    own = [run for run in runs if run is not None]

    def ask() -> dict[tuple[int, str], float]:
        from engine.rating.errors import compare_errors_with_best

        with suppress(BadInput):
            return compare_errors_with_best(context.db, own, by_user=by_user)
        return {}

    answers = once((tuple(run.key for run in own), by_user), ask)
    return {(metric, columns[run]): p for (run, metric), p in answers.items()}


def once(key: Hashable, ask: Callable[[], Any]) -> Any:
    """What `ask` returns, computed the first time only."""
    if key not in _known:
        if len(_known) >= KEPT:
            _known.clear()
        _known[key] = ask()
    return _known[key]
