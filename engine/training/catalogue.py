"""What a target competes with under the loss `catalogue`: the items of its dataset, those of one text once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.training.negatives import TrainTargets
    from engine.training.pairs import PairTable

NONE = -1


@dataclass(frozen=True)
class Catalogue:
    """The items of one dataset that a target competes with; items of the same text are one row.

    texts int64 [R], ascending: the number of each row's text. row int64 [items of the dataset]: the row of each item,
    NONE for an item that does not compete.
    """

    texts: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, items: np.ndarray, numbers: np.ndarray, size: int) -> Catalogue:
        """From ids of items int [n], the number of each one's text int [n], and how many items the dataset has."""
        texts, rows = np.unique(numbers.astype(np.int64), return_inverse=True)
        row = np.full(size, NONE, np.int64)
        row[items] = rows
        return cls(texts, row)

    def rows_of(self, numbers: np.ndarray) -> np.ndarray:
        """The rows of these texts, int64, NONE for a text that is none of the catalogue's."""
        place = np.searchsorted(self.texts, numbers)
        place[place == len(self.texts)] = 0
        return np.where(self.texts[place] == numbers, place, NONE)


@dataclass(frozen=True)
class Rivals:
    """What the targets of one dataset compete with in a step.

    dataset: its place in the list of datasets. anchors int64 [a]: pairs, counted among this process' own. live int64
    [T]: the pairs, counted in the whole batch, whose positives are columns as they are encoded in this step: one for
    each text. own int64 [a]: the column of each anchor's target. rows int64 [n]: the rows of the bank that are the
    columns T to T + n − 1; each stands for `share` of them. masked int64 [2, m]: rows of `anchors` and the columns
    that are no wrong answers for them; a target is always one of its own columns.
    """

    dataset: int
    anchors: np.ndarray
    live: np.ndarray
    own: np.ndarray
    rows: np.ndarray
    share: float
    masked: np.ndarray

    def first(self, pairs: int) -> Rivals:
        """As many columns for the first `pairs` pairs of one process, to try how much memory they need."""
        anchors = self.anchors[self.anchors < pairs]
        own = np.arange(len(anchors))
        return replace(self, anchors=anchors, live=anchors, own=own, masked=np.zeros((2, 0), np.int64))


def rivals(
    table: PairTable,
    rows: np.ndarray,
    own: slice,
    targets: TrainTargets,
    *,
    mask: bool,
    most: int = 0,
    seed: Sequence[int] = (0,),
) -> tuple[Rivals, ...]:
    """The rivals of the pairs `rows[own]`, dataset by dataset.

    rows int64 [B] are the pairs of one batch, over all processes. mask: what the user of an anchor chose later in the
    train part, the items of its history, and an item whose text is the anchor's are no wrong answers. most > 0 draws
    so many rows of a bank at random, the same for equal seeds, and lets them stand for the others.
    """
    mine = rows[own]
    found = []
    for place in np.unique(table.dataset[mine]).tolist():
        catalogue = table.catalogues[place]
        anchors = np.flatnonzero(table.dataset[mine] == place)
        live_rows, live = np.unique(catalogue.rows_of(table.positive[rows]), return_index=True)
        known = live_rows != NONE
        live_rows, live = live_rows[known], live[known]
        rest = np.delete(np.arange(len(catalogue.texts)), live_rows)
        share = 1.0
        if 0 < most < len(rest):
            share = len(rest) / most
            rest = np.sort(np.random.default_rng([*seed, place]).choice(rest, most, replace=False, shuffle=False))
        pairs = mine[anchors]
        masked = np.zeros((2, 0), np.int64)
        if mask:
            column = np.full(len(catalogue.texts), NONE)
            column[live_rows], column[rest] = np.arange(len(live_rows)), len(live_rows) + np.arange(len(rest))
            masked = _no_wrong_answers(table, pairs, catalogue, targets)
            masked[1] = column[masked[1]]
            masked = masked[:, masked[1] != NONE]
        own_column = np.searchsorted(live_rows, catalogue.rows_of(table.positive[pairs]))
        found.append(Rivals(place, anchors, live, own_column, rest, share, masked))
    return tuple(found)


def _no_wrong_answers(table: PairTable, pairs: np.ndarray, catalogue: Catalogue, targets: TrainTargets) -> np.ndarray:
    """Places in `pairs` and the rows of the catalogue that are no wrong answers for them, int64 [2, m]."""
    later, items = targets.after(table.user[pairs], table.length[pairs])
    histories = [table.histories[pair] for pair in pairs.tolist()]
    read = np.repeat(np.arange(len(pairs)), [len(history) for history in histories])
    anchors = np.concatenate([later, read, np.arange(len(pairs))])
    ids = np.concatenate([items & 0xFFFF_FFFF, *histories]).astype(np.int64)
    rows = np.concatenate([catalogue.row[ids], catalogue.rows_of(table.anchor[pairs])])
    return np.stack([anchors, rows])[:, rows != NONE]


def refresh_steps(steps: int, times: int) -> frozenset[int]:
    """Before which of `steps` optimizer steps (from 0) the bank is encoded: `times` of them, as equally spaced as
    whole numbers can be, the first at the start; all of them where they are fewer."""
    times = min(times, steps)
    return frozenset(number * steps // times for number in range(times))
