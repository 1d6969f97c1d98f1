"""One block of events swept over the whole catalogue with tensors, on an accelerator: bit-equal to `sweep`."""

from __future__ import annotations

import numpy as np
import torch

from engine.ranking.ranked import NO_ITEM, Ranked
from engine.ranking.scorers import TensorScorer
from engine.ranking.seen import Seen

PAIRS = 1 << 16  # pairs scored exactly at a time: 256 MB at 512 padded dimensions in fp64


def sweep(
    scorer: TensorScorer,
    events: slice,
    targets: np.ndarray,
    seen: Seen,
    top: int,
    item_block: int,
    device: torch.device,
) -> Ranked:
    """Rank a block of events, `item_block` items at a time; arguments as for `engine.ranking.sweep.Sweep`."""
    work = _TensorSweep(scorer, events, targets, top, device)
    rows = torch.from_numpy(seen.rows()).to(device, torch.int64)
    items = torch.from_numpy(seen.items).to(device, torch.int64)
    for first in range(0, scorer.items, item_block):
        last = min(first + item_block, scorer.items)
        scores = scorer.tensor_block(events, slice(first, last), device)
        here = (items >= first) & (items < last)
        scores[rows[here], items[here] - first] = -torch.inf
        work.take(scores, first)
    masked = work.state()
    work.add(rows, items)
    kept = work.state()
    found = Ranked.empty(len(targets), top)
    found.better_masked[:], found.tied_masked[:], found.top_items_masked[:], found.top_scores_masked[:] = masked
    found.better[:], found.tied[:], found.top_items[:], found.top_scores[:] = kept
    outside = targets == NO_ITEM
    found.better[outside] = found.better_masked[outside] = scorer.items
    found.tied[outside] = found.tied_masked[outside] = 0
    found.score[~outside] = work.scores.cpu().numpy()[~outside]
    return found


class _TensorSweep:
    """Counts and best items so far of a block of events, on the device."""

    def __init__(
        self, scorer: TensorScorer, events: slice, targets: np.ndarray, top: int, device: torch.device
    ) -> None:
        self._scorer, self._offset, self._top = scorer, events.start, top
        self._targets = torch.from_numpy(targets).to(device, torch.int64)
        inside = (self._targets != NO_ITEM).nonzero().flatten()
        self.scores = torch.full((len(targets),), torch.inf, device=device)
        self.scores[inside] = self._exact(inside, self._targets[inside])
        margin = torch.from_numpy(scorer.margin(events).astype(np.float64)).to(device)
        self._low = _rounded(self.scores - margin, -torch.inf)
        self._high = _rounded(self.scores + margin, torch.inf)
        self._slack = 2 * margin
        self._better = torch.zeros(len(targets), dtype=torch.int64, device=device)
        self._tied = torch.zeros_like(self._better)
        self._reach = torch.full((len(targets), top), -torch.inf, device=device)
        self._top_items = torch.full((len(targets), top), NO_ITEM, dtype=torch.int64, device=device)
        self._top_scores = torch.full((len(targets), top), -torch.inf, device=device)

    def take(self, scores: torch.Tensor, first: int) -> None:
        """Read scores float32 [E, I] of items first …; −inf is no candidate."""
        self._better += (scores > self._high[:, None]).sum(1)
        near = (scores >= self._low[:, None]) & (scores <= self._high[:, None])
        for rows, items in _pairs(near, first):
            self._count(rows, items, self._exact(rows, items))
        highest = torch.topk(scores, min(self._top, scores.shape[1]), dim=1).values
        self._reach = torch.topk(torch.cat((self._reach, highest), dim=1), self._top, dim=1).values
        floor = _rounded(self._reach[:, -1] - self._slack, -torch.inf)
        for rows, items in _pairs((scores >= floor[:, None]) & (scores > -torch.inf), first):
            self._merge(rows, items, self._exact(rows, items))

    def add(self, rows: torch.Tensor, items: torch.Tensor) -> None:
        """Count and merge pairs (int64 [N] each) that the blocks did not show."""
        for start in range(0, len(rows), PAIRS):
            part = slice(start, start + PAIRS)
            scores = self._exact(rows[part], items[part])
            self._count(rows[part], items[part], scores)
            self._merge(rows[part], items[part], scores)

    def state(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """better, tied, top items and top scores so far."""
        columns = (self._better, self._tied, self._top_items, self._top_scores)
        return tuple(column.cpu().numpy().copy() for column in columns)  # type: ignore[return-value]  # four columns

    def _exact(self, rows: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        return self._scorer.tensor_exact(rows + self._offset, items)

    def _count(self, rows: torch.Tensor, items: torch.Tensor, scores: torch.Tensor) -> None:
        other = items != self._targets[rows]
        self._better.index_add_(0, rows, (other & (scores > self.scores[rows])).long())
        self._tied.index_add_(0, rows, (other & (scores == self.scores[rows])).long())

    def _merge(self, rows: torch.Tensor, items: torch.Tensor, scores: torch.Tensor) -> None:
        """Merge new pairs into the best: order all by item, then score, then row, stably, and take each row's first."""
        before = (self._top_items != NO_ITEM).nonzero()
        rows = torch.cat((before[:, 0], rows))
        items = torch.cat((self._top_items[before[:, 0], before[:, 1]], items))
        scores = torch.cat((self._top_scores[before[:, 0], before[:, 1]], scores))
        order = torch.argsort(items, stable=True)
        order = order[torch.argsort(scores[order], descending=True, stable=True)]
        order = order[torch.argsort(rows[order], stable=True)]
        rows, items, scores = rows[order], items[order], scores[order]
        counts = torch.bincount(rows, minlength=len(self._targets))
        place = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
        good = place < self._top
        self._top_items[rows[good], place[good]] = items[good]
        self._top_scores[rows[good], place[good]] = scores[good]


def _pairs(mask: torch.Tensor, first: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Rows and item ids where a mask [E, I] holds, in parts of bounded size."""
    found = mask.nonzero()
    return [(part[:, 0], part[:, 1] + first) for part in found.split(PAIRS)] if len(found) else []


def _rounded(bounds: torch.Tensor, towards: float) -> torch.Tensor:
    """fp64 bounds as fp32, never closer in than they were."""
    nearest = bounds.float()
    return torch.nextafter(nearest, torch.full_like(nearest, towards))
