"""What a ranking found, one row per event."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from store.rows import Ranks

NO_ITEM = -1  # fills top_items where there are fewer candidates than places; also the target that is no candidate
NO_SCORE = np.float32(-np.inf)  # the score beside NO_ITEM


@dataclass(frozen=True)
class Ranked:
    """Rank pairs, the target's score and the best items of E events.

    better, tied (int32 [E]): candidates scoring strictly above / exactly as the target, which itself counts in
    neither; `_masked` without the seen items. Where the target is no candidate, both betters are the number of
    candidates, both ties 0 and the score −inf. score float32 [E]; top_items int32 and top_scores float32
    [E, top], by score, then by item, `_masked` without the seen items; −1 and −inf where there are fewer.
    """

    better: np.ndarray
    tied: np.ndarray
    better_masked: np.ndarray
    tied_masked: np.ndarray
    score: np.ndarray
    top_items: np.ndarray
    top_scores: np.ndarray
    top_items_masked: np.ndarray
    top_scores_masked: np.ndarray

    def __len__(self) -> int:
        return len(self.better)

    @classmethod
    def empty(cls, events: int, top: int) -> Ranked:
        """Room for `events` rows, filled with 0, −1 and −inf."""
        return cls(
            better=np.zeros(events, np.int32),
            tied=np.zeros(events, np.int32),
            better_masked=np.zeros(events, np.int32),
            tied_masked=np.zeros(events, np.int32),
            score=np.full(events, NO_SCORE, np.float32),
            top_items=np.full((events, top), NO_ITEM, np.int32),
            top_scores=np.full((events, top), NO_SCORE, np.float32),
            top_items_masked=np.full((events, top), NO_ITEM, np.int32),
            top_scores_masked=np.full((events, top), NO_SCORE, np.float32),
        )

    def put(self, rows: slice, part: Ranked) -> None:
        """Copy a part's rows into their place here."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(part, field.name)

    def stored(self, event: np.ndarray, visible: np.ndarray) -> Ranks:
        """The rows as the store keeps them, with the events' ids and visible history lengths (int32 [E])."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return Ranks(event=event.astype(np.int32), visible=visible.astype(np.int32), **columns)
