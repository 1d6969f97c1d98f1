"""Averages as predictions: of everything, of the user, of the item."""

from __future__ import annotations

import numpy as np

from engine.rating.ratings import Guesses, Material


def guess_mean(material: Material) -> Guesses:
    """The mean of all train ratings, not rounded (the published one was)."""
    mean = float(material.train.value.mean())
    return Guesses(np.full(len(material.valid), mean), np.full(len(material.test), mean))


def guess_user_mean(material: Material) -> Guesses:
    """The mean of the user's train ratings; of a user without one, that of all."""
    means = _means(material.train.user, material.train.value, material.users)
    return Guesses(means[material.valid.user], means[material.test.user])


def guess_item_mean(material: Material) -> Guesses:
    """The mean of the item's train ratings (the "Mean" of the thesis); of an item without one, that of all."""
    means = _means(material.train.item, material.train.value, material.items)
    return Guesses(means[material.valid.item], means[material.test.item])


def _means(owner: np.ndarray, values: np.ndarray, owners: int) -> np.ndarray:
    count = np.bincount(owner, minlength=owners)
    total = np.bincount(owner, weights=values, minlength=owners)
    return np.where(count > 0, total / np.maximum(count, 1), values.mean())
