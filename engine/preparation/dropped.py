"""Why rows are left out: the reasons, and the count of each."""

from __future__ import annotations

from collections import Counter

import polars as pl

from engine.preparation.splits import ORDER

ITEM_WITHOUT_KEY = "item without key"
ITEM_WITHOUT_TITLE = "item without title"
ITEM_TITLE_EMPTY = "item with a title empty after cleaning"
ITEM_PAGE_CODE = "item with page code as title"
ITEM_REPEATED = "item key repeated"
ITEM_REASONS = (ITEM_WITHOUT_KEY, ITEM_WITHOUT_TITLE, ITEM_TITLE_EMPTY, ITEM_PAGE_CODE, ITEM_REPEATED)

INCOMPLETE = "interaction without user or item"
UNORDERED = "interaction without timestamp or position"
NEGATIVE = "interaction with a negative timestamp"
WITHOUT_METADATA = "interaction with an item without metadata"
WITHOUT_TITLE = "interaction with an item without title"
REPEATED = "interaction repeated (same user and item)"
# interactions read = interactions kept + those dropped for one of these reasons
INTERACTION_REASONS = (INCOMPLETE, UNORDERED, NEGATIVE, WITHOUT_METADATA, WITHOUT_TITLE, REPEATED)

# These leave the interaction in the history of later events: interactions kept = events + those dropped here.
EMPTY_HISTORY = "event with an empty history"
OVER_CAP = "event over the cap of "
NOTHING_EARLIER = "event without an item of an earlier time (--ties strict)"
EVENT_REASONS = (EMPTY_HISTORY, NOTHING_EARLIER, *(OVER_CAP + split for split in ORDER))

HISTORY_WITHOUT_METADATA = "history entry of an item without metadata"
HISTORY_WITHOUT_TITLE = "history entry of an item without title"
HISTORY_REPEATED = "history entry repeated"
RATING_UNKNOWN = "note: rating 0 taken as unknown"


def drop(frame: pl.DataFrame, bad: pl.Expr, reason: str, dropped: Counter[str]) -> pl.DataFrame:
    """The rows that are not bad, and the others counted under the reason."""
    kept = frame.filter(~bad.fill_null(False))
    count(dropped, reason, frame.height - kept.height)
    return kept


def count(dropped: Counter[str], reason: str, rows: int) -> None:
    """Add rows to a reason; a reason without rows is not named."""
    if rows:
        dropped[reason] += rows
