"""Two models on the same events: the difference event by event, and how sure one can be of its mean."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.measuring.intervals import Difference, holm, paired
from engine.measuring.measures import RankPairs
from engine.measuring.metrics import measure
from engine.measuring.slices import slices
from store import datasets, evaluations
from store.errors import BadInput
from store.records import Evaluation
from store.words import Seen, Slice


@dataclass(frozen=True)
class Compared:
    """The mean difference A − B of one metric in one slice; `p_holm` is corrected over all that is shown together."""

    models: tuple[str, str]
    dataset: str
    slice: str
    value: str
    metric: str
    seen: str
    difference: Difference
    protocols: tuple[str, str]
    p_holm: float

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        d = self.difference
        return {
            "a": self.models[0],
            "b": self.models[1],
            "dataset": self.dataset,
            "slice": self.slice,
            "value": self.value,
            "metric": self.metric,
            "seen": self.seen,
            "n": d.n,
            "users": d.users,
            "difference": d.mean,
            "low": d.low,
            "high": d.high,
            "p": d.p,
            "p_holm": self.p_holm,
            "user_difference": d.user_mean,
            "user_low": d.user_low,
            "user_high": d.user_high,
            "protocol": list(self.protocols),
        }


def compare(
    db: sqlite3.Connection,
    models: tuple[str, str],
    names: list[str],
    by: str,
    metrics: list[str],
    seen: list[Seen],
) -> list[Compared]:
    """Paired differences per dataset and slice value, from the newest evaluations of both over the same events."""
    measures = [measure(name) for name in metrics]
    found: list[Compared] = []
    for name in names:
        dataset = datasets.dataset(db, name)
        pair = _same_events(db, models, name)
        a, b = (RankPairs.of([evaluations.ranks(db, evaluation)]) for evaluation in pair)
        numbers = evaluations.rank_column(db, pair[0], "event")
        everything = datasets.events(db, dataset.id, pair[0].split)
        events = datasets.events(db, dataset.id, pair[0].split, np.searchsorted(everything.event, numbers))
        parts = slices(db, dataset, datasets.items(db, dataset.id), events, np.maximum(a.visible, b.visible))
        keys = [(m, s) for s in seen for m in measures]
        left, right = (
            np.stack([m(*side.pair(s), candidates=dataset.items) for m, s in keys], axis=1) for side in (a, b)
        )
        for part in (part for part in parts if part.slice == Slice(by)):
            differences = paired(left, right, events.user, mask=part.mask)
            protocols = pair[0].protocol_text, pair[1].protocol_text
            found += [
                Compared(models, name, part.slice, part.value, str(m), s, difference, protocols, p_holm=difference.p)
                for (m, s), difference in zip(keys, differences, strict=True)
            ]
    corrected = holm([row.difference.p for row in found])
    return [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]


def _same_events(db: sqlite3.Connection, models: tuple[str, str], dataset: str) -> tuple[Evaluation, Evaluation]:
    """The newest evaluations of the two models over one and the same set of events."""
    left, right = (evaluations.evaluations(db, model=name, dataset=dataset) for name in models)
    for a in reversed(left):
        for b in reversed(right):
            if a.split is b.split and all(a.protocol.get(k) == b.protocol.get(k) for k in ("sample", "sample_seed")):
                return a, b
    raise BadInput(
        f"{models[0]} and {models[1]} were not evaluated on the same events of {dataset}. "
        f"Run `st5 evaluate {models[0]} {models[1]} --datasets {dataset}` with one --sample and --seed."
    )
