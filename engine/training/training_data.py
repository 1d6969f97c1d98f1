"""What a phase learns from and is measured by: its batches, and the questions that choose between checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.progress import Observer
from engine.text.prompts import Prompts
from engine.text.sentences import HistoryFormat, ItemText, Renderer, Template
from engine.training import distributed
from engine.training.batch_loader import Batch, BatchLoader
from engine.training.pairs import PhasePairs
from engine.training.recipe import PhaseSettings
from engine.training.validation import ValidationSet, validation_set
from store.enums import Phase, Split
from store.errors import BadInput
from store.rows import Dataset

ENOUGH = 32  # valid pairs below which a validation loss says nothing


@dataclass(frozen=True)
class TrainingData:
    """Everything that a phase reads from the store, tokenised. `settings` are those that the data allows."""

    settings: PhaseSettings
    batch_loader: BatchLoader
    validation_sets: Sequence[ValidationSet]
    valid: Sequence[Batch]
    skipped: dict[str, int]

    @property
    def counts(self) -> dict[str, Any]:
        """How much there is to learn from, as the lineage keeps it."""
        table = self.batch_loader.table(0)
        return {
            "pairs_an_epoch": len(table.anchor),
            "identical": table.identical,
            "skipped": self.skipped,
            "batches": self.batch_loader.count,
            "pairs": self.batch_loader.count * self.settings.batch,
        }


def load_training_data(
    db: sqlite3.Connection,
    phase: Phase,
    settings: PhaseSettings,
    datasets: Sequence[Dataset],
    seed: int,
    tokenizer: Any,
    length: int,
    prompts: Prompts,
    observer: Observer,
) -> TrainingData:
    """Read and tokenise what a phase needs; sentences have at most `length` tokens, the prompt included.

    `BadInput` where it has no pair.
    """
    template = Template(HistoryFormat(settings.history), ItemText(settings.item_text))
    renderer = Renderer(tokenizer, length, template, prompts)
    pairs = PhasePairs(db, datasets, phase, settings, renderer, seed, progress=observer.progress)
    batch_loader = BatchLoader(pairs, settings, seed, rank=distributed.rank(), world=distributed.world())
    if not batch_loader.count:
        raise BadInput(
            f"{phase}: no batch has two pairs for each of {distributed.world()} processes. Add a dataset, or let pairs "
            "of several datasets and equal texts share a batch: --set mixing=mixed --set duplicate-texts=true."
        )
    share = max(1, settings.validation_events // len(datasets))
    found = (
        validation_set(db, dataset, renderer, events=share, items=settings.validation_items, seed=seed)
        for dataset in datasets
    )
    validation_sets = [part for part in found if part is not None]
    valid: list[Batch] = []
    if settings.best_by == "validation-loss":
        valid = _valid_batches(db, phase, settings, datasets, seed, renderer)
        if sum(map(len, valid)) < ENOUGH:
            observer.tell("selection", f"{phase}: too few valid pairs to choose by; the last weights are taken.")
            settings, valid = replace(settings, best_by="last"), []
    planned = settings.epochs
    settings = replace(settings, epochs=batch_loader.epochs)  # what is stored is what was trained
    data = TrainingData(settings, batch_loader, validation_sets, valid, pairs.skipped)
    table = batch_loader.table(0)
    observer.tell(
        "phase",
        f"{phase}: {len(table.anchor)} pairs an epoch, {batch_loader.count} batches of {settings.batch}, "
        f"{_epochs(settings.epochs)}"
        + (f" of {planned}, because pairs = {settings.pairs} ends the phase" if planned > settings.epochs else "")
        + f" ({table.identical} pairs with two equal texts"
        + "".join(f"; {count} {reason}" for reason, count in pairs.skipped.items())
        + ").",
    )
    return data


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _valid_batches(
    db: sqlite3.Connection,
    phase: Phase,
    settings: PhaseSettings,
    datasets: Sequence[Dataset],
    seed: int,
    renderer: Renderer,
) -> list[Batch]:
    """A fixed sample of the phase's pairs of the valid part, in batches as it trains on them."""
    pairs = PhasePairs(db, datasets, phase, settings, renderer, seed, Split.VALID)
    some = replace(settings, pairs=max(settings.batch, settings.validation_events), epochs=1, bank_items=0)
    batch_loader = BatchLoader(pairs, some, seed)
    return [batch_loader.batch(key) for key in batch_loader.batch_keys()]
