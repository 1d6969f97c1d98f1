"""The experiment over datasets: what was ingested, beside the thesis' statistics."""

from __future__ import annotations

from engine.experiments.evaluations import fingerprints
from engine.experiments.question import Question
from engine.experiments.sheet import Cell, Row, Sheet
from engine.published.thesis import published
from store import statistics
from store.records import Dataset
from store.words import Split

COUNTS = ("users", "items", "interactions", "train events", "valid events", "test events")
TEXTS = ("items without description", "items with a title of others", "rows dropped")
SHAPES = ("interactions per user", "interactions per item", "test events per user", "test history, items")


def sheets(question: Question) -> tuple[Sheet, ...]:
    """Counts, and what follows from them."""
    prints = fingerprints(question.datasets)
    name = question.definition.name
    return (
        Sheet(
            f"{name}-counts", f"{question.definition.title}: counts", ("dataset", "split"), (*COUNTS, *TEXTS),
            tuple(Row((dataset.name, dataset.split), _counts(question, dataset)) for dataset in question.datasets),
            decimals=0, fingerprints=prints,
        ),
        Sheet(
            f"{name}-shapes", f"{question.definition.title}: means", ("dataset", "split"), SHAPES,
            tuple(Row((dataset.name, dataset.split), _shapes(question, dataset)) for dataset in question.datasets),
            decimals=2, fingerprints=prints,
        ),
    )  # fmt: skip


def _counts(question: Question, dataset: Dataset) -> tuple[Cell, ...]:
    category, note = question.editions[dataset.name]
    thesis = [published(question.definition.table, category, name, "dataset") if category else None for name in COUNTS]
    counts = [dataset.users, dataset.items, dataset.interactions, *(dataset.events.get(split, 0) for split in Split)]
    texts = (
        statistics.items_without_description(question.db, dataset.id),
        statistics.items_with_repeated_title(question.db, dataset.id),
        sum(dataset.dropped.values()),
    )
    return (
        *(
            Cell(count, published=there, note=f"thesis: {note}" if there is not None and note else "")
            for count, there in zip(counts, thesis, strict=True)
        ),
        *(Cell(count) for count in texts),
    )


def _shapes(question: Question, dataset: Dataset) -> tuple[Cell | None, ...]:
    test = statistics.event_shape(question.db, dataset.id, Split.TEST)
    return (
        _ratio(dataset.interactions, dataset.users),
        _ratio(dataset.interactions, dataset.items),
        _ratio(test.events, test.users),
        Cell(test.history, n=test.events, users=test.users) if test.events else None,
    )


def _ratio(of: int, by: int) -> Cell | None:
    return Cell(of / by, n=by) if by else None
