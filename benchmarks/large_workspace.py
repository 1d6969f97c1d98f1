"""A workspace as large as a group's after a year: 500,000 users, 100 models on 13 domains, 20 with lists."""

from __future__ import annotations

import sqlite3
from itertools import product

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Split, SplitKind
from store.evaluations import EvaluationWriter, evaluation_key
from store.models import put_model
from store.rows import Dataset, Metric, Model, Ranks
from store.workspace import Workspace

EVENTS_PER_USER = 3
ITEMS = 20_000
EVALUATED = 5_000  # events per evaluation with lists
BRIEF = 200  # events per evaluation of the other domains
LISTED = 20
BLOCK = 20_000  # rows per insert
METRICS = [*(f"{name}@{k}" for name in ("hr", "ndcg") for k in (1, 5, 10, 20, 50)), "mrr"]
SLICES = [("all", "all"), *(("history-length", str(n)) for n in range(1, 6)), *(("category", str(n)) for n in range(5))]


def fill(workspace: Workspace, *, users: int, models: int, domains: int) -> None:
    """Write it; the first domain is `large` with all the users and lists of the first LISTED models."""
    with workspace.write() as db:
        large = _dataset(db, "large", users, ITEMS)
        others = [_dataset(db, f"domain-{number:02d}", BRIEF, 500) for number in range(1, domains)]
        made = [add_model(db, f"model-{number:03d}") for number in range(models)]
        for number, model in enumerate(made):
            evaluate(db, model, large, EVALUATED if number < LISTED else BRIEF, lists=number < LISTED)
        for model, dataset in product(made, others):
            evaluate(db, model, dataset, BRIEF, lists=False)


def add_model(db: sqlite3.Connection, name: str) -> Model:
    """A baseline of this name; nothing stands behind it."""
    return put_model(db, name=name, kind="baseline", variant="pop", weights_hash=name, code_version="bench")


def _dataset(db: sqlite3.Connection, name: str, users: int, items: int) -> Dataset:
    draft = DatasetDraft(
        name=name,
        request="benchmark",
        platform="synthetic",
        domain=name,
        synthetic=True,
        source={},
        split=SplitKind.LEAVE_ONE_OUT,
        split_settings={},
        timed=True,
    )
    splits = [Split.TRAIN] * (EVENTS_PER_USER - 2) + [Split.VALID, Split.TEST]
    draw = np.random.default_rng(0)
    with DatasetWriter(db, draft) as writer:
        for start in range(0, items, BLOCK):
            rows = range(start, min(items, start + BLOCK))
            writer.add("item", ((n, f"i{n:06d}", f"Thing number {n}", "", "things", "{}") for n in rows))
        for start in range(0, users, BLOCK):
            rows = range(start, min(users, start + BLOCK))
            chosen = draw.integers(0, items, (len(rows), EVENTS_PER_USER + 1)).astype("<i4")
            stamps = (1_500_000_000_000 + 86_400_000 * np.arange(EVENTS_PER_USER + 1)).astype("<i8").tobytes()
            writer.add("user", ((n, f"u{n:07d}") for n in rows))
            writer.add(
                "sequence", ((n, n, EVENTS_PER_USER - 1, chosen[n - start].tobytes(), stamps, None) for n in rows)
            )
            writer.add(
                "event",
                (
                    (n * EVENTS_PER_USER + place, n, n, place + 1, int(chosen[n - start, place + 1]), None, None, split)
                    for n in rows
                    for place, split in enumerate(splits)
                ),
            )
        size = users * (EVENTS_PER_USER + 1)
        return writer.finish(fingerprint=name, interactions=size, dropped={}, audit={}, replace=False)


def evaluate(db: sqlite3.Connection, model: Model, dataset: Dataset, count: int, *, lists: bool) -> None:
    """Random ranks of about `count` test events, with the top 50 of each where `lists`, and all their metrics."""
    draw = np.random.default_rng(model.id)
    protocol = {"candidates": "full catalogue", "ties": "expected", "sample": count, "sample_seed": 0}
    step = max(1, dataset.events["test"] // count)
    places = np.arange(0, dataset.events["test"], step)[:count]
    event = (places * EVENTS_PER_USER + EVENTS_PER_USER - 1).astype(np.int32)
    rows, top = len(event), 50 if lists else 0
    counts = [draw.integers(0, ITEMS, rows).astype(np.int32) for _ in range(4)]
    items = draw.integers(0, ITEMS, (rows, top)).astype(np.int32)
    scores = -np.sort(-draw.random((rows, max(top, 1))).astype(np.float32))
    ranks = Ranks(event, counts[0], *counts, scores[:, 0], items, scores[:, :top], items, scores[:, :top])
    mean = float(draw.random())
    metrics = [
        Metric(kind, value, metric, seen, rows, rows, mean, mean - 0.01, mean + 0.01, mean, mean, mean, 0.1, 0.1)
        for kind, value in SLICES
        for metric in METRICS
        for seen in ("keep", "mask")
    ]
    key = evaluation_key(model, dataset, Split.TEST, protocol)
    with EvaluationWriter(
        db, key=key, model=model, dataset=dataset, split=Split.TEST, protocol=protocol, candidates=ITEMS
    ) as writer:
        writer.add(ranks)
        writer.finish(metrics, seconds=1.0, device="cpu")
