"""What every source hands to the preparation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

ITEM_COLUMNS = ("key", "title", "description", "category", "fields")
INTERACTION_COLUMNS = ("user", "item", "order", "rating")
FRACTION = "fraction"
BROKEN_SHARE_ALLOWED = 0.01  # more broken lines than this is a wrong or damaged file, not a few bad rows


@dataclass(frozen=True)
class SourceData:
    """A catalogue and its interactions as the files hold them, with common column names.

    items: key, title, description, category (several joined with `|`) as text, null where the source has none;
    fields: JSON object of further texts (`{"name": …, "categories": …, "address": …}` for Yelp) or null.
    interactions: user and item keys as text, order int64 (ms since 1970 where `timed`, else a position),
    rating float32 or null; in file order. With `given_split` also `split` (train, valid, test) and `history`
    (list of item keys, oldest first, maybe empty). Where times are finer than a ms also `fraction`, int32, the ns
    within it.
    dropped counts rows that the reader could not use, by reason. `files` are all the files read. `notes` are
    sentences for people about what was taken for what.
    """

    platform: str
    domain: str
    items: pl.LazyFrame
    interactions: pl.LazyFrame
    timed: bool
    files: tuple[Path, ...]
    given_split: bool = False
    synthetic: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
