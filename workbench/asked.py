"""The events that answer a question about what models found."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from store import evaluations as evaluation_store
from store.errors import BadInput
from store.records import Dataset, Evaluation
from store.words import Seen
from workbench.question import LETTERS, Question


@dataclass(frozen=True)
class Asked:
    """A question's answer: event and user int32 [E], by event; looked_at: how many events were asked about.

    `sign` is equal where the question, the models and the rule are.
    """

    sign: tuple[object, ...]
    words: str
    event: np.ndarray
    user: np.ndarray
    looked_at: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asked) and self.sign == other.sign

    def __hash__(self) -> int:
        return hash(self.sign)


def find_asked(
    db: sqlite3.Connection,
    dataset: Dataset,
    question: Question,
    of: Sequence[Evaluation | None],
    seen: Seen,
    known: Asked | None = None,
) -> Asked:
    """The events of the models asked about (of the first where none is) that meet the question; or `known`, if it is.

    A target is in the top 10 where its expected rank over random order of ties is at most 10; one that is no candidate
    never is, and is above none. `BadInput` where a model is not there.
    """
    models = question.models or (0,)
    for place in models:
        if place >= len(of) or of[place] is None:
            raise BadInput(
                f"{question.words}: there is no model {LETTERS[place]} here. "
                f"Choose one with {LETTERS[place].lower()}, or evaluate another on {dataset.name}."
            )
    own = {place: each for place in models if (each := of[place]) is not None}
    sign = (question, seen, dataset.id, dataset.fingerprint, *((place, each.key) for place, each in own.items()))
    if known is not None and known.sign == sign:
        return known
    first = own[models[0]]
    events = evaluation_store.evaluated_events(db, first)
    meets = np.ones(len(events), bool)
    for each in own.values():
        if each is not first:
            meets &= np.isin(events.event, evaluation_store.rank_column(db, each, "event"))
    looked_at = int(meets.sum())
    rank = {place: _expected(db, each, events.event, seen) for place, each in own.items()}
    for part in question.within:
        inside = rank[part.model] <= part.top
        meets &= inside if part.inside else ~inside
    for one, other in question.above:
        meets &= rank[one] < rank[other]
    if question.length is not None:
        least, most = question.length
        meets &= (events.length >= least) & (events.length <= (events.length if most is None else most))
    if question.target:
        trained = evaluation_store.trained_items(db, dataset)[events.item]
        meets &= trained if question.target == "warm" else ~trained
    return Asked(sign, question.words, events.event[meets], events.user[meets], looked_at)


def _expected(db: sqlite3.Connection, evaluation: Evaluation, events: np.ndarray, seen: Seen) -> np.ndarray:
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
