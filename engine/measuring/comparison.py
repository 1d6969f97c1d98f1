"""Models on the same events: differences event by event, and how sure one can be of their means."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.measuring.ad_hoc_slices import slice_text
from engine.measuring.aligned_evaluations import AlignedEvaluations, align_evaluations, columns, event_set
from engine.measuring.bootstrap import resample
from engine.measuring.choices import Averaging, ComparisonSpec, Significance
from engine.measuring.highlighting import holm
from engine.measuring.intervals import Difference, differences
from engine.measuring.measures import BOOTSTRAP_SEED, values
from engine.measuring.metrics import Measure, measure
from engine.measuring.permutation import flips
from store import evaluations
from store.errors import BadInput
from store.rows import Evaluation

Pair = tuple[Evaluation, Evaluation]


@dataclass(frozen=True)
class Compared:
    """The mean difference A − B of one metric in one slice value; p and p_holm are of the mean and the test asked for.

    p_holm is corrected over all that is shown together.
    """

    pair: Pair
    slice: str
    value: str
    metric: str
    seen: str
    difference: Difference
    mean: Averaging
    test: Significance
    p_holm: float

    @property
    def models(self) -> tuple[str, str]:
        return self.pair[0].model, self.pair[1].model

    @property
    def dataset(self) -> str:
        return self.pair[0].dataset

    @property
    def p(self) -> float:
        return self.difference.user_p if self.mean is Averaging.USER else self.difference.p

    @property
    def span(self) -> tuple[float, float, float]:
        """Mean difference, low and high, by the mean asked for."""
        d = self.difference
        return (d.user_mean, d.user_low, d.user_high) if self.mean is Averaging.USER else (d.mean, d.low, d.high)

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
            "user_p": d.user_p,
            "mean": self.mean.value,
            "test": self.test.value,
            "protocol": [evaluation.protocol_text for evaluation in self.pair],
        }


def compare(
    db: sqlite3.Connection, models: tuple[str, str], names: Sequence[str], spec: ComparisonSpec
) -> list[Compared]:
    """Paired differences per dataset and slice value, from the newest evaluations of both over the same events."""
    pairs = [_newest_pair(db, *models, name) for name in names]
    for pair, name in zip(pairs, names, strict=True):
        if pair is None:
            raise BadInput(
                f"{models[0]} and {models[1]} were not evaluated on the same events of {name}. "
                f"Run `st5 evaluate {models[0]} {models[1]} --datasets {name}` with one --sample and --seed."
            )
    return compare_pairs(db, [pair for pair in pairs if pair is not None], spec)


def compare_all(db: sqlite3.Connection, model: str, names: Sequence[str], spec: ComparisonSpec) -> list[Compared]:
    """Every other model minus this one, per dataset and slice value, where both were evaluated on the same events."""
    pairs: list[Pair] = []
    for name in names:
        others = dict.fromkeys(e.model for e in evaluations.evaluations(db, dataset=name) if e.model != model)
        found = (_newest_pair(db, other, model, name) for other in others)
        pairs += [pair for pair in found if pair is not None]
    if not pairs:
        where = " or ".join(names) or "any dataset"
        raise BadInput(
            f"No other model was evaluated on the same events as {model} on {where}. "
            f"Run `st5 evaluate {model} OTHER --datasets NAME` with one --sample and --seed."
        )
    return compare_pairs(db, pairs, spec)


def _newest_pair(db: sqlite3.Connection, a: str, b: str, dataset: str) -> Pair | None:
    """The newest evaluations of the two models over one and the same set of events."""
    left, right = (evaluations.evaluations(db, model=name, dataset=dataset) for name in (a, b))
    for one in reversed(left):
        for other in reversed(right):
            if event_set(one) == event_set(other):
                return one, other
    return None


def compare_pairs(db: sqlite3.Connection, pairs: Sequence[Pair], spec: ComparisonSpec) -> list[Compared]:
    """The differences of pairs of evaluations, each pair over the same events; Holm over all of them.

    Pairs over the same events share one bootstrap. BadInput if no event meets the question's conditions.
    """
    measures = [measure(name) for name in spec.metrics]
    groups: dict[tuple[object, ...], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(event_set(pair[0]), []).append(pair)
    found: list[Compared] = []
    refused: list[BadInput] = []
    for group in groups.values():
        members = list({evaluation.id: evaluation for pair in group for evaluation in pair}.values())
        try:
            found += _group(db, align_evaluations(db, members, spec.by, spec.where), group, measures, spec)
        except BadInput as error:  # a condition that no event of this dataset meets
            refused.append(error)
    if refused and not found:
        raise refused[0]
    corrected = holm([row.p for row in found])
    return [replace(row, p_holm=p) for row, p in zip(found, corrected, strict=True)]


def _group(
    db: sqlite3.Connection,
    of: AlignedEvaluations,
    pairs: Sequence[Pair],
    measures: Sequence[Measure],
    spec: ComparisonSpec,
) -> list[Compared]:
    place = {evaluation.id: number for number, evaluation in enumerate(of.evaluations)}
    left, right = (np.array([place[pair[side].id] for pair in pairs]) for side in (0, 1))
    masks = {part.value: part.mask for part in of.parts}
    found: dict[tuple[str, int], list[Compared]] = {(value, n): [] for value in masks for n in range(len(pairs))}
    for keys, batch in columns(db, of, measures, spec.seen):
        table = values(batch)
        starts = np.arange(len(keys))[:, None] * len(of.evaluations)
        sides = (starts + left).ravel(), (starts + right).ravel()
        for value, resampled in resample(table, of.user_index, masks, seed=BOOTSTRAP_SEED).items():
            rows = differences(resampled, *sides)
            if spec.test is Significance.PERMUTATION:
                tested = flips(table, of.user_index, masks[value], *sides)
                rows = [replace(row, p=t.p, user_p=t.user_p) for row, t in zip(rows, tested, strict=True)]
            for number, row in enumerate(rows):
                key, pair = keys[number // len(pairs)], number % len(pairs)
                found[value, pair].append(
                    Compared(
                        pair=pairs[pair],
                        slice=slice_text(spec.by, spec.where),
                        value=value,
                        metric=str(key.measure),
                        seen=key.seen.value,
                        difference=row,
                        mean=spec.mean,
                        test=spec.test,
                        p_holm=1.0,
                    )
                )
    return [row for rows in found.values() for row in rows]
