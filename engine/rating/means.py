"""Averages as predictions: of everything, of the user, of the item."""

from __future__ import annotations

import numpy as np

from engine.rating.ratings import Guesses, RatingSplits


def guess_mean(splits: RatingSplits) -> Guesses:
    """The mean of all train ratings, not rounded (the published one was)."""
    mean = float(splits.train.value.mean())
    return Guesses(np.full(len(splits.valid), mean), np.full(len(splits.test), mean))


def guess_user_mean(splits: RatingSplits) -> Guesses:
    """The mean of the user's train ratings; of a user without one, that of all."""
    means = _means(splits.train.user, splits.train.value, splits.users)
    return Guesses(means[splits.valid.user], means[splits.test.user])


def guess_item_mean(splits: RatingSplits) -> Guesses:
    """The mean of the item's train ratings (the "Mean" of the thesis); of an item without one, that of all."""
    means = _means(splits.train.item, splits.train.value, splits.items)
    return Guesses(means[splits.valid.item], means[splits.test.item])


def _means(owner: np.ndarray, values: np.ndarray, count_of_owners: int) -> np.ndarray:
    count = np.bincount(owner, minlength=count_of_owners)
    total = np.bincount(owner, weights=values, minlength=count_of_owners)
    return np.where(count > 0, total / np.maximum(count, 1), values.mean())
