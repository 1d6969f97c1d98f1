"""What Data shows: the datasets, what a pass over one of them finds, and its items page by page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from engine.audit.order_figures import OrderFigures, stored_figures
from store import datasets as dataset_store
from store import distributions, statistics
from store import evaluations as evaluation_store
from store import models as model_store
from store.distributions import SplitEvents
from store.enums import Split
from store.errors import Failed, Problem
from store.item_search import find_items
from store.rows import Dataset, Item
from store.statistics import EventShape
from store.workspace import Workspace

PAGE = 200  # items
LISTED = 1_000  # items; a table stays quick to about a thousand, and a filter is the quicker way to the others
BUDGET_S = 0.05  # how long one read of items may look for more


@dataclass(frozen=True)
class DataView:
    """All datasets, and by name what was made of each and what was measured of its order."""

    datasets: tuple[Dataset, ...]
    used: dict[str, Use] = field(default_factory=dict)
    order: dict[str, OrderFigures] = field(default_factory=dict)


@dataclass(frozen=True)
class Use:
    """The text models whose last phases read it, how many evaluations there are of it, and of how many models."""

    trained: tuple[str, ...] = ()
    evaluations: int = 0
    models: int = 0


@dataclass(frozen=True)
class Measured:
    """What passes over a dataset found; None where the pass was not made yet."""

    splits: tuple[SplitEvents, ...] | None = None
    categories: tuple[tuple[str, int], ...] | None = None
    texts: tuple[int, int] | None = None  # items without description, items with a title that another has
    shapes: tuple[tuple[Split, EventShape], ...] | None = None


PASSES: dict[str, Callable[[sqlite3.Connection, int], Any]] = {
    "splits": lambda db, id: tuple(distributions.split_events(db, id)),
    "categories": lambda db, id: tuple(distributions.category_counts(db, id)),
    "texts": lambda db, id: (
        statistics.items_without_description(db, id),
        statistics.items_with_repeated_title(db, id),
    ),
    "shapes": lambda db, id: tuple((split, statistics.event_shape(db, id, split)) for split in Split),
}


@dataclass(frozen=True)
class Truncation:
    """What a tokenizer and length leave of a dataset's texts, as `st5 datasets NAME --json` says it."""

    model: str
    tokens: int
    items: int
    items_cut: float
    histories: int
    histories_short: float
    mean_length: float
    mean_kept: float


@dataclass(frozen=True)
class ItemList:
    """The items found so far of those looked at; `next` is where to go on, None at the end of the catalogue."""

    dataset: Dataset
    words: str
    items: tuple[Item, ...]
    next: int | None

    @property
    def page_full(self) -> bool:
        """Whether what was asked for is found, or there is no more."""
        return self.next is None or (bool(self.items) and len(self.items) % PAGE == 0)

    @property
    def looked_at(self) -> int:
        """How many items of the catalogue were looked at."""
        return self.dataset.items if self.next is None else min(self.next, self.dataset.items)


def read_data(workspace: Workspace) -> DataView:
    """Datasets and what was made of them; none where there is no workspace yet."""
    if not workspace.exists():
        return DataView(())
    with workspace.read() as db:
        datasets = dataset_store.datasets(db)
        models = model_store.models(db)
        evaluated = evaluation_store.evaluations(db)
        order = {dataset.name: stored_figures(db, dataset) for dataset in datasets}
    used = {}
    for dataset in datasets:
        own = [one for one in evaluated if one.dataset == dataset.name]
        trained = [m.name for m in models if any(dataset.name in phase.get("datasets", {}) for phase in m.lineage)]
        used[dataset.name] = Use(tuple(trained), len(own), len({one.model for one in own}))
    return DataView(tuple(datasets), used, order)


def next_pass(measured: Measured) -> str:
    """The pass that was not made yet; "" where all were."""
    return next((name for name in PASSES if getattr(measured, name) is None), "")


def read_pass(workspace: Workspace, dataset: Dataset, measured: Measured, stop: Callable[[], bool]) -> Measured:
    """What is known with one pass more; unchanged where `stop` broke it off, or the dataset was replaced or removed."""
    name = next_pass(measured)
    try:
        with workspace.read() as db, distributions.interruptible(db, stop):
            if dataset not in dataset_store.datasets(db):
                return measured
            return replace(measured, **{name: PASSES[name](db, dataset.id)})
    except Problem:
        if stop():
            return measured
        raise


def read_items(workspace: Workspace, before: ItemList) -> ItemList | None:
    """A little more of the list: up to the end of a page, or as far as one comes in `BUDGET_S`.

    None where the dataset was removed.
    """
    if not workspace.exists():
        return None
    found, start = list(before.items), before.next
    deadline = monotonic() + BUDGET_S
    with workspace.read() as db:
        dataset = next((each for each in dataset_store.datasets(db) if each.name == before.dataset.name), None)
        if dataset is None:
            return None
        if dataset.fingerprint != before.dataset.fingerprint:
            return read_items_anew(dataset, before.words)
        room = PAGE - len(found) % PAGE
        while start is not None and room and (start == before.next or monotonic() < deadline):
            part = find_items(db, dataset.id, before.words, start=start, limit=room)
            found += part.items
            room -= len(part.items)
            start = part.next
    return ItemList(dataset, before.words, tuple(found), start)


def read_items_anew(dataset: Dataset, words: str) -> ItemList:
    """The list before anything was looked at."""
    return ItemList(dataset, words, (), 0)


def truncation_of(printed: str) -> tuple[Truncation, ...]:
    """The truncation in what `st5 datasets NAME --json` printed."""
    try:
        return tuple(Truncation(**line) for line in json.loads(printed)[0]["truncation"])
    except (ValueError, LookupError, TypeError) as error:
        raise Failed(f"`st5 datasets --json` printed something else than expected ({error}).") from error
