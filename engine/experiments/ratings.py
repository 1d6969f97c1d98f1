"""The experiment over ratings: errors of predictors, in stars, with warm and cold users and items apart."""

from __future__ import annotations

from collections.abc import Sequence

from engine.experiments.context import ExperimentColumn, ExperimentContext
from engine.experiments.evaluations import AVERAGING, fingerprints, same_time
from engine.experiments.sheet import Cell, Row, Sheet
from engine.experiments.significance import error_p_values, mark_significance, rank_cells
from engine.measuring.choices import Averaging
from engine.published.thesis import published
from store.enums import Slice
from store.ratings import rating_errors, rating_runs
from store.rows import RatingError, RatingRun

THESIS = "The thesis does not say on which data its errors were measured; they are for orientation."
LENGTHS = (Slice.HISTORY_LENGTH, Slice.VISIBLE_LENGTH)

Errors = dict[tuple[str, str, str], RatingError]  # by slice, value and metric


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """All test events, then those of warm and cold users and items apart, which are not tested."""
    whole: list[Row] = []
    parts: list[Row] = []
    tests: dict[tuple[int, int], float] = {}
    for dataset in context.datasets:
        runs = [_run(context, column, dataset.name) for column in context.columns]
        errors = [_errors(context, run) for run in runs]
        p = error_p_values(context, runs)
        for metric in context.definition.metrics:
            keys = dict.fromkeys(key for own in errors for key in own if key[2] == metric and key[0] not in LENGTHS)
            for key in keys:
                found = [
                    _cell(context, column, own.get(key)) for column, own in zip(context.columns, errors, strict=True)
                ]
                cells = rank_cells(found, lower_is_better=True)
                if key[0] == Slice.ALL:
                    tests |= {(len(whole), column): value for (name, column), value in p.items() if name == metric}
                    whole.append(Row((dataset.name, metric), cells))
                else:
                    parts.append(Row((dataset.name, metric, *key[:2]), cells))
    name, title = context.definition.name, context.definition.title
    return (
        _sheet(context, f"{name}-all", title, ("dataset", "error"), mark_significance(whole, tests), (THESIS,)),
        _sheet(context, f"{name}-parts", f"{title}: warm and cold", ("dataset", "error", "slice", "value"), parts),
    )


def _sheet(
    context: ExperimentContext,
    name: str,
    title: str,
    heads: tuple[str, ...],
    rows: Sequence[Row],
    notes: tuple[str, ...] = (),
) -> Sheet:
    shown = [dataset for dataset in context.datasets if any(dataset.name in row.labels for row in rows)]
    return Sheet(
        name=name,
        title=title,
        heads=heads,
        columns=tuple(column.arm.label for column in context.columns),
        rows=tuple(rows),
        lower_is_better=True,
        protocol=f"rated test events; clipped to the scale, never rounded; {AVERAGING[context.arguments.mean]}; "
        + same_time(context),
        fingerprints=fingerprints(shown),
        notes=notes,
    )


def _run(context: ExperimentContext, column: ExperimentColumn, dataset: str) -> RatingRun | None:
    """The newest run of a column's predictor over its features, or None."""
    runs = rating_runs(context.db, predictor=column.arm.predictor, dataset=dataset)
    return next((run for run in reversed(runs) if run.features == column.arm.features), None)


def _errors(context: ExperimentContext, run: RatingRun | None) -> Errors:
    found = rating_errors(context.db, run.id) if run else []
    return {(error.slice, error.value, error.metric): error for error in found}


def _cell(context: ExperimentContext, column: ExperimentColumn, error: RatingError | None) -> Cell | None:
    """An error with its interval; the thesis' number beside that of all events."""
    if error is None:
        return None
    by_user = context.arguments.mean is Averaging.USER
    value, low, high = (
        (error.user_mean, error.user_low, error.user_high) if by_user else (error.mean, error.low, error.high)
    )
    table, name = context.definition.table, column.arm.published
    there = published(table, "rating", error.metric, name) if error.slice == Slice.ALL else None
    return Cell(value, low, high, error.n, error.users, published=there)
