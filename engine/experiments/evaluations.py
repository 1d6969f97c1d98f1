"""Experiments over evaluations: rows are datasets and metrics, columns are arms, each seen rule has a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.experiments.context import ExperimentColumn, ExperimentContext
from engine.experiments.definition import Scope
from engine.experiments.sheet import Cell, Row, Sheet
from engine.experiments.significance import P, mark_significance, p_values, rank_cells
from engine.measuring.choices import Averaging
from engine.published.thesis import published as published_number
from store import statistics
from store.enums import Seen, Slice, SplitKind
from store.evaluations import MetricRow, slice_metrics
from store.rows import Dataset

SEEN = {Seen.KEEP: "seen items kept", Seen.MASK: "seen items left out"}
AVERAGING = {Averaging.EVENT: "every event weighs the same", Averaging.USER: "every user weighs the same"}


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """One sheet for each seen rule, and where trained models meet unseen data, what these have in common."""
    p = {dataset.name: p_values(context, dataset, Slice.ALL) for dataset in context.datasets}
    found = tuple(_sheet(context, seen, p) for seen in context.seen)
    if context.definition.scope == Scope.ANY:
        return found
    from engine.experiments.overlap import sheets as overlaps

    return (*found, *overlaps(context))


def cell(
    rows: Sequence[MetricRow], averaging: Averaging, published: float | None = None, note: str = ""
) -> Cell | None:
    """The number that evaluations, one for each seed, stand for; None for none. Only one has an interval."""
    if not rows:
        return None
    by_user = averaging is Averaging.USER
    first = rows[0].metric
    means = [row.metric.user_mean if by_user else row.metric.mean for row in rows]
    made = Cell(
        value=means[0],
        low=first.user_low if by_user else first.low,
        high=first.user_high if by_user else first.high,
        n=first.n,
        users=first.users,
        published=published,
        evaluation=rows[0].evaluation.key,
        note=note,
    )
    if len(rows) == 1:
        return made
    from engine.measuring.seeds import spread

    mean, deviation = spread(means)
    return replace(made, value=mean, low=None, high=None, seeds=len(rows), spread=deviation)


def protocol(context: ExperimentContext, seen: Seen) -> str:
    """The rules of a sheet in one line."""
    return (
        f"test events against the full catalogue; {SEEN[seen]}; ties expected over random order; "
        f"{AVERAGING[context.arguments.mean]}; {same_time(context)}"
    )


def same_time(context: ExperimentContext) -> str:
    """What decided between events of one time, of each dataset where they differ."""
    of = {dataset.name: dataset.same_time for dataset in context.datasets}
    alike = set(of.values())
    words = alike.pop() if len(alike) == 1 else ", ".join(f"{name} {value}" for name, value in of.items())
    return f"events of one time: {words}"


def notes(context: ExperimentContext) -> tuple[str, ...]:
    """What a reader of the numbers has to know about the datasets."""
    found = []
    for dataset in context.datasets:
        if context.sampled(dataset):
            events = context.stored.events(dataset.name)
            found.append(f"{dataset.name}: {context.sample:,} of {events:,} test events, drawn with seed 0.")
        if context.definition.descriptions:
            without = statistics.items_without_description(context.db, dataset.id)
            words = f"{dataset.name}: {without:,} of {dataset.items:,} items have no description"
            found.append(f"{words} and read as “description not available”." if without else f"{words}.")
    leaking = [dataset.name for dataset in context.datasets if dataset.split is SplitKind.LEAVE_ONE_OUT]
    if leaking:
        found.append(f"Leave-one-out, which leaks across users: {', '.join(leaking)}.")
    return tuple(found)


def fingerprints(datasets: Sequence[Dataset]) -> dict[str, str]:
    """The fingerprint of each dataset by its name."""
    return {dataset.name: dataset.fingerprint for dataset in datasets}


def _sheet(context: ExperimentContext, seen: Seen, p: dict[str, P]) -> Sheet:
    rows: list[Row] = []
    tests: dict[tuple[int, int], float] = {}
    for dataset in context.datasets:
        for metric in context.definition.metrics:
            cells = [_measured(context, column, dataset, metric, seen) for column in context.columns]
            if not any(cells):
                continue
            for column in range(len(cells)):
                if (seen, metric, "all", column) in p[dataset.name]:
                    tests[len(rows), column] = p[dataset.name][seen, metric, "all", column]
            rows.append(Row((dataset.name, metric), rank_cells(cells)))
    shown = [dataset for dataset in context.datasets if any(dataset.name in row.labels for row in rows)]
    return Sheet(
        name=f"{context.definition.name}-{seen}",
        title=f"{context.definition.title}, {SEEN[seen]}",
        heads=("dataset", "metric"),
        columns=tuple(column.arm.label for column in context.columns),
        rows=mark_significance(rows, tests),
        protocol=protocol(context, seen),
        fingerprints=fingerprints(shown),
        notes=notes(context),
    )


def _measured(
    context: ExperimentContext, column: ExperimentColumn, dataset: Dataset, metric: str, seen: Seen
) -> Cell | None:
    of = context.evaluations(column, dataset)
    rows = slice_metrics(context.db, of, slice_name=Slice.ALL, metric=metric, seen=seen)
    return cell(rows, context.arguments.mean, *_published(context, column, dataset, metric))


def _published(
    context: ExperimentContext, column: ExperimentColumn, dataset: Dataset, metric: str
) -> tuple[float | None, str]:
    """The thesis' number of a cell, and a note if it is of another edition of the data."""
    table, (category, edition) = context.definition.table, context.editions[dataset.name]
    if not table or not column.arm.published or category is None:
        return None, ""
    found = published_number(table, category, metric, column.arm.published)
    return found, f"thesis: {edition}" if found is not None and edition else ""
