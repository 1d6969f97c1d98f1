"""What a ranking of an edited history shows: the best items, where they stood before, and where the target is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.rows import Item
from workbench.users.rank_changes import rank_changes
from workbench.users.user_event import Position, RecommendedItem

if TYPE_CHECKING:
    from engine.inference.messages import Ranking


@dataclass(frozen=True)
class RankedAgain:
    """The best items with their changes of place (words, "" where nothing is known), and the target's position.

    `before` is the target's position in the list that changes are measured against; `score` is the target's.
    """

    picks: tuple[RecommendedItem, ...]
    changes: tuple[str, ...]
    position: Position
    before: Position | None
    score: float | None


def ranked_again(
    now: Ranking, before: Ranking | None, items: Mapping[int, Item], target: int, *, masked: bool, top: int
) -> RankedAgain:
    """The first `top` of a ranking, beside another."""
    listed, scores = (now.items_masked, now.scores_masked) if masked else (now.items, now.scores)
    earlier = None if before is None else before.items_masked if masked else before.items
    owned = {entry for entry in now.entries if isinstance(entry, int)}
    picks = tuple(
        RecommendedItem(
            place, items.get(item) or Item(item, f"item {item}", "", "", ""), score, item == target, item in owned
        )
        for place, (item, score) in enumerate(zip(listed[:top], scores[:top], strict=True), start=1)
    )
    changes = tuple(rank_changes(listed[:top], earlier))
    past = None if before is None else position(before, masked=masked)
    return RankedAgain(picks, changes, position(now, masked=masked), past, now.score)


def position(ranking: Ranking, *, masked: bool) -> Position:
    """Where the target came."""
    better, tied = (ranking.better_masked, ranking.tied_masked) if masked else (ranking.better, ranking.tied)
    return Position(better, tied, ranking.candidates)
