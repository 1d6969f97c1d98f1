"""One block of events swept over the whole catalogue on CPU."""

from __future__ import annotations

import numpy as np

from engine.ranking import scan
from engine.ranking.ranked import NO_ITEM, Ranked
from engine.ranking.scorers import Scorer
from engine.ranking.seen import Seen

NEAR = 8_192  # room for pairs inside the margin before they are scored exactly: 64 KB
SETTLE = NEAR // 2  # pairs that are worth one exact call; few enough that their vectors are still in cache


class Sweep:
    """Rank pairs and best items of a block of events, fed with blocks of scores in the order of items.

    Scores certainly above or below the target are counted; those within the margin are scored exactly. The
    scan sees no seen item: those are scored exactly aside, and kept = unseen + seen.
    """

    def __init__(self, scorer: Scorer, events: slice, targets: np.ndarray, seen: Seen, top: int) -> None:
        """targets int32 [E] of this block, −1 where it is no candidate; `seen` as `Seen.masks` gives it."""
        size = len(targets)
        self._scorer, self._offset, self._targets, self._seen, self._top = scorer, events.start, targets, seen, top
        self._inside = np.flatnonzero(targets != NO_ITEM)
        self._scores = np.full(size, np.inf, np.float32)
        self._scores[self._inside] = self._exact(self._inside, targets[self._inside])
        margin = scorer.margin(events).astype(np.float64)
        self._margin = margin
        self._low = _rounded(self._scores - margin, -np.inf)
        self._high = _rounded(self._scores + margin, np.inf)
        exact = margin == 0.0
        self._low[exact] = self._high[exact] = self._scores[exact]
        self._better = np.zeros(size, np.int64)
        self._tied = np.where(exact & (targets != NO_ITEM), -1, 0)  # the scan of exact scores counts the target too
        self._near_rows, self._near_items = np.empty(NEAR, np.int32), np.empty(NEAR, np.int32)
        self._near = np.zeros(1, np.int64)
        room = 4 * top + 2 * scan.CHUNK  # the top after a compaction, and a good many to gather before the next
        self._best_scores, self._best_items = np.empty((size, room), np.float32), np.empty((size, room), np.int32)
        self._kept = np.zeros(size, np.int64)
        self._floor = np.full(size, scan.LOWEST, np.float32)
        self._cursor = seen.starts[:-1].copy()

    def take(self, scores: np.ndarray, first: int, width: int) -> None:
        """Read the scores of items first … first+width−1, float32 [E, ≥ width]; overwrites seen ones and the rest.

        The columns beyond `width` fill the last chunk; they are set to −inf.
        """
        scores[:, width:] = -np.inf
        scan.hide(scores, first, width, self._seen.starts, self._seen.items, self._cursor)
        row = column = 0
        while row < len(scores):
            row, column = scan.scan(
                scores, scores.shape[1], first, row, column,
                self._low, self._high, 2 * self._margin, self._top, self._better, self._tied,
                self._near_rows, self._near_items, self._near,
                self._best_scores, self._best_items, self._kept, self._floor,
            )  # fmt: skip
            if self._near[0] > SETTLE:
                self._settle()
            if row < len(scores) and self._kept[row] + scan.CHUNK > self._best_scores.shape[1]:
                self._thin(row)

    def finish(self) -> Ranked:
        """The ranks, after all items were taken."""
        self._settle()
        found = Ranked.empty(len(self._targets), self._top)
        for r in range(len(self._targets)):
            self._kept[r], _ = scan.compact(
                self._best_scores[r], self._best_items[r], self._kept[r], self._top, 2 * self._margin[r], scan.LOWEST
            )
        kept = np.arange(self._best_items.shape[1]) < self._kept[:, None]
        rows, items = np.nonzero(kept)[0].astype(np.int32), self._best_items[kept]
        scan.best(rows, items, self._exact(rows, items), found.top_items_masked, found.top_scores_masked)
        found.better_masked[:], found.tied_masked[:] = self._better, self._tied

        found.top_items[:], found.top_scores[:] = found.top_items_masked, found.top_scores_masked
        rows, items = self._seen.rows(), self._seen.items
        scores = self._exact(rows, items)
        scan.best(rows, items, scores, found.top_items, found.top_scores)
        scan.count_better(rows, items, scores, self._targets, self._scores, self._better, self._tied)
        found.better[:], found.tied[:] = self._better, self._tied

        outside = self._targets == NO_ITEM
        found.better[outside] = found.better_masked[outside] = self._scorer.items
        found.tied[outside] = found.tied_masked[outside] = 0
        found.score[self._inside] = self._scores[self._inside]
        if len(found) and found.tied_masked.min() < 0:
            raise ValueError(
                f"{type(self._scorer).__name__} gave margin 0, but its blocks differ from its exact scores."
            )
        return found

    def _exact(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self._scorer.exact(rows.astype(np.int64) + self._offset, items)

    def _settle(self) -> None:
        """Score the pairs inside the margin exactly, count them, and empty the list."""
        rows, items = self._near_rows[: self._near[0]], self._near_items[: self._near[0]]
        scan.count_better(rows, items, self._exact(rows, items), self._targets, self._scores, self._better, self._tied)
        self._near[0] = 0

    def _thin(self, row: int) -> None:
        """Bring a row to its `top` best by exact scores: more than fit in the buffer lie within the margin."""
        n = int(self._kept[row])
        items, scores = self._best_items[row], self._best_scores[row]
        scores[:n] = self._exact(np.full(n, row), items[:n])
        self._kept[row], _ = scan.compact(scores, items, n, self._top, 0.0, scan.LOWEST)
        bar = _rounded(scores[: self._kept[row]].min() - self._margin[row : row + 1], -np.inf)[0]
        self._floor[row] = max(self._floor[row], bar)


def _rounded(bounds: np.ndarray, towards: float) -> np.ndarray:
    """fp64 bounds as fp32, never closer in than they were."""
    return np.nextafter(bounds.astype(np.float32), np.float32(towards))
