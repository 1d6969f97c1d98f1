"""The experiment over datasets: what was ingested, beside the thesis' statistics."""

from __future__ import annotations

from engine.experiments.context import ExperimentContext
from engine.experiments.evaluations import fingerprints
from engine.experiments.sheet import Cell, Row, Sheet
from engine.published.thesis import published
from store import statistics
from store.enums import Split
from store.rows import Dataset

COUNTS = ("users", "items", "interactions", "train events", "valid events", "test events")
TEXTS = ("items without description", "items with a title of others", "rows dropped")
SHAPES = ("interactions per user", "interactions per item", "test events per user", "test history, items")


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """Counts, and what follows from them."""
    prints = fingerprints(context.datasets)
    name = context.definition.name
    return (
        Sheet(
            f"{name}-counts", f"{context.definition.title}: counts", ("dataset", "split"), (*COUNTS, *TEXTS),
            tuple(Row((dataset.name, dataset.split), _counts(context, dataset)) for dataset in context.datasets),
            decimals=0, fingerprints=prints,
        ),
        Sheet(
            f"{name}-shapes", f"{context.definition.title}: means", ("dataset", "split"), SHAPES,
            tuple(Row((dataset.name, dataset.split), _shapes(context, dataset)) for dataset in context.datasets),
            decimals=2, fingerprints=prints,
        ),
    )  # fmt: skip


def _counts(context: ExperimentContext, dataset: Dataset) -> tuple[Cell, ...]:
    category, note = context.editions[dataset.name]
    thesis = [published(context.definition.table, category, name, "dataset") if category else None for name in COUNTS]
    counts = [dataset.users, dataset.items, dataset.interactions, *(dataset.events.get(split, 0) for split in Split)]
    texts = (
        statistics.items_without_description(context.db, dataset.id),
        statistics.items_with_repeated_title(context.db, dataset.id),
        sum(dataset.dropped.values()),
    )
    return (
        *(
            Cell(count, published=there, note=f"thesis: {note}" if there is not None and note else "")
            for count, there in zip(counts, thesis, strict=True)
        ),
        *(Cell(count) for count in texts),
    )


def _shapes(context: ExperimentContext, dataset: Dataset) -> tuple[Cell | None, ...]:
    test = statistics.event_shape(context.db, dataset.id, Split.TEST)
    return (
        _ratio(dataset.interactions, dataset.users),
        _ratio(dataset.interactions, dataset.items),
        _ratio(test.events, test.users),
        Cell(test.history, n=test.events, users=test.users) if test.events else None,
    )


def _ratio(of: int, by: int) -> Cell | None:
    return Cell(of / by, n=by) if by else None
