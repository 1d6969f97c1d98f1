"""The ratings of a dataset, divided: what is learned from, what is chosen by, and what is to be predicted."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from store import datasets
from store.enums import Split
from store.errors import BadInput
from store.rated_events import rated_events
from store.rows import Dataset, Events

HELD_OUT = 0.1  # of the train ratings, where no valid event has one
SCALES = {"amazon23": (1.0, 5.0), "yelp": (1.0, 5.0)}  # one to five stars; other platforms have several scales


@dataclass(frozen=True)
class Scale:
    """The least and the greatest rating that can be given."""

    low: float
    high: float

    def clip(self, ratings: np.ndarray) -> np.ndarray:
        """Ratings inside the scale; never rounded."""
        return np.clip(ratings, self.low, self.high)


@dataclass(frozen=True)
class Ratings:
    """N rated events (`store.rated_events`) and their ratings, float64 [N]."""

    events: Events
    value: np.ndarray

    @property
    def user(self) -> np.ndarray:
        return self.events.user

    @property
    def item(self) -> np.ndarray:
        return self.events.item

    def __len__(self) -> int:
        return len(self.value)

    def take(self, rows: np.ndarray) -> Ratings:
        """Some of them."""
        names = ("event", "user", "sequence", "length", "item", "timestamp")
        chosen: dict[str, Any] = {name: getattr(self.events, name)[rows] for name in names}
        return Ratings(replace(self.events, **chosen), self.value[rows])


@dataclass(frozen=True)
class RatingSplits:
    """All that a predictor may see: the values of `test` are for measuring only.

    held_out: valid is a seeded tenth of the train ratings, because no valid event has a rating. unrated: test events
    without a rating, which are left out.
    """

    train: Ratings
    valid: Ratings
    test: Ratings
    users: int
    items: int
    scale: Scale
    held_out: bool
    unrated: int

    def valid_rmse(self, guesses: np.ndarray) -> float:
        """The error of guesses (float64 [N]) of the valid ratings once they are clipped."""
        return float(np.sqrt(np.mean((self.scale.clip(guesses) - self.valid.value) ** 2)))


@dataclass(frozen=True)
class Guesses:
    """What a trained predictor says of the valid and of the test ratings (float64 [N], not yet clipped), and why."""

    valid: np.ndarray
    test: np.ndarray
    summary: dict[str, Any] = field(default_factory=dict)


def check_rated(db: sqlite3.Connection, dataset: Dataset) -> None:
    """`BadInput` unless test events of the dataset have ratings."""
    if not datasets.count_ratings(db, dataset.id, Split.TEST):
        rated = {split: datasets.count_ratings(db, dataset.id, split) for split in Split}
        counts = ", ".join(f"{n} of {dataset.events.get(split, 0)} {split} events" for split, n in rated.items())
        raise BadInput(
            f"{dataset.name} has no test ratings to predict ({counts} have one). Ingest it from files with ratings "
            "(`st5 ingest table … --rating COL`), or name another dataset."
        )


def load_rating_splits(db: sqlite3.Connection, dataset: Dataset, seed: int) -> RatingSplits:
    """The ratings of a dataset by its own splits; `BadInput` where there is nothing to learn from or to predict."""
    check_rated(db, dataset)
    train, valid, test = (_rated(db, dataset, split) for split in Split)
    if not len(train):
        raise BadInput(
            f"{dataset.name} has no rating in its train part, so nothing can be learned from it. "
            "Ingest it with other split boundaries."
        )
    low, high = SCALES.get(dataset.platform, (float(train.value.min()), float(train.value.max())))
    held_out = not len(valid)
    if held_out:
        order = np.random.default_rng(seed).permutation(len(train))
        count = int(np.ceil(HELD_OUT * len(train)))
        valid = train.take(np.sort(order[:count]))
        if count < len(train):  # of a single rating nothing can be spared
            train = train.take(np.sort(order[count:]))
    return RatingSplits(
        train,
        valid,
        test,
        dataset.users,
        dataset.items,
        Scale(low, high),
        held_out,
        dataset.events.get(Split.TEST, 0) - len(test),
    )


def _rated(db: sqlite3.Connection, dataset: Dataset, split: Split) -> Ratings:
    events, ratings = rated_events(db, dataset.id, split)
    return Ratings(events, ratings.astype(np.float64))
