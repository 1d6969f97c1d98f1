"""What Users shows: one event with its history and target, beside what up to three evaluations found for it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.tables.labels import labels, newest_of_each, row_key
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store.enums import Seen, Split
from store.errors import BadInput
from store.rows import Dataset, Evaluation, Event, Item
from store.workspace import Workspace
from workbench.ui.ui_state import UsersChoice

if TYPE_CHECKING:
    import numpy as np

    from engine.queries.matching_events import MatchingEvents

HISTORY_LIMIT = 300  # newest items shown; a row each, and a table stays quick to about a thousand
PAGE = 200  # users per page of the list


@dataclass(frozen=True)
class HistoryRow:
    """One item of a history or the target: when it was chosen, and how it was rated."""

    position: int
    item: Item
    timestamp: int | None
    rating: float | None


@dataclass(frozen=True)
class RecommendedItem:
    """One recommended item; `owned` where the history already holds it."""

    position: int
    item: Item
    score: float
    is_target: bool
    owned: bool


@dataclass(frozen=True)
class Position:
    """Where the target came: `better` candidates score above it, `tied` others as high as it does."""

    better: int
    tied: int
    candidates: int

    @property
    def missed(self) -> bool:
        """Whether the target was no candidate at all."""
        return self.better >= self.candidates

    @property
    def expected(self) -> float:
        """The mean position over random tie-breaking."""
        return self.better + 1 + self.tied / 2


@dataclass(frozen=True)
class ModelColumn:
    """One evaluation's answer. `position` is None where it does not cover this event."""

    evaluation: Evaluation
    label: str
    position: Position | None
    score: float
    visible: int
    picks: tuple[RecommendedItem, ...]


@dataclass(frozen=True)
class UserEventView:
    """One event of one user; `number` of `of_user` among the user's events of the split.

    `older` are the items of the history before those shown. sides: an answer of each model shown, None where there is
    no evaluation. position: the event's place among the `walked` that next and previous go through, 0 if missing.
    """

    dataset: Dataset
    user: str
    event: Event
    number: int
    of_user: int
    length: int
    history: tuple[HistoryRow, ...]
    older: tuple[int, ...]
    target: HistoryRow
    sides: tuple[ModelColumn | None, ...] = ()
    position: int = 0
    walked: int = 0

    @property
    def left(self) -> ModelColumn | None:
        return self.sides[0]

    @property
    def right(self) -> ModelColumn | None:
        return self.sides[1]


@dataclass(frozen=True)
class UsersView:
    """Everything that Users shows; `user_event` is None where the dataset has no event to look at.

    matching: the answer to the question in force, None if missing.
    """

    datasets: tuple[str, ...]
    dataset: Dataset | None
    evaluations: tuple[tuple[Evaluation, str], ...]
    user_event: UserEventView | None
    message: str = ""
    matching: MatchingEvents | None = None


@dataclass(frozen=True)
class UserPage:
    """One page of the users whose key starts with `prefix`, of `total`."""

    prefix: str
    after: str
    users: tuple[tuple[int, str], ...]
    total: int


def read_users(
    workspace: Workspace, dataset_name: str, prefix: str, after: str = "", matching: MatchingEvents | None = None
) -> UserPage:
    """A page of users by key, of all or of those that a question found; an empty one where the dataset is gone."""
    if not workspace.exists():
        return UserPage(prefix, after, (), 0)
    among = None if matching is None else dict.fromkeys(matching.user.tolist())
    with workspace.read() as db:
        dataset = next((each for each in dataset_store.datasets(db) if each.name == dataset_name), None)
        if dataset is None:
            return UserPage(prefix, after, (), 0)
        page = dataset_store.users(db, dataset.id, prefix=prefix, after=after, limit=PAGE, among=among)
        total = dataset.users if among is None else len(among)
        if prefix:
            total = dataset_store.count_users(db, dataset.id, prefix=prefix, among=among)
    return UserPage(prefix, after, tuple(page), total)


def count_matching_events(workspace: Workspace, choice: UsersChoice, words: str) -> MatchingEvents:
    """What a question would find; `BadInput` if it is invalid, or asks about a model that is not shown."""
    with workspace.read() as db:
        dataset = dataset_store.dataset(db, choice.dataset)
        own = newest_of_each(evaluation_store.evaluations(db, dataset=dataset.name))
        return _matching_events(db, dataset, replace(choice, question=words), _shown_evaluations(own, choice), None)


def read_user_event(
    workspace: Workspace, choice: UsersChoice, step: str = "", before: MatchingEvents | None = None
) -> UsersView:
    """Read the chosen event, or the one that `step` leads to.

    `step`: `random`; `next`, `previous` among the events that answer the question, or that the left evaluation covers
    if none is asked (all test events if there is none); `later`, `earlier` among the user's own; `user` for the
    newest event of `choice.user`; `asked` for the first that answers, unless this one does; empty to stay.
    before: what the question found the last time, so that it is not asked again.
    """
    with workspace.read() as db:
        known = dataset_store.datasets(db)
        names = tuple(dataset.name for dataset in known)
        dataset = next((d for d in known if d.name == choice.dataset), known[0] if known else None)
        if dataset is None:
            return UsersView(names, None, (), None)
        own = newest_of_each(evaluation_store.evaluations(db, dataset=dataset.name))
        named = labels(own)
        listed = tuple((e, named[row_key(e)]) for e in own)
        of = _shown_evaluations(own, choice)
        left = of[0]
        split = left.split if left else Split.TEST
        message, matching, walked = "", None, None
        try:
            matching = _matching_events(db, dataset, choice, of, before) if choice.question else None
        except BadInput as problem:
            message = str(problem)
        if matching is not None:
            walked = matching.event
        elif left is not None and left.n:
            walked = evaluation_store.rank_column(db, left, "event")
        try:
            number = _event_number(db, dataset, choice, walked, split, step)
        except BadInput as problem:
            number, message = None, str(problem)
        user_event = None
        if number is not None:
            user_event = _user_event(db, dataset, number)
            sides = tuple(_model_column(db, each, named, user_event, choice) for each in of)
            user_event = replace(
                user_event,
                sides=sides,
                position=_position_among(walked, number),
                walked=0 if walked is None else len(walked),
            )
    return UsersView(names, dataset, listed, user_event, message, matching)


def _matching_events(
    db: sqlite3.Connection,
    dataset: Dataset,
    choice: UsersChoice,
    of: Sequence[Evaluation | None],
    before: MatchingEvents | None,
) -> MatchingEvents:
    from engine.queries.event_filter import parse
    from engine.queries.matching_events import find_matching_events  # with what only filters need

    return find_matching_events(db, dataset, parse(choice.question), of, Seen(choice.seen), before)


def _shown_evaluations(own: list[Evaluation], choice: UsersChoice) -> tuple[Evaluation | None, ...]:
    """The evaluations shown, from the left: two, as far as they are there, and a third where one is chosen."""
    by_key = {e.key: e for e in own}
    left, right, third = (by_key.get(key) for key in (choice.left, choice.right, choice.third))
    others = [e for e in reversed(own) if e not in (left, right, third)]
    if left is None and others:
        left = others.pop(0)
    if right is None and others:
        right = next((e for e in others if left is None or e.model != left.model), others[0])
    return (left, right) if third is None else (left, right, third)


def _position_among(walked: np.ndarray | None, number: int) -> int:
    """The place of an event among those walked through, from 1; 0 if it is not among them."""
    position = 0 if walked is None else int(walked.searchsorted(number))
    return position + 1 if walked is not None and position < len(walked) and walked[position] == number else 0


def _event_number(
    db: sqlite3.Connection,
    dataset: Dataset,
    choice: UsersChoice,
    walked: np.ndarray | None,
    split: Split,
    step: str,
) -> int | None:
    """walked: the events that next and previous go through, ascending; None for all of the split."""
    here = choice.event if choice.dataset == dataset.name else -1
    if step == "user" or (here < 0 and choice.user and choice.dataset == dataset.name and not step):
        return _newest_event(db, dataset, choice.user, walked, split)
    if step in ("later", "earlier") and here >= 0:
        user = dataset_store.event(db, dataset.id, here).user
        numbers = [e.event for e in dataset_store.user_events(db, dataset.id, user) if e.split == split]
        position = (numbers.index(here) if here in numbers else 0) + (1 if step == "later" else -1)
        return numbers[min(max(position, 0), len(numbers) - 1)] if numbers else here
    if step == "random" or (here < 0 and not step):
        return _drawn(db, dataset, walked, split, random.random() if step else 0.0, here)
    if step in ("next", "previous"):
        return _beside(db, dataset, walked, split, here, forward=step == "next")
    if here >= 0 and dataset_store.find_event(db, dataset.id, here) is None:  # the dataset was replaced meanwhile
        return _drawn(db, dataset, walked, split, 0.0, -1)
    if step == "asked" and walked is not None and len(walked) and not _position_among(walked, here):
        return int(walked[0])
    return here if here >= 0 else None


def _newest_event(
    db: sqlite3.Connection, dataset: Dataset, key: str, walked: np.ndarray | None, split: Split
) -> int | None:
    user = dataset_store.user_id(db, dataset, key)
    events = dataset_store.user_events(db, dataset.id, user)
    if not events:
        raise BadInput(f"{key} has no event to predict in {dataset.name}: its history is too short or was left out.")
    of_split = [event.event for event in events if event.split == split]
    return next((n for n in reversed(of_split) if _position_among(walked, n)), (of_split or [events[-1].event])[-1])


def _drawn(
    db: sqlite3.Connection, dataset: Dataset, walked: np.ndarray | None, split: Split, fraction: float, here: int
) -> int | None:
    if walked is not None and len(walked):
        return int(walked[int(fraction * len(walked))])
    if walked is not None and here >= 0:
        return here  # nothing answers the question
    for other in (split, *Split):
        found = dataset_store.event_at(db, dataset.id, other, fraction)
        if found is not None:
            return found
    return None


def _beside(
    db: sqlite3.Connection, dataset: Dataset, walked: np.ndarray | None, split: Split, here: int, *, forward: bool
) -> int | None:
    if walked is not None:
        if not len(walked):
            return here
        position = int(walked.searchsorted(here, side="right" if forward else "left")) - (0 if forward else 1)
        return int(walked[min(max(position, 0), len(walked) - 1)])
    found = dataset_store.event_beside(db, dataset.id, here, split, forward=forward)
    return here if found is None else found


def _user_event(db: sqlite3.Connection, dataset: Dataset, number: int) -> UserEventView:
    event = dataset_store.event(db, dataset.id, number)
    sequence = dataset_store.sequence(db, dataset.id, event.sequence)
    first = max(0, event.length - HISTORY_LIMIT)
    shown = [int(item) for item in sequence.items[first : event.length]]
    items = dataset_store.items_by_id(db, dataset.id, [*shown, event.item])
    history = tuple(
        HistoryRow(
            position=first + offset + 1,
            item=items.get(item) or _absent(item),
            timestamp=None if sequence.timestamps is None else int(sequence.timestamps[first + offset]),
            rating=None if sequence.ratings is None else float(sequence.ratings[first + offset]),
        )
        for offset, item in enumerate(shown)
    )
    numbers = [e.event for e in dataset_store.user_events(db, dataset.id, event.user) if e.split == event.split]
    return UserEventView(
        dataset=dataset,
        user=dataset_store.user_keys(db, dataset.id, [event.user]).get(event.user, str(event.user)),
        event=event,
        number=numbers.index(number) + 1,
        of_user=len(numbers),
        length=event.length,
        history=history,
        older=tuple(sequence.items[:first].tolist()),
        target=HistoryRow(
            event.length + 1, items.get(event.item) or _absent(event.item), event.timestamp, event.rating
        ),
    )


def _model_column(
    db: sqlite3.Connection,
    evaluation: Evaluation | None,
    named: dict[tuple[str, str], str],
    user_event: UserEventView,
    choice: UsersChoice,
) -> ModelColumn | None:
    if evaluation is None:
        return None
    label = named[row_key(evaluation)]
    ranks = evaluation_store.rank_row(db, evaluation, user_event.event.event)
    if ranks is None:
        return ModelColumn(evaluation, label, None, 0.0, 0, ())
    masked = choice.seen == Seen.MASK
    better, tied = (ranks.better_masked, ranks.tied_masked) if masked else (ranks.better, ranks.tied)
    places = (ranks.top_items_masked if masked else ranks.top_items)[0][: choice.top]
    scores = (ranks.top_scores_masked if masked else ranks.top_scores)[0][: choice.top]
    sequence = dataset_store.sequence(db, user_event.dataset.id, user_event.event.sequence)
    owned = {int(item) for item in sequence.items[: user_event.length]}
    items = dataset_store.items_by_id(db, user_event.dataset.id, places.tolist())
    picks = tuple(
        RecommendedItem(
            position=position,
            item=items.get(int(item)) or _absent(int(item)),
            score=float(value),
            is_target=int(item) == user_event.event.item,
            owned=int(item) in owned,
        )
        for position, (item, value) in enumerate(zip(places, scores, strict=True), start=1)
        if item >= 0
    )
    return ModelColumn(
        evaluation=evaluation,
        label=label,
        position=Position(int(better[0]), int(tied[0]), evaluation.candidates),
        score=float(ranks.score[0]),
        visible=int(ranks.visible[0]),
        picks=picks,
    )


def _absent(number: int) -> Item:
    return Item(number, f"item {number}", "", "", "")
