"""How far predictions are off: RMSE and MAE with intervals clustered by user, and predictors on the same events."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import sqrt

import numpy as np

from engine.measuring.against_best import against_best
from engine.measuring.bootstrap import resample
from engine.measuring.clusters import UserIndex
from engine.measuring.intervals import slice_means
from engine.measuring.measures import BOOTSTRAP_SEED
from engine.measuring.slices import divide
from engine.rating.ratings import RatingSplits, Scale
from store import datasets, ratings
from store.enums import Slice, Split
from store.errors import BadInput
from store.rated_events import rated_events
from store.rows import Dataset, Events, RatingError, RatingRun

USER_AND_TARGET = "user+target"  # the slice of both: "warm user, cold target"
BY_USE = (Slice.ALL, Slice.USER, Slice.TARGET, Slice.HISTORY_LENGTH)


def measure_errors(
    db: sqlite3.Connection, dataset: Dataset, splits: RatingSplits, predicted: np.ndarray
) -> list[RatingError]:
    """RMSE and MAE of predictions (float32 [n]) of the test ratings, per slice.

    The interval of an RMSE is the root of that of the mean square. A slice of one user says nothing about others: its
    interval is all that the scale allows.
    """
    test = splits.test
    width = _width(splits.scale, test.value)
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


def compare_errors_with_best(
    db: sqlite3.Connection, runs: Sequence[RatingRun], *, by_user: bool = False
) -> dict[tuple[int, str], float]:
    """p of every run against the one of the smallest error over all test events, by run id and metric, not corrected.

    Every pair is tested once: the best run has no test of its own. The metrics are rmse and mae; two RMSEs are compared
    by their mean squares, whose order is the same. by_user: every user weighs the same. No tests as for
    `compare_with_best`. BadInput if the runs did not predict the same events.
    """
    if len(runs) < 2:
        return {}
    predictions = [ratings.predictions(db, run) for run in runs]
    events, known = rated_events(db, datasets.dataset(db, runs[0].dataset).id, Split.TEST)
    for run, (event, _) in zip(runs, predictions, strict=True):
        if run.dataset != runs[0].dataset or not np.array_equal(event, events.event):
            raise BadInput(
                f"{runs[0].name} on {runs[0].dataset} and {run.name} on {run.dataset} did not predict the same events. "
                "Compare predictors on one dataset."
            )
    truth = known.astype(np.float64)
    width = _width(Scale(*runs[0].summary["scale"]), truth)
    off = np.hstack([_errors(predicted, truth) / (width**2, width) for _, predicted in predictions])
    everything = {"all": np.ones(len(truth), bool)}
    resampled = resample(off, UserIndex.of(events.user), everything, seed=BOOTSTRAP_SEED)["all"]
    found: dict[tuple[int, str], float] = {}
    for first, metric in enumerate(("rmse", "mae")):
        columns = np.arange(first, 2 * len(runs), 2)
        _, others = against_best(resampled, columns, by_user=by_user, lower_is_better=True)
        for place, difference in others.items():
            found[runs[place].id, metric] = difference.user_p if by_user else difference.p
    return found


def _errors(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Squared and absolute errors, float64 [n, 2]."""
    off = predicted.astype(np.float64) - truth
    return np.stack((off**2, np.abs(off)), axis=1)


def _width(scale: Scale, truth: np.ndarray) -> float:
    """The largest error possible; intervals are computed in shares of it."""
    return float(max(scale.high, truth.max()) - min(scale.low, truth.min())) or 1.0


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
