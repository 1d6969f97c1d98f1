"""What a phase learns from and is measured by: its batches, and the questions that choose between checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.progress import Observer
from engine.text.prompts import Prompts
from engine.text.sentences import HistoryFormat, ItemText, Renderer, Template
from engine.training import ranks
from engine.training.feed import Batch, Feed
from engine.training.pairs import PhasePairs
from engine.training.recipe import Settings
from engine.training.validation import Questions, questions
from store.errors import BadInput
from store.records import Dataset
from store.words import Phase, Split

ENOUGH = 32  # valid pairs below which a validation loss says nothing


@dataclass(frozen=True)
class Material:
    """Everything that a phase reads from the store, tokenised. `settings` are those that the data allows."""

    settings: Settings
    feed: Feed
    asked: Sequence[Questions]
    valid: Sequence[Batch]
    skipped: dict[str, int]

    @property
    def counts(self) -> dict[str, Any]:
        """How much there is to learn from, as the lineage keeps it."""
        table = self.feed.table(0)
        return {
            "pairs_an_epoch": len(table.anchor),
            "identical": table.identical,
            "skipped": self.skipped,
            "batches": self.feed.count,
            "pairs": self.feed.count * self.settings.batch,
        }


def gather(
    db: sqlite3.Connection,
    phase: Phase,
    settings: Settings,
    datasets: Sequence[Dataset],
    seed: int,
    tokenizer: Any,
    length: int,
    prompts: Prompts,
    observer: Observer,
) -> Material:
    """Read and tokenise what a phase needs; sentences have at most `length` tokens, the prompt included.

    `BadInput` where it has no pair.
    """
    template = Template(HistoryFormat(settings.history), ItemText(settings.item_text))
    renderer = Renderer(tokenizer, length, template, prompts)
    pairs = PhasePairs(db, datasets, phase, settings, renderer, seed, progress=observer.progress)
    feed = Feed(pairs, settings, seed, rank=ranks.rank(), world=ranks.world())
    if not feed.count:
        raise BadInput(
            f"{phase}: no batch has two pairs for each of {ranks.world()} processes. Add a dataset, or let pairs of "
            "several datasets and equal texts share a batch: --set mixing=mixed --set duplicate-texts=true."
        )
    share = max(1, settings.validation_events // len(datasets))
    found = (
        questions(db, dataset, renderer, events=share, items=settings.validation_items, seed=seed)
        for dataset in datasets
    )
    asked = [part for part in found if part is not None]
    valid: list[Batch] = []
    if settings.best_by == "validation-loss":
        valid = _valid_batches(db, phase, settings, datasets, seed, renderer)
        if sum(map(len, valid)) < ENOUGH:
            observer.tell("selection", f"{phase}: too few valid pairs to choose by; the last weights are taken.")
            settings, valid = replace(settings, best_by="last"), []
    planned = settings.epochs
    settings = replace(settings, epochs=feed.epochs)  # what is stored is what was trained
    material = Material(settings, feed, asked, valid, pairs.skipped)
    table = feed.table(0)
    observer.tell(
        "phase",
        f"{phase}: {len(table.anchor)} pairs an epoch, {feed.count} batches of {settings.batch}, "
        f"{_epochs(settings.epochs)}"
        + (f" of {planned}, because pairs = {settings.pairs} ends the phase" if planned > settings.epochs else "")
        + f" ({table.identical} pairs with two equal texts"
        + "".join(f"; {count} {reason}" for reason, count in pairs.skipped.items())
        + ").",
    )
    return material


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _valid_batches(
    db: sqlite3.Connection,
    phase: Phase,
    settings: Settings,
    datasets: Sequence[Dataset],
    seed: int,
    renderer: Renderer,
) -> list[Batch]:
    """A fixed sample of the phase's pairs of the valid part, in batches as it trains on them."""
    pairs = PhasePairs(db, datasets, phase, settings, renderer, seed, Split.VALID)
    some = replace(settings, pairs=max(settings.batch, settings.validation_events), epochs=1)
    feed = Feed(pairs, some, seed)
    return [feed.batch(place) for place in feed.places()]
