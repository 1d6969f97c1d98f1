"""What a user and an item are to a text model when a rating is guessed (thesis 5.1.5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.rating.predictor import UserVector
from engine.rating.ratings import Ratings, RatingSplits
from engine.scoring import TextScoring

READ_AT_MOST = 50_000  # histories that `auto` has the model read: at some 50 a second on two cores a quarter of an hour


@dataclass(frozen=True)
class Pairs:
    """The vectors of N ratings: users float32 [N, D], one each; items float32 [I, D], of which rating n has item[n]."""

    users: np.ndarray
    items: np.ndarray
    item: np.ndarray

    def rows(self, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The user's and the item's vector end to end, float32 [B, 2D]."""
        return np.concatenate((self.users[chosen], self.items[self.item[chosen]]), axis=1)


@dataclass(frozen=True)
class Vectors:
    """Those of all ratings of a dataset under one text model, and what a user was read from."""

    train: Pairs
    valid: Pairs
    test: Pairs
    user_vector: UserVector


def read_vectors(texts: TextScoring, splits: RatingSplits, wanted: str) -> Vectors:
    """The vectors of users, as of just before each rating, and of items.

    texts: the text model over the dataset's catalogue.

    A user is what they did before, so a train rating is learned from the history before it, never from its own text.
    `history-text` is the model's vector of that history, as in the thesis; `item-mean` the mean of its items' vectors,
    for which nothing more is encoded; `auto` is the first unless more than `READ_AT_MOST` histories had to be read.
    A user's first train interaction has no history before it: it is learned with the mean of the users of the other
    train ratings, i.e. as an average user. Valid and test events always have a history.
    """
    parts = (splits.train, splits.valid, splits.test)
    if wanted == UserVector.AUTO:
        histories = sum(int((part.events.length > 0).sum()) for part in parts)
        wanted = UserVector.HISTORY_TEXT if histories <= READ_AT_MOST else UserVector.ITEM_MEAN
    users = _read if wanted == UserVector.HISTORY_TEXT else _averaged
    train, valid, test = (Pairs(users(texts, part), texts.catalogue, part.item) for part in parts)
    known = splits.train.events.length > 0
    if known.any():
        train = replace(train, users=np.where(known[:, None], train.users, train.users[known].mean(axis=0)))
    return Vectors(train, valid, test, UserVector(wanted))


def _read(texts: TextScoring, ratings: Ratings) -> np.ndarray:
    """The model's vector of each history, float32 [N, D]; zeros for an empty history."""
    found = np.zeros((len(ratings), texts.catalogue.shape[1]), np.float32)
    rows = np.flatnonzero(ratings.events.length > 0)
    if len(rows):
        found[rows] = texts.queries([ratings.events.history(row) for row in rows.tolist()])
    return found


def _averaged(texts: TextScoring, ratings: Ratings) -> np.ndarray:
    """The mean of each history's items, float32 [N, D], from one running sum per sequence; zeros without."""
    found = np.zeros((len(ratings), texts.catalogue.shape[1]), np.float32)
    sequence, length = ratings.events.sequence, ratings.events.length
    rows = np.flatnonzero(length > 0)
    rows = rows[np.argsort(sequence[rows], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(sequence[rows])) + 1) if len(rows) else ():
        longest = ratings.events.history(int(part[np.argmax(length[part])]))
        sums = np.cumsum(texts.catalogue[longest], axis=0, dtype=np.float64)  # [L, D]
        found[part] = sums[length[part] - 1] / length[part, None]
    return found
