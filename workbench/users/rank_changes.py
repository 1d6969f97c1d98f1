"""Where the items of a list stood in the list before: `▲2`, `▼1`, `new`."""

from __future__ import annotations

from collections.abc import Sequence

UP, DOWN, SAME, NEW = "▲", "▼", "=", "new"


def rank_changes(now: Sequence[int], before: Sequence[int] | None) -> list[str]:
    """One word for each item of `now`; empty ones where there is no list before.

    >>> place_changes([7, 9, 5], [9, 7, 8])
    ['▲1', '▼1', 'new']
    """
    if before is None:
        return [""] * len(now)
    places = {item: place for place, item in enumerate(before)}
    return [_word(places[item] - place) if item in places else NEW for place, item in enumerate(now)]


def _word(risen: int) -> str:
    return f"{UP}{risen}" if risen > 0 else f"{DOWN}{-risen}" if risen < 0 else SAME
