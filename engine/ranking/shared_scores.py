"""Scores that are the same for every history, ranked by counting instead of a sweep over the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.ranking.ranked import NO_ITEM, Ranked
from engine.ranking.scan import compiled
from engine.ranking.seen import Seen

EVENTS_AT_ONCE = 16_384  # 20 MB of best items and scores at 50 each


class SharedScorer:
    """A scorer whose events all have the same scores, such as popularity.

    One sort of the catalogue says how many items are above any target and beside it; what an event costs is its seen
    items and its best ones, whatever the size of the catalogue.
    """

    def __init__(self, events: int, scores: np.ndarray) -> None:
        """scores: finite float32 [I]."""
        self.events, self.items, self.scores = events, len(scores), scores.astype(np.float32) + np.float32(0.0)

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """The scores of these items in every row."""
        out[...] = self.scores[items]
        return out

    def margin(self, events: slice) -> np.ndarray:
        """0: blocks are exact."""
        return np.zeros(len(range(*events.indices(self.events))), np.float64)

    def largest(self, events: slice) -> np.ndarray:
        """The largest |score| of any item, float64 [E]."""
        return np.full(len(range(*events.indices(self.events))), float(np.abs(self.scores).max(initial=0.0)))

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """The items' scores, whatever the events."""
        return self.scores[item_ids]


def count_ranks(scorer: SharedScorer, targets: np.ndarray, seen: Seen, top: int) -> Iterator[tuple[slice, Ranked]]:
    """The ranks of block of events after block; arguments as for `engine.ranking.rank.rank`, checked."""
    scores = scorer.scores
    order = np.lexsort((np.arange(len(scores)), -scores)).astype(np.int32)
    rising = scores[order][::-1]
    above = len(scores) - np.searchsorted(rising, scores, "right")  # of each item, int64 [I]
    beside = len(scores) - above - np.searchsorted(rising, scores, "left") - 1
    for start in range(0, scorer.events, EVENTS_AT_ONCE):
        rows = slice(start, min(start + EVENTS_AT_ONCE, scorer.events))
        yield rows, _ranked(scores, order, above, beside, targets[rows], seen.masks(rows, targets[rows]), top)


def _ranked(
    scores: np.ndarray,
    order: np.ndarray,
    above: np.ndarray,
    beside: np.ndarray,
    targets: np.ndarray,
    seen: Seen,
    top: int,
) -> Ranked:
    found = Ranked.empty(len(targets), top)
    inside = targets != NO_ITEM
    found.better[:] = np.where(inside, above[targets], len(scores))
    found.tied[:] = np.where(inside, beside[targets], 0)
    found.score[inside] = scores[targets[inside]]
    rows = seen.rows()
    own, others = scores[targets[rows]], scores[seen.items]
    counted = inside[rows]
    higher = np.bincount(rows[counted & (others > own)], minlength=len(targets))
    equal = np.bincount(rows[counted & (others == own)], minlength=len(targets))
    found.better_masked[:], found.tied_masked[:] = found.better - higher, found.tied - equal
    found.top_items[:, : len(order)] = order[:top]
    unseen(order, seen.starts, seen.items, found.top_items_masked)
    for items, values in (
        (found.top_items, found.top_scores),
        (found.top_items_masked, found.top_scores_masked),
    ):
        there = items != NO_ITEM
        values[there] = scores[items[there]]
    return found


@compiled
def unseen(order: np.ndarray, starts: np.ndarray, seen: np.ndarray, out: np.ndarray) -> None:
    """Fill each row of `out` (int32 [E, K]) with the first items of `order` that the row has not seen.

    Row r has seen, ascending, seen[starts[r]:starts[r + 1]].
    """
    for r in range(len(out)):
        own = seen[starts[r] : starts[r + 1]]
        filled, at = 0, 0
        while filled < out.shape[1] and at < len(order):
            item = order[at]
            place = np.searchsorted(own, item)
            if place == len(own) or own[place] != item:
                out[r, filled] = item
                filled += 1
            at += 1
