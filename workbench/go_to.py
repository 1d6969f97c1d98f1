"""The palette's second half: type the name of a user, an item, a job or a model, and be there."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.command import Hit, Hits, Provider
from textual.markup import escape

from store import datasets, item_search, jobs, models
from store.errors import Problem
from store.rows import Dataset, Item, Job, Model
from store.workspace import Workspace
from workbench.ui.area import AreaScreen
from workbench.ui.display import line, title

if TYPE_CHECKING:
    from workbench.application import Workbench

FEW = 5  # of each kind, and of each dataset: a palette is for what one knows the name of
LEAST = 2  # letters before catalogues are looked through


@dataclass(frozen=True)
class PaletteTarget:
    """Somewhere to go. score: 1 where it is called exactly so."""

    score: float
    kind: str
    name: str
    about: str
    go: Callable[[Workbench], Awaitable[None]]


def find_palette_targets(workspace: Workspace, words: str, dataset: str = "") -> Iterator[list[PaletteTarget]]:
    """What a workspace has under these words, a few at a time; nothing where it cannot be read.

    Each step is one short read: titles have no index, so a workspace is looked through part by part, `dataset` first.
    """
    words = words.strip()
    if not words or not workspace.exists():
        return
    try:
        with workspace.read() as db:
            known = sorted(datasets.datasets(db), key=lambda one: one.name != dataset)
            named = [*_jobs(jobs.jobs(db), words), *_models(models.models(db), words)]
            yield [*named, *_users(db, known, words)]
        item = words.removeprefix("item ").strip()
        if len(words) >= LEAST and words.removeprefix("user ").strip() == words:
            for one in known:
                yield from _items(workspace, one, item)
    except (Problem, ValueError, KeyError, TypeError):  # the area below says what is wrong with it
        return


class GoTo(Provider):
    """Places by name."""

    async def search(self, query: str) -> Hits:
        bench = cast("Workbench", self.app)
        found = find_palette_targets(bench.workspace, query, bench.ui_state.users.dataset)
        while (some := await asyncio.to_thread(next, found, None)) is not None:  # ends with the search, in between
            for place in some:
                text = Text.assemble((f"{place.kind} ", "dim"), line(place.name[:60]))
                # Textual reads `help` as markup, and only it.
                yield Hit(place.score, text, partial(place.go, bench), help=escape(line(place.about[:100]).plain))


def _jobs(jobs: list[Job], words: str) -> Iterator[PaletteTarget]:
    number = words.casefold().removeprefix("job").strip().lstrip("#")
    for job in jobs:
        if str(job.id) == number:
            yield PaletteTarget(
                1.0, "job", str(job.id), f"{job.state}: {shlex.join(['st5', *job.arguments])}", partial(_to_job, job.id)
            )


def _models(models: list[Model], words: str) -> Iterator[PaletteTarget]:
    wanted = words.casefold().removeprefix("model ").strip()
    for model in models:
        if wanted and wanted in model.name.casefold():
            score = _score(model.name, wanted)
            about = f"{model.kind} {model.variant}, made {model.created[:10]}"
            yield PaletteTarget(score, "model", model.name, about, partial(_to_model, model))


def _users(db: sqlite3.Connection, known: list[Dataset], words: str) -> Iterator[PaletteTarget]:
    """Users by the beginning of their key, which has an index."""
    user = words.removeprefix("user ").strip()
    if len(words) < LEAST or words.removeprefix("item ").strip() != words:
        return
    for dataset in known:
        for _, key in datasets.users(db, dataset.id, prefix=user, limit=FEW):
            yield PaletteTarget(_score(key, user), "user", key, f"of {dataset.name}", partial(_to_user, dataset, key))


def _items(workspace: Workspace, dataset: Dataset, words: str) -> Iterator[list[PaletteTarget]]:
    """Items by words of their titles, part by part, until there are a few."""
    start: int | None = 0
    left = FEW
    while start is not None and left:
        with workspace.read() as db:
            part = item_search.find_items(db, dataset.id, words, start=start, limit=left)
        start, left = part.next, left - len(part.items)
        yield [
            PaletteTarget(
                max(_score(one.title, words), _score(one.key, words)),
                "item",
                title(one),
                f"of {dataset.name}, key {one.key}",
                partial(_to_item, one),
            )
            for one in part.items
        ]


def _score(name: str, words: str) -> float:
    """1 for the name itself, less for a part of it, more for a longer one."""
    name, words = name.casefold(), words.casefold()
    if name == words:
        return 1.0
    return (0.8 if name.startswith(words) else 0.5) * min(1.0, 0.5 + len(words) / max(len(name), 1) / 2)


async def _to_job(id: int, bench: Workbench) -> None:
    from workbench.jobs.screen import JobsScreen

    await bench.switch_mode("jobs")
    if isinstance(bench.screen, JobsScreen):
        bench.screen.started(id)


async def _to_model(model: Model, bench: Workbench) -> None:
    from workbench.ui.model import ModelDialog

    bench.push_screen(ModelDialog(model))


async def _to_user(dataset: Dataset, key: str, bench: Workbench) -> None:
    bench.ui_state.users = replace(bench.ui_state.users, dataset=dataset.name, user=key, event=-1, question="")
    bench.remember()
    await bench.switch_mode("users")
    if isinstance(bench.screen, AreaScreen):
        bench.screen.reload()


async def _to_item(item: Item, bench: Workbench) -> None:
    from workbench.ui.item import ItemDialog

    bench.push_screen(ItemDialog(item))
