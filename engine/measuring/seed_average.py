"""Metrics of a family of models: the mean over its seeds, how far they lie apart, and how sure the mean is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.measuring.ad_hoc_slices import slice_text
from engine.measuring.aligned_evaluations import MetricKey, align_evaluations, columns, same_events
from engine.measuring.bootstrap import Resampled, resample
from engine.measuring.intervals import Mean, means
from engine.measuring.measures import BOOTSTRAP_SEED, values
from engine.measuring.metrics import Measure
from engine.measuring.seeds import families, spread
from engine.measuring.slices import Condition
from store import models
from store.enums import Seen, Slice
from store.errors import BadInput
from store.rows import Evaluation

OWN_OF_A_SEED = ("weights", "tokenizer")  # what the protocols of one family may differ in


@dataclass(frozen=True)
class SeedAverage:
    """A metric of a family in one slice value: the mean over seeds of each event's value, then over events.

    members: one evaluation per seed, over the same events under the same rules; sd, user_sd: the standard deviation
    (n − 1) of the members' means, None for one seed. The interval is of events (users resampled), not of seeds.
    """

    family: str
    members: tuple[Evaluation, ...]
    slice: str
    value: str
    metric: str
    seen: Seen
    mean: Mean
    sd: float | None
    user_sd: float | None

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "family": self.family,
            "models": [member.model for member in self.members],
            "seeds": len(self.members),
            "dataset": self.members[0].dataset,
            "split": self.members[0].split.value,
            "slice": self.slice,
            "value": self.value,
            "metric": self.metric,
            "seen": self.seen.value,
            **vars(self.mean),
            "sd": self.sd,
            "user_sd": self.user_sd,
            "protocol": self.members[0].protocol_text,
        }


def seed_averages(
    db: sqlite3.Connection,
    of: Sequence[Evaluation],
    by: Slice,
    where: Sequence[Condition],
    measures: Sequence[Measure],
    seen: Sequence[Seen],
) -> list[SeedAverage]:
    """One row per family, protocol, slice value, metric and seen rule, from the newest evaluation of each member.

    BadInput where a condition names a value that no event has.
    """
    family_of = {member.name: family.name for family in families(models.models(db)) for member in family.members}
    found: list[SeedAverage] = []
    refused: list[BadInput] = []
    for group in same_events([evaluation for evaluation in of if evaluation.model in family_of]):
        rows: dict[tuple[str, str], dict[str, int]] = {}
        for place, evaluation in enumerate(group):
            rows.setdefault((family_of[evaluation.model], _rules(evaluation)), {})[evaluation.model] = place
        try:
            together = align_evaluations(db, group, by, where)
        except BadInput as error:
            refused.append(error)
            continue
        masks = {part.value: part.mask for part in together.parts}
        for keys, batch in columns(db, together, measures, seen):
            for value, resampled in resample(values(batch), together.user_index, masks, seed=BOOTSTRAP_SEED).items():
                for number, key in enumerate(keys):
                    for (family, _), places in rows.items():
                        own = [number * len(group) + place for place in places.values()]
                        members = tuple(group[place] for place in places.values())
                        found.append(_row(family, members, slice_text(by, where), value, key, resampled, own))
    if refused and not found:
        raise refused[0]
    return found


def _row(
    family: str,
    members: tuple[Evaluation, ...],
    slice: str,
    value: str,
    key: MetricKey,
    resampled: Resampled,
    own: list[int],
) -> SeedAverage:
    """own: the members' columns of `resampled`."""
    both = resampled.means[:, own], resampled.user_means[:, own]
    together = Resampled(resampled.n, resampled.users, *(part.mean(axis=1, keepdims=True) for part in both))
    sd, user_sd = (spread(part[0].tolist())[1] for part in both)
    return SeedAverage(family, members, slice, value, str(key.measure), key.seen, means(together)[0], sd, user_sd)


def _rules(evaluation: Evaluation) -> str:
    rules = {key: value for key, value in evaluation.protocol.items() if key not in OWN_OF_A_SEED}
    return json.dumps([rules, evaluation.candidates], sort_keys=True)
