"""The events that meet a filter over the ranks of models, the history's length and the target."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.queries.event_filter import LETTERS, EventFilter
from store import evaluations as evaluation_store
from store.enums import Seen
from store.errors import BadInput
from store.rows import Dataset, Evaluation


@dataclass(frozen=True)
class MatchingEvents:
    """The events that meet a filter: event and user int32 [E], by event; of `looked_at` events that were tested.

    `sign` is equal if the filter, the models and the rule are.
    """

    sign: tuple[object, ...]
    words: str
    event: np.ndarray
    user: np.ndarray
    looked_at: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatchingEvents) and self.sign == other.sign

    def __hash__(self) -> int:
        return hash(self.sign)


def find_matching_events(
    db: sqlite3.Connection,
    dataset: Dataset,
    wanted: EventFilter,
    of: Sequence[Evaluation | None],
    seen: Seen,
    known: MatchingEvents | None = None,
) -> MatchingEvents:
    """The events of the models that a filter speaks of (else of the first) that meet it; `known` if that is the answer.

    A target is in the top 10 where its expected rank over random order of ties is at most 10; one that is no candidate
    never is, and is above none. `BadInput` where a model is not there.
    """
    models = wanted.models or (0,)
    for place in models:
        if place >= len(of) or of[place] is None:
            raise BadInput(
                f"{wanted.words}: there is no model {LETTERS[place]} here. Name one more (--models; in Users "
                f"{LETTERS[place].lower()} chooses it), or evaluate another on {dataset.name}."
            )
    own = {place: each for place in models if (each := of[place]) is not None}
    sign = (wanted, seen, dataset.id, dataset.fingerprint, *((place, each.key) for place, each in own.items()))
    if known is not None and known.sign == sign:
        return known
    first = own[models[0]]
    events = evaluation_store.evaluated_events(db, first)
    meets = np.ones(len(events), bool)
    for each in own.values():
        if each is not first:
            meets &= np.isin(events.event, evaluation_store.rank_column(db, each, "event"))
    looked_at = int(meets.sum())
    rank = {place: expected_ranks(db, each, events.event, seen) for place, each in own.items()}
    for part in wanted.within:
        inside = rank[part.model] <= part.top
        meets &= inside if part.inside else ~inside
    for one, other in wanted.above:
        meets &= rank[one] < rank[other]
    if wanted.length is not None:
        least, most = wanted.length
        meets &= (events.length >= least) & (events.length <= (events.length if most is None else most))
    if wanted.target:
        trained = evaluation_store.trained_items(db, dataset)[events.item]
        meets &= trained if wanted.target == "warm" else ~trained
    return MatchingEvents(sign, wanted.words, events.event[meets], events.user[meets], looked_at)


def expected_ranks(db: sqlite3.Connection, evaluation: Evaluation, events: np.ndarray, seen: Seen) -> np.ndarray:
    """The target's expected rank in each event, float64 [E]; infinite where it is no candidate or not measured."""
    suffix = "_masked" if seen is Seen.MASK else ""
    number, better, tied = (
        evaluation_store.rank_column(db, evaluation, name) for name in ("event", f"better{suffix}", f"tied{suffix}")
    )
    rank = np.where(better >= evaluation.candidates, np.inf, better + 1 + tied / 2)
    if np.array_equal(number, events):
        return rank
    place = np.minimum(np.searchsorted(number, events), len(number) - 1)
    return np.where(number[place] == events, rank[place], np.inf)
