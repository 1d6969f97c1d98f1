"""Which other pairs of a batch are true negatives, and which only look like ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from engine.training.pairs import PairTable


class TrainTargets:
    """What every user went on to choose in the train part: one row per target, by user.

    users int64 [T] sorted and items int64 [T], both with the dataset in the upper half; lengths int32 [T]: how many
    items of the user's sequence come before the target.
    """

    def __init__(
        self, users: np.ndarray | Sequence[int], items: np.ndarray | Sequence[int], lengths: np.ndarray | Sequence[int]
    ) -> None:
        by_user = np.argsort(np.asarray(users, np.int64), kind="stable")
        self.users = np.asarray(users, np.int64)[by_user]
        self.items = np.asarray(items, np.int64)[by_user]
        self.lengths = np.asarray(lengths, np.int32)[by_user]

    def __len__(self) -> int:
        return len(self.users)

    def holds(self, users: np.ndarray, items: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        """Whether each item is a target of each user, bool [A, B].

        users int64 [A], items int64 [B]; −1 means missing. lengths int32 [A]: count a user's targets after
        that many items only, since earlier ones lie in the history.
        """
        columns, column_of = np.unique(items, return_inverse=True)
        row, chosen = self.after(users, lengths)
        column = np.searchsorted(columns, chosen)
        column[column == len(columns)] = 0
        found = columns[column] == chosen if len(columns) else np.zeros(len(row), bool)
        held = np.zeros((len(users), len(columns)), bool)
        held[row[found], column[found]] = True
        return held[:, column_of]

    def after(self, users: np.ndarray, lengths: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """All targets of these users: places in `users` int64 [t] and items int64 [t]. lengths: as `holds` has it."""
        first = np.searchsorted(self.users, users, side="left")
        count = np.searchsorted(self.users, users, side="right") - first
        row = np.repeat(np.arange(len(users)), count)
        target = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first, count)
        if lengths is not None:
            ahead = self.lengths[target] >= np.asarray(lengths)[row]
            row, target = row[ahead], target[ahead]
        return row, self.items[target]


def allowed(table: PairTable, rows: np.ndarray, targets: TrainTargets) -> np.ndarray:
    """Whether the positive of the pair in column j may serve as a negative for the anchor in row i, bool [B, B].

    rows int64 [B] are the pairs of one batch. Not allowed are: the same item; the same text (of the two positives, of
    the two anchors, or of anchor i and positive j); an item that the user of anchor i chose later in the train part;
    and for pairs of two histories another history of the same user. Items of the history are true negatives: events
    are de-duplicated, so no user's target repeats. The diagonal, a pair's own positive, is always True.
    """
    anchor, positive = table.anchor[rows], table.positive[rows]
    user, item = table.user[rows], table.item[rows]
    same_item = (item[:, None] == item) & (item >= 0)
    same_text = (positive[:, None] == positive) | (anchor[:, None] == anchor) | (anchor[:, None] == positive)
    same_user = (user[:, None] == user) & (user >= 0) & (item < 0)
    later_target = targets.holds(user, item, table.length[rows])
    answer: np.ndarray = ~(same_item | same_text | same_user | later_target)
    np.fill_diagonal(answer, True)
    return answer
