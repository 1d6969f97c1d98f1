"""What Map shows: one map or two beside each other, how their points are labelled, and who lies behind a point."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from store import datasets as dataset_store
from store import jobs as job_store
from store import projections as projection_store
from store.enums import JobState, Seen
from store.item_search import find_items
from store.models import models
from store.rows import Item, Job, Points, Projection
from store.workspace import Workspace
from workbench.map.map_labels import Label, Way, labelled, ways
from workbench.ui.display import title
from workbench.ui.ui_state import MapChoice

LISTED = 200  # points in a list at most: no more can be read at a glance, and titles of more take long to read
MAKES_MAPS = ("project", "demo")  # kinds of jobs
PAGE = 500  # users looked at by one read of a search


@dataclass(frozen=True)
class MapSide:
    """One map: of `total` items or users its datasets have, label int16 [N] as a number in the legend."""

    projection: Projection
    points: Points
    total: int
    label: np.ndarray

    def twins(self, other: MapSide, indices: np.ndarray) -> np.ndarray:
        """The points here of the items or users that are `indices` on another map, int64 as long; −1 if missing."""
        numbers = {name: number for number, name in enumerate(self.projection.datasets)}
        here = np.array([numbers.get(name, -1) for name in other.projection.datasets], np.int64)
        wanted = here[other.points.dataset[indices]] << 32 | other.points.row[indices]
        own, order = self._sorted
        at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        return np.where(own[at] == wanted, order[at], -1)

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        own = self.points.dataset.astype(np.int64) << 32 | self.points.row
        order = np.argsort(own)
        return own[order], order


@dataclass(frozen=True)
class MapView:
    """Everything that Map shows. known: all maps, newest first; sides: the chosen ones; ways: to colour them.

    gone: the map looked at last, where its datasets were replaced since. Where there is no map, making: the unfinished
    jobs that make maps; failed: the newest such job, if it failed and none is unfinished. `sign` is equal where all of
    it is.
    """

    sign: tuple[object, ...]
    known: tuple[Projection, ...] = ()
    ways: tuple[Way, ...] = field(default=(), compare=False)
    legend: tuple[Label, ...] = field(default=(), compare=False)
    sides: tuple[MapSide, ...] = field(default=(), compare=False)
    way: Way | None = field(default=None, compare=False)
    gone: Projection | None = None
    advice: tuple[str, ...] = ()
    making: tuple[Job, ...] = ()
    failed: Job | None = None


@dataclass(frozen=True)
class Listed:
    """A point in words: its title or key; `item` is None for a user and for what is not stored any more."""

    index: int
    name: str
    dataset: str
    item: Item | None = None


@dataclass(frozen=True)
class Names:
    """Points in words, of `total`; `more` where the looking ended before everything was looked at.

    `gone`: a dataset of the map was replaced or removed, so the rows of its points are those of other items or users.
    """

    points: tuple[Listed, ...]
    total: int
    more: bool = False
    gone: bool = False


GONE = Names((), 0, gone=True)


class MapGone(Exception):
    """A dataset of the map was replaced or removed while its points were read."""


def read_map(workspace: Workspace, choice: MapChoice, shown: MapView | None = None) -> MapView:
    """Read the chosen map, or the newest; what `shown` has already is not read again.

    A second map beside it is one of the same kind, or there is none.
    """
    if not workspace.exists():
        return MapView(("nothing",))
    with workspace.read() as db:
        known = tuple(reversed(projection_store.projections(db)))
        gone = None
        if choice.first and choice.first not in {projection.key for projection in known}:
            gone = projection_store.find_projection(db, choice.first)
        if not known:
            making = tuple(job for job in job_store.unfinished(db) if job.kind in MAKES_MAPS)
            failed = None if making else _failed(db)
            return MapView(("nothing", gone), gone=gone, advice=_advice(db), making=making, failed=failed)
        first = next((p for p in known if p.key == choice.first), known[0])
        second = next((p for p in known if p.key == choice.second and p.kind == first.kind and p is not first), None)
        chosen = [first] if second is None else [first, second]
        offered = ways(db, first)
        way = next((one for one in offered if one.value == choice.way), offered[0])
        rule = (choice.cutoff, choice.seen, *(e.key for e in way.evaluations)) if way.evaluations else ()
        sign = (tuple(p.key for p in chosen), way.value, rule)
        if shown is not None and shown.sign == sign:
            return MapView(sign, known, offered, shown.legend, shown.sides, way, gone)
        before = {side.projection.key: side for side in shown.sides} if shown else {}
        drawn = [(p, before[p.key].points if p.key in before else projection_store.points(db, p)) for p in chosen]
        labels = labelled(db, drawn, way, choice.cutoff, Seen(choice.seen))
        sides = tuple(
            MapSide(p, points, _total(db, p), label) for (p, points), label in zip(drawn, labels.of, strict=True)
        )
    return MapView(sign, known, offered, labels.legend, sides, way, gone)


def read_names(workspace: Workspace, side: MapSide, indices: np.ndarray) -> Names:
    """Who lies behind these points, in their order; at most `LISTED`. `GONE` where the map is out of date."""
    try:
        return _read_names(workspace, side, indices)
    except MapGone:
        return GONE


def _read_names(workspace: Workspace, side: MapSide, indices: np.ndarray) -> Names:
    wanted = indices[:LISTED].tolist()
    items = side.projection.kind == "items"
    found: dict[int, Listed] = {}
    with _reading(workspace, side) as db:
        for number in {int(side.points.dataset[index]) for index in wanted}:
            own = {i: int(side.points.row[i]) for i in wanted if side.points.dataset[i] == number}
            dataset = dataset_store.dataset(db, side.projection.datasets[number])
            stored = dataset_store.items_by_id(db, dataset.id, own.values()) if items else {}
            keys = {} if items else dataset_store.user_keys(db, dataset.id, own.values())
            for index, row in own.items():
                item = stored.get(row)
                name = title(item) if item else keys.get(row, f"({row}, not stored any more)")
                found[index] = Listed(index, name, dataset.name, item)
    return Names(tuple(found[index] for index in wanted), len(indices))


def find_points(workspace: Workspace, side: MapSide, words: str, stop: Callable[[], bool] = lambda: False) -> Names:
    """The points whose title holds all the words or whose key they are; for users, whose key starts with them.

    At most `LISTED`. Reads a catalogue part by part; `stop` is asked between parts. `GONE` where the map is outdated.
    """
    try:
        return _find_points(workspace, side, words, stop)
    except MapGone:
        return GONE


def _find_points(workspace: Workspace, side: MapSide, words: str, stop: Callable[[], bool]) -> Names:
    found: list[Listed] = []
    items = side.projection.kind == "items"
    for number, name in enumerate(side.projection.datasets if words.strip() else ()):
        mine = np.flatnonzero(side.points.dataset == number)
        places = dict(zip(side.points.row[mine].tolist(), mine.tolist(), strict=True))
        for row, said, item in (_items if items else _users)(workspace, side, name, words):
            if stop() or len(found) == LISTED:
                return Names(tuple(found), len(found), more=True)
            if row in places:
                found.append(Listed(places[row], said, name, item))
    return Names(tuple(found), len(found))


@contextmanager
def _reading(workspace: Workspace, side: MapSide) -> Iterator[sqlite3.Connection]:
    """The workspace as long as the map is up to date; `MapGone` where it is not."""
    if not workspace.exists():
        raise MapGone
    with workspace.read() as db:
        if side.projection.key not in {each.key for each in projection_store.projections(db)}:
            raise MapGone
        yield db


def _items(workspace: Workspace, side: MapSide, name: str, words: str) -> Iterator[tuple[int, str, Item | None]]:
    start: int | None = 0
    while start is not None:
        with _reading(workspace, side) as db:
            part = find_items(db, dataset_store.dataset(db, name).id, words, start=start)
        for item in part.items:
            yield item.item, title(item), item
        yield -1, "", None  # lets the reader stop between parts that hold nothing
        start = part.next


def _users(workspace: Workspace, side: MapSide, name: str, prefix: str) -> Iterator[tuple[int, str, Item | None]]:
    after = ""
    while True:
        with _reading(workspace, side) as db:
            dataset = dataset_store.dataset(db, name)
            page = dataset_store.users(db, dataset.id, prefix=prefix.strip(), after=after, limit=PAGE)
        for user, key in page:
            yield user, key, None
        if len(page) < PAGE:
            return
        after = page[-1][1]


def _total(db: sqlite3.Connection, projection: Projection) -> int:
    own = [dataset_store.dataset(db, name) for name in projection.datasets]
    return sum(dataset.items if projection.kind == "items" else dataset.users for dataset in own)


def _failed(db: sqlite3.Connection) -> Job | None:
    """The newest job that makes maps, if it failed or was lost."""
    newest = next((job for job in job_store.jobs(db, LISTED) if job.kind in MAKES_MAPS), None)
    return newest if newest is not None and newest.state in (JobState.FAILED, JobState.LOST) else None


def _advice(db: sqlite3.Connection) -> tuple[str, ...]:
    """The words of a command that would make a first map, or none where there is nothing to make it of."""
    names = [dataset.name for dataset in dataset_store.datasets(db)]
    if not names:
        return ()
    model = next((model.name for model in reversed(models(db)) if model.kind == "text"), "only")
    return ("project", model, "--datasets", ",".join(names), "--kind", "items", "--method", "tsne")
