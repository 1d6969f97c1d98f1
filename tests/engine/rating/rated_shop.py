"""Rated datasets for tests of rating prediction: by hand, and drawn at random with users and items that differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.progress import Observer
from engine.rating.predictor import Predictor, settings_of
from engine.rating.ratings import RatingSplits, load_rating_splits
from engine.rating.request import RateRequest, check
from engine.rating.run import rate
from store import datasets, ratings
from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Split, SplitKind
from store.rows import Dataset, RatingRun
from store.workspace import Workspace

TRAIN, VALID, TEST = Split.TRAIN, Split.VALID, Split.TEST
NAME = "shop"

# A user's interactions, oldest first: item, rating, split. A rating may be unknown.
History = Sequence[tuple[int, float | None, Split]]

# Train: u0 gave A 4 and B 2, u1 gave A 5, u3 gave B 1: mean 3. u2 is not in train; C and D neither.
BY_HAND: Sequence[History] = (
    [(0, 4, TRAIN), (1, 2, TRAIN), (2, 3, VALID), (3, 5, TEST)],
    [(0, 5, TRAIN), (2, 4, VALID), (1, 1, TEST)],
    [(3, 2, VALID), (0, 4.5, TEST)],
    [(1, 1, TRAIN), (2, None, TEST)],
)


def write(
    folder: Path, histories: Sequence[History], *, items: int, name: str = NAME, platform: str = "table"
) -> Workspace:
    """One dataset in a new or known workspace; an item n is called `thing n`, and moments are 10 ms apart."""
    workspace = Workspace(folder)
    draft = DatasetDraft(
        name=name, request=name, platform=platform, domain="Things", synthetic=False, source={"files": []},
        split=SplitKind.GIVEN, split_settings={}, timed=True,
    )  # fmt: skip
    sequences, events = [], []
    for user, history in enumerate(histories):
        chosen, given, splits = zip(*history, strict=True)
        known = np.array([np.nan if rating is None else rating for rating in given], "<f4")
        blob = None if np.isnan(known).all() else known.tobytes()
        times = (10 * np.arange(1, len(chosen) + 1)).astype("<i8")
        train = sum(split is TRAIN for split in splits)
        sequences.append((user, user, train, np.array(chosen, "<i4").tobytes(), times.tobytes(), blob))
        for length, (item, rating, split) in enumerate(history):
            if length:
                events.append((len(events), user, user, length, item, int(times[length]), rating, split.value))
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        writer.add("item", ((n, f"k{n}", f"thing {n}", "", "Things", "{}") for n in range(items)))
        writer.add("user", ((user, f"u{user}") for user in range(len(histories))))
        writer.add("sequence", sequences)
        writer.add("event", events)
        writer.finish(
            fingerprint=str(hash(str(histories))), interactions=sum(map(len, histories)), dropped={}, audit={},
            replace=False,
        )  # fmt: skip
    return workspace


def drawn(*, users: int = 40, items: int = 25, seed: int = 0) -> list[list[tuple[int, float, Split]]]:
    """Ratings from 1 to 5 in halves that follow a bias of each user and item; the last items are valid and test."""
    draw = np.random.default_rng(seed)
    kind, good = draw.normal(0, 0.7, users), draw.normal(0, 0.7, items)
    histories = []
    for user in range(users):
        chosen = draw.permutation(items)[: int(draw.integers(6, 14))].tolist()
        liked = np.clip(np.round(2 * (3 + kind[user] + good[chosen] + draw.normal(0, 0.4, len(chosen)))) / 2, 1, 5)
        splits = [TRAIN] * (len(chosen) - 4) + [VALID, VALID, TEST, TEST]
        histories.append(list(zip(chosen, liked.tolist(), splits, strict=True)))
    return histories


def splits(workspace: Workspace, name: str = NAME, seed: int = 0) -> RatingSplits:
    with workspace.read() as db:
        return load_rating_splits(db, datasets.dataset(db, name), seed)


def dataset_of(workspace: Workspace, name: str = NAME) -> Dataset:
    with workspace.read() as db:
        return datasets.dataset(db, name)


def rated(
    workspace: Workspace,
    predictor: str,
    *overrides: str,
    features: str = "",
    seed: int = 0,
    name: str = NAME,
    observer: Observer | None = None,
) -> RatingRun:
    """What `st5 rate PREDICTOR --set …` makes, in this process."""
    kind = Predictor(predictor)
    request = RateRequest(kind, settings_of(kind, overrides), features, seed, "cpu", "fp32")
    check(workspace, request, [name])
    return rate(workspace, request, name, observer or Observer())


def predicted(workspace: Workspace, run: RatingRun) -> np.ndarray:
    with workspace.read() as db:
        return ratings.predictions(db, run)[1]


def error(workspace: Workspace, run: RatingRun, metric: str, slice: str = "all", value: str = "all") -> float:
    with workspace.read() as db:
        found = ratings.rating_errors(db, run.id)
    (mean,) = (e.mean for e in found if (e.metric, e.slice, e.value) == (metric, slice, value))
    return mean
