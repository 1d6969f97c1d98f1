"""The palette's second half: type the name of a user, an item, a job or a model, and be there."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.command import Hit, Hits, Provider

from store import datasets, item_search, jobs, models
from store.errors import Problem
from store.records import Dataset, Item, Job, Model
from store.workspace import Workspace
from workbench.display import line, title
from workbench.screens.area import AreaScreen

if TYPE_CHECKING:
    from workbench.application import Workbench

FEW = 5  # of each kind, and of each dataset: a palette is for what one knows the name of
LEAST = 2  # letters before catalogues are looked through
PATIENCE_S = 0.15  # for items, whose titles have no index


@dataclass(frozen=True)
class Place:
    """Somewhere to go. score: 1 where it is called exactly so."""

    score: float
    kind: str
    name: str
    about: str
    go: Callable[[Workbench], Awaitable[None]]


def find_places(workspace: Workspace, words: str) -> list[Place]:
    """What a workspace has under these words; nothing where it cannot be read."""
    words = words.strip()
    if not words or not workspace.exists():
        return []
    try:
        with workspace.read() as db:
            return [*_jobs(jobs.jobs(db), words), *_models(models.models(db), words), *_texts(db, words)]
    except (Problem, ValueError, KeyError, TypeError):  # the area below says what is wrong with it
        return []


class GoTo(Provider):
    """Places by name."""

    async def search(self, query: str) -> Hits:
        bench = cast("Workbench", self.app)
        for place in await asyncio.to_thread(find_places, bench.workspace, query):
            text = Text.assemble((f"{place.kind} ", "dim"), line(place.name[:60]))
            yield Hit(place.score, text, partial(place.go, bench), help=line(place.about[:100]).plain)


def _jobs(found: list[Job], words: str) -> Iterator[Place]:
    number = words.casefold().removeprefix("job").strip().lstrip("#")
    for job in found:
        if str(job.id) == number:
            yield Place(
                1.0, "job", str(job.id), f"{job.state}: {shlex.join(['st5', *job.arguments])}", partial(_to_job, job.id)
            )


def _models(found: list[Model], words: str) -> Iterator[Place]:
    wanted = words.casefold().removeprefix("model ").strip()
    for model in found:
        if wanted and wanted in model.name.casefold():
            score = _score(model.name, wanted)
            about = f"{model.kind} {model.variant}, made {model.created[:10]}"
            yield Place(score, "model", model.name, about, partial(_to_model, model))


def _texts(db: sqlite3.Connection, words: str) -> Iterator[Place]:
    """Users by the beginning of their key, which has an index; items by words of their titles, as far as time goes."""
    if len(words) < LEAST:
        return
    found, until = datasets.datasets(db), time.monotonic() + PATIENCE_S
    user, item = words.removeprefix("user ").strip(), words.removeprefix("item ").strip()
    for dataset in found if item == words else ():
        for _, key in datasets.users(db, dataset.id, prefix=user, limit=FEW):
            yield Place(_score(key, user), "user", key, f"of {dataset.name}", partial(_to_user, dataset, key))
    for dataset in found if user == words else ():
        for one in _items(db, dataset, item, until):
            score = max(_score(one.title, item), _score(one.key, item))
            yield Place(score, "item", title(one), f"of {dataset.name}, key {one.key}", partial(_to_item, one))


def _items(db: sqlite3.Connection, dataset: Dataset, words: str, until: float) -> Iterator[Item]:
    start: int | None = 0
    left = FEW
    while start is not None and left and time.monotonic() < until:
        part = item_search.find_items(db, dataset.id, words, start=start, limit=left)
        yield from part.items
        start, left = part.next, left - len(part.items)


def _score(name: str, words: str) -> float:
    """1 for the name itself, less for a part of it, more for a longer one."""
    name, words = name.casefold(), words.casefold()
    if name == words:
        return 1.0
    return (0.8 if name.startswith(words) else 0.5) * min(1.0, 0.5 + len(words) / max(len(name), 1) / 2)


async def _to_job(id: int, bench: Workbench) -> None:
    from workbench.screens.jobs import JobsScreen

    await bench.switch_mode("jobs")
    if isinstance(bench.screen, JobsScreen):
        bench.screen.started(id)


async def _to_model(model: Model, bench: Workbench) -> None:
    from workbench.screens.model import ModelDialog

    bench.push_screen(ModelDialog(model))


async def _to_user(dataset: Dataset, key: str, bench: Workbench) -> None:
    bench.remembered.users = replace(bench.remembered.users, dataset=dataset.name, user=key, event=-1, question="")
    bench.remember()
    await bench.switch_mode("users")
    if isinstance(bench.screen, AreaScreen):
        bench.screen.reload()


async def _to_item(item: Item, bench: Workbench) -> None:
    from workbench.screens.item import ItemDialog

    bench.push_screen(ItemDialog(item))
