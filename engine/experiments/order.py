"""The experiment on order: each model on a dataset with its events of one time in other orders."""

from __future__ import annotations

from dataclasses import replace

from engine.arrangements import ARRANGEMENTS, SHUFFLES, By
from engine.experiments.context import ExperimentColumn, ExperimentContext
from engine.experiments.evaluations import AVERAGING, SEEN, cell, fingerprints, notes
from engine.experiments.sheet import Cell, Line, LineFigure, Row, Sheet
from engine.experiments.significance import rank_cells
from engine.measuring.highlighting import INTERVAL
from engine.measuring.seeds import spread
from store.enums import Seen, Slice
from store.evaluations import slice_metrics
from store.rows import Dataset

ALL_SHUFFLES = f"shuffle, {len(SHUFFLES)} seeds"
SPREAD, WIDTH = "largest less smallest", "width of the interval"
# Of one set of events: strict leaves events out, so its distance is no choice of an order.
ORDERS = tuple(one.words for one in ARRANGEMENTS if one.by is not By.STRICT)
ONE = SHUFFLES[0].words
NOTES = (
    f"{SPREAD}: over the {len(ORDERS)} orders of the same events, five shuffles, rising and falling keys. "
    f"{WIDTH}: of the {INTERVAL} of {ONE}, what another sample of users would change.",
    "Trained baselines are trained anew on each order. strict: histories end before the target's time, and events "
    "that are left without a history are left out.",
)

Cells = dict[str, Cell]  # one model's on one dataset, by the words for the order


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """One for each seen rule."""
    return tuple(_sheet(context, seen) for seen in context.seen)


def figures(context: ExperimentContext) -> tuple[LineFigure, ...]:
    """One for each dataset and metric; seen items are left out where both rules are shown."""
    seen = context.arguments.seen or Seen.MASK
    ticks = tuple(one.words for one in ARRANGEMENTS)
    found = []
    for dataset in filter(context.can_rearrange, context.datasets):
        for metric in context.definition.metrics:
            columns = zip(context.columns, _columns(context, dataset, metric, seen), strict=True)
            lines = tuple(Line(one.arm.label, tuple(map(cells.get, ticks))) for one, cells in columns if cells)
            name = f"{context.definition.name}-{dataset.name}-{metric}-{seen}"
            title = f"{dataset.name}: {metric} by the order of events of one time, {SEEN[seen]}"
            if lines:
                found.append(LineFigure(name, title, "order", metric, ticks, lines))
    return tuple(found)


def _sheet(context: ExperimentContext, seen: Seen) -> Sheet:
    rows: list[Row] = []
    for dataset in filter(context.can_rearrange, context.datasets):
        for metric in context.definition.metrics:
            rows += _rows(dataset, metric, _columns(context, dataset, metric, seen))
    shown = [dataset for dataset in context.datasets if any(dataset.name in row.labels for row in rows)]
    return Sheet(
        name=f"{context.definition.name}-{seen}",
        title=f"{context.definition.title}, {SEEN[seen]}",
        heads=("dataset", "metric", "events of one time"),
        columns=tuple(column.arm.label for column in context.columns),
        rows=tuple(rows),
        protocol=f"test events against the full catalogue; {SEEN[seen]}; ties expected over random order; "
        f"{AVERAGING[context.arguments.mean]}; events of one time: as each row says",
        fingerprints=fingerprints(shown),
        notes=(*NOTES, *notes(context)) if rows else (),
    )


def _rows(dataset: Dataset, metric: str, columns: list[Cells]) -> list[Row]:
    """The orders that any model has, then how far apart they are beside the interval of one of them."""
    if not any(columns):
        return []
    # The figure leads the report to the evaluations; the workbench opens those of datasets that its lists show.
    columns = [{words: replace(one, evaluation="") for words, one in cells.items()} for cells in columns]
    found = [Row((dataset.name, metric, ALL_SHUFFLES), rank_cells([_over_shuffles(cells) for cells in columns]))]
    for order in (ONE, *(one.words for one in ARRANGEMENTS if one not in SHUFFLES)):
        found.append(Row((dataset.name, metric, order), rank_cells([cells.get(order) for cells in columns])))
    found.append(Row((dataset.name, metric, SPREAD), tuple(map(order_spread, columns))))
    found.append(Row((dataset.name, metric, WIDTH), tuple(map(interval_width, columns))))
    return [row for row in found if any(row.cells)]


def _columns(context: ExperimentContext, dataset: Dataset, metric: str, seen: Seen) -> list[Cells]:
    """The cells of every column of a dataset and metric."""
    return [_cells(context, column, dataset, metric, seen) for column in context.columns]


def _cells(context: ExperimentContext, column: ExperimentColumn, dataset: Dataset, metric: str, seen: Seen) -> Cells:
    if not context.applies(column, dataset):
        return {}
    found = {}
    for words, arranged in context.arrangements(dataset).items():
        own = (context.evaluation(column, model, arranged) for model in column.models)
        stored = [evaluation for evaluation in own if evaluation is not None]
        rows = slice_metrics(context.db, stored, slice_name=Slice.ALL, metric=metric, seen=seen)
        made = cell(rows, context.arguments.mean)
        if made is not None:
            found[words] = made
    return found


def _over_shuffles(cells: Cells) -> Cell | None:
    """The mean of the shuffles with their standard deviation; None while one is missing."""
    own = [cells[one.words] for one in SHUFFLES if one.words in cells]
    if len(own) < len(SHUFFLES):
        return None
    mean, deviation = spread([one.value for one in own])
    return replace(own[0], value=mean, low=None, high=None, seeds=len(own), spread=deviation)


def order_spread(cells: Cells) -> Cell | None:
    """How far the numbers of the orders of the same events lie apart; None while one is missing."""
    own = [cells[words] for words in ORDERS if words in cells]
    if len(own) < len(ORDERS):
        return None
    values = [one.value for one in own]
    return Cell(max(values) - min(values), n=own[0].n, users=own[0].users)


def interval_width(cells: Cells) -> Cell | None:
    """How wide the interval of one shuffle is; None where it has none."""
    one = cells.get(ONE)
    if one is None or one.low is None or one.high is None:
        return None
    return Cell(one.high - one.low, n=one.n, users=one.users)
