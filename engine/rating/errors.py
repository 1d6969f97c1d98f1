"""How far predictions are off: RMSE and MAE with intervals clustered by user, and two predictors on the same events."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from engine.measuring.intervals import Difference, holm, paired, slice_means
from engine.measuring.measures import BOOTSTRAP_SEED
from engine.measuring.slices import divide
from engine.rating.ratings import Material, Scale
from store import datasets, ratings
from store.errors import BadInput
from store.rated_events import rated_events
from store.records import Dataset, Events, RatingError, RatingRun
from store.words import Slice, Split

USER_AND_TARGET = "user+target"  # the slice of both: "warm user, cold target"
BY_USE = (Slice.ALL, Slice.USER, Slice.TARGET, Slice.HISTORY_LENGTH)


@dataclass(frozen=True)
class ErrorDifference:
    """How much larger A's error is than B's on the same events: of the mean square (`mse`) or of the MAE (`mae`).

    Its p also tells whether two RMSEs differ: a root turns no order around. p_holm: corrected over all shown together.
    """

    slice: str
    value: str
    metric: str
    difference: Difference
    p_holm: float


def measure_errors(
    db: sqlite3.Connection, dataset: Dataset, material: Material, predicted: np.ndarray
) -> list[RatingError]:
    """RMSE and MAE of predictions (float32 [n]) of the test ratings, per slice.

    The interval of an RMSE is the root of that of the mean square. A slice of one user says nothing about others: its
    interval is all that the scale allows.
    """
    test = material.test
    width = _width(material.scale, test.value)
    values = _errors(predicted, test.value) / (width**2, width)
    parts = _parts(db, dataset, test.events)
    means = slice_means(values, test.user, parts, seed=BOOTSTRAP_SEED)
    found = []
    for (name, value), (square, absolute) in means.items():
        for metric, mean in (("rmse", square), ("mae", absolute)):
            numbers = {
                key: width * (sqrt(number) if metric == "rmse" else number)
                for key, number in vars(mean).items()
                if key not in ("n", "users")
            }
            found.append(RatingError(name, value, metric, mean.n, mean.users, **numbers))
    return found


def compare_errors(db: sqlite3.Connection, a: RatingRun, b: RatingRun, *, by: str = Slice.ALL) -> list[ErrorDifference]:
    """Paired differences A − B over the test events of one dataset, per value of a slice; below 0 A is better.

    by: all, user, target, history-length or user+target. `BadInput` where the runs are not of the same events.
    """
    (event, left), (same, right) = (ratings.predictions(db, run) for run in (a, b))
    if a.dataset != b.dataset or not np.array_equal(event, same):
        raise BadInput(
            f"{a.name} on {a.dataset} and {b.name} on {b.dataset} did not predict the same events. "
            "Compare two predictors on one dataset."
        )
    dataset = datasets.dataset(db, a.dataset)
    events, known = rated_events(db, dataset.id, Split.TEST)
    parts = {value: mask for (name, value), mask in _parts(db, dataset, events).items() if name == by}
    if not parts:
        raise BadInput(f'Errors are not divided by "{by}". Allowed: {", ".join((*BY_USE, USER_AND_TARGET))}.')
    truth = known.astype(np.float64)
    width = _width(Scale(*a.summary["scale"]), truth)
    of_a, of_b = (_errors(predicted, truth) / (width**2, width) for predicted in (left, right))
    found = [
        ErrorDifference(by, value, metric, _times(difference, unit), difference.p)
        for value, mask in parts.items()
        for (metric, unit), difference in zip(
            (("mse", width**2), ("mae", width)), paired(of_a, of_b, events.user, mask=mask), strict=True
        )
    ]
    corrected = holm([row.difference.p for row in found])
    return [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]


def _errors(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Squared and absolute errors, float64 [n, 2]."""
    off = predicted.astype(np.float64) - truth
    return np.stack((off**2, np.abs(off)), axis=1)


def _width(scale: Scale, truth: np.ndarray) -> float:
    """The largest error possible; intervals are computed in shares of it."""
    return float(max(scale.high, truth.max()) - min(scale.low, truth.min())) or 1.0


def _times(difference: Difference, unit: float) -> Difference:
    names = ("mean", "low", "high", "user_mean", "user_low", "user_high")
    return replace(difference, **{name: unit * getattr(difference, name) for name in names})


def _parts(db: sqlite3.Connection, dataset: Dataset, events: Events) -> dict[tuple[str, str], np.ndarray]:
    """Masks bool [n] by slice and value: those by use, and warm and cold users with warm and cold targets."""
    unread = np.zeros(len(events), np.int32)
    found = {kind: divide(db, dataset, kind, events, unread) for kind in BY_USE}
    masks = {(part.slice.value, part.value): part.mask for parts in found.values() for part in parts}
    for user in found[Slice.USER]:
        for target in found[Slice.TARGET]:
            both = user.mask & target.mask
            if both.any():
                masks[USER_AND_TARGET, f"{user.value} user, {target.value} target"] = both
    return masks
