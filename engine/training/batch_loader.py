"""The batches of a phase in the order in which they are trained on, as the trainer's data loader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from engine.training.batches import batches
from engine.training.catalogue import Catalogue, Rivals, rivals
from engine.training.negatives import TrainTargets, allowed
from engine.training.pairs import PairTable
from engine.training.recipe import CATALOGUE, PhaseSettings
from engine.training.texts import Texts

_STREAM = 5  # keeps the draws of banks' rows apart from those of pairs and batches
BatchKey = tuple[int, np.ndarray]  # epoch, and the rows int64 [B] of a batch in that epoch's table


class PairTables(Protocol):
    """What gives each epoch's pairs: `PhasePairs`."""

    targets: TrainTargets

    def epoch(self, number: int) -> PairTable: ...


@dataclass(frozen=True)
class Batch:
    """This process' pairs of a batch, and which pairs of the whole batch may be their negatives.

    anchor, positive: rows of `texts`, int64 [b]. allowed, allowed_back: see `engine.training.loss`, or None. catalogues
    and rivals: what the targets compete with where the loss is `catalogue`.
    """

    texts: Texts
    anchor: np.ndarray
    positive: np.ndarray
    allowed: torch.Tensor | None
    allowed_back: torch.Tensor | None
    catalogues: tuple[Catalogue, ...] = ()
    rivals: tuple[Rivals, ...] = ()

    def __len__(self) -> int:
        return len(self.anchor)


class BatchLoader:
    """All batches of one phase: epoch after epoch, the same for equal seeds, `count` of them."""

    def __init__(
        self, pairs: PairTables, settings: PhaseSettings, seed: int, *, rank: int = 0, world: int = 1, count: int = 0
    ) -> None:
        self.pairs = pairs
        self.settings = settings
        self._seed = seed
        self._rank, self._world = rank, world
        self._epoch = -1
        self._table: PairTable | None = None
        self.count = count or self._planned()

    def batch_keys(self) -> Iterator[BatchKey]:
        """Where each batch is found, in order."""
        left, epoch = self.count, 0
        while left:
            for rows in self._rows(epoch)[:left]:
                yield epoch, rows
                left -= 1
            epoch += 1

    def batch(self, key: BatchKey) -> Batch:
        """This process' share of a batch: of B rows, the same number for every process."""
        epoch, rows = key
        table = self.table(epoch)
        rows = rows[: len(rows) - len(rows) % self._world]
        share = len(rows) // self._world
        own = slice(self._rank * share, (self._rank + 1) * share)
        anchor, positive = (column[rows[own]].astype(np.int64) for column in (table.anchor, table.positive))
        if self.settings.loss == CATALOGUE:
            competing = rivals(
                table,
                rows,
                own,
                self.pairs.targets,
                mask=self.settings.mask_false_negatives,
                most=self.settings.bank_items,
                # Each pair comes once an epoch, so the first one tells the batch from all others.
                seed=(_STREAM, self._seed, epoch, int(rows[0])),
            )
            return Batch(table.texts, anchor, positive, None, None, table.catalogues, competing)
        relation = (
            torch.from_numpy(allowed(table, rows, self.pairs.targets)) if self.settings.mask_false_negatives else None
        )
        return Batch(
            table.texts,
            anchor,
            positive,
            None if relation is None else relation[own],
            None if relation is None else relation.T[own].contiguous(),
        )

    def table(self, epoch: int) -> PairTable:
        """The pairs of an epoch; the newest one asked for is kept."""
        if self._table is None or epoch != self._epoch:
            self._epoch, self._table = epoch, self.pairs.epoch(epoch)
        return self._table

    def loader(self) -> DataLoader[Any]:
        """The data loader of the trainer; each of its items is `{"batch": Batch}`."""
        return DataLoader(_Batches(self), batch_sampler=_Order(self), collate_fn=_as_it_is)  # type: ignore[arg-type]

    def _rows(self, epoch: int) -> list[np.ndarray]:
        found = batches(self.table(epoch), self.settings, self._seed, epoch)
        return [rows for rows in found if len(rows) >= 2 * self._world]

    @property
    def epochs(self) -> int:
        """Epochs that the batches come from, the last one perhaps in part; fewer than asked for if `pairs` ends it."""
        return min(self.settings.epochs, max(1, -(-self.count // max(1, len(self._rows(0))))))

    def _planned(self) -> int:
        """Batches in all: as many epochs of the first one's size as asked for, or what `pairs` amounts to."""
        first = len(self._rows(0))
        planned = first * self.settings.epochs
        if self.settings.pairs:
            planned = min(planned, max(1, self.settings.pairs // self.settings.batch))
        return planned


class _Order(Sampler[BatchKey]):
    def __init__(self, batch_loader: BatchLoader) -> None:
        self._batch_loader = batch_loader

    def __iter__(self) -> Iterator[BatchKey]:
        return self._batch_loader.batch_keys()

    def __len__(self) -> int:
        return self._batch_loader.count


class _Batches(Dataset[Batch]):
    def __init__(self, batch_loader: BatchLoader) -> None:
        self._batch_loader = batch_loader

    def __len__(self) -> int:
        return self._batch_loader.count * self._batch_loader.settings.batch

    def __getitem__(self, key: int) -> Batch:
        raise TypeError("batches are fetched whole")

    def __getitems__(self, key: BatchKey) -> dict[str, Batch]:
        return {"batch": self._batch_loader.batch(key)}


def _as_it_is(batch: dict[str, Batch]) -> dict[str, Batch]:
    return batch
