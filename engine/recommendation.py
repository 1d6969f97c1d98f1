"""What a model would show: for a stored user, for a list of titles, or for text that is no item."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.evaluation import history_starts
from engine.models import open_model
from engine.progress import Progress, silent
from engine.ranking.rank import rank
from engine.ranking.ranked import NO_ITEM, Ranked
from engine.ranking.scorers import Scorer
from engine.ranking.sum_scorer import SumScorer
from engine.scoring import Scoring, scoring
from engine.step_times import Times
from engine.text_format import TextFormat
from store import datasets
from store.enums import Seen
from store.errors import BadInput, unknown
from store.rows import Dataset, Item
from store.workspace import Workspace


@dataclass(frozen=True)
class Recommendation:
    """One place of the list: rank counts from 1; equal scores follow the order of the catalogue.

    shares: what each part of a model that adds several adds to the score, by its name.
    """

    rank: int
    item: Item
    score: float
    shares: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """A history as it was understood: each entry's text, and the catalogue item it is, if any."""

    entries: tuple[tuple[str, Item | None], ...]


@dataclass(frozen=True)
class Answer:
    """What was found for one history, of which the model read the newest `visible` entries."""

    query: Query
    ranked: Ranked
    visible: int
    scorer: Scorer

    def shares(self, items: Sequence[int]) -> list[dict[str, float]]:
        """What each part adds to these items' scores, by its name; nothing of a model that is no sum of named parts."""
        return _shares(self.scorer, items)


def _shares(scorer: Scorer, items: Sequence[int]) -> list[dict[str, float]]:
    """Of the first event."""
    if not isinstance(scorer, SumScorer) or not scorer.names:
        return [{} for _ in items]
    found = scorer.shares(np.zeros(len(items), np.int64), np.array(items, np.int32))
    return [dict(zip(scorer.names, row, strict=True)) for row in found.tolist()]


class Recommender:
    """One model over one catalogue, prepared once, that answers history after history."""

    def __init__(self, scores: Scoring) -> None:
        self._scores = scores
        self.items = scores.items
        self._by_name: dict[str, int] = {}
        for item in reversed(self.items):  # the first of several equal titles wins
            self._by_name[item.title.casefold()] = item.item
        for item in self.items:
            self._by_name.setdefault(item.key.casefold(), item.item)

    def answer(self, entries: Sequence[int | str], *, target: int = NO_ITEM, top: int) -> Answer:
        """Rank the catalogue for a history: ids of items and texts, oldest first.

        A text that is an item's title (whatever its case) or key is that item; any other is read as it stands.
        target: the item whose place is wanted; top: how many of the best. `BadInput` for an empty history, for words
        that the model cannot read, and for an item that the catalogue has not.
        """
        places, free = self._catalogue_indices(entries)
        scored = self._scores.score([places], free)
        known = np.where(places < len(self.items), places, NO_ITEM).astype(np.int32)
        ranked = rank(
            scored.scorer,
            np.array([target if target == NO_ITEM else self._checked(target)]),
            history_starts([known]),
            top=min(top, len(self.items)),
            device="cpu",
        )  # one history: the CPU is as fast as any device
        query = Query(
            tuple(
                (self.items[place].title, self.items[place])
                if place < len(self.items)
                else (free[place - len(self.items)], None)
                for place in places.tolist()
            )
        )
        return Answer(query, ranked, int(scored.visible[0]), scored.scorer)

    def without_each(
        self, entries: Sequence[int | str], item: int, newest: int, listed: Sequence[int] = ()
    ) -> tuple[float, list[float], list[dict[str, float]]]:
        """The score of an item for a history, its scores with each of the `newest` entries left out, oldest first, and
        what each part of the model adds to the scores of this item and those listed, for the whole history.

        A history of one entry cannot do without it: the list is empty then.
        """
        places, free = self._catalogue_indices(entries)
        count = min(newest, len(places)) if len(places) > 1 else 0
        left_out = range(len(places) - count, len(places))
        histories = [places, *(np.delete(places, place) for place in left_out)]
        scorer = self._scores.score(histories, free).scorer
        pairs = np.arange(len(histories)), np.full(len(histories), self._checked(item), np.int32)
        whole, *others = scorer.exact(*pairs).tolist()
        return whole, others, _shares(scorer, [item, *map(self._checked, listed)])

    def find(self, text: str) -> int:
        """The id of the item with this key, or with this title in any case; `BadInput` with the nearest ones."""
        found = self._by_name.get(clean_entry(text).casefold())
        if found is None:
            raise unknown("item", text, [item.title for item in self.items], "Name it by its key or its whole title.")
        return found

    def _checked(self, item: int) -> int:
        if not 0 <= item < len(self.items):
            raise BadInput(
                f"Item {item}: the catalogue has items 0 to {len(self.items) - 1}. Was it replaced? Look again."
            )
        return item

    def _catalogue_indices(self, entries: Sequence[int | str]) -> tuple[np.ndarray, list[str]]:
        """Places of the entries in the catalogue followed by the free texts (int32 [L]), and those free texts."""
        if not entries:
            raise BadInput("The history is empty. Give at least one item or some words.")
        places: list[int] = []
        free: list[str] = []
        for entry in entries:
            if isinstance(entry, int):
                places.append(self._checked(entry))
                continue
            text = clean_entry(entry)
            place = self._by_name.get(text.casefold())
            if place is None:
                place = len(self.items) + len(free)
                free.append(text)
            places.append(place)
        return np.array(places, np.int32), free


def recommend(
    workspace: Workspace,
    model_name: str,
    dataset_name: str,
    *,
    user: str | None = None,
    history: Sequence[str] = (),
    k: int = 10,
    seen: Seen = Seen.MASK,
    text_format: TextFormat = TextFormat(),
    device: str = "auto",
    precision: str = "auto",
    progress: Progress = silent,
    times: Times | None = None,
) -> tuple[Query, list[Recommendation]]:
    """The k best items after a user's newest known history, or after a history given as texts.

    A text that is an item's title (whatever its case) or key is that item; any other is read as it stands, so a
    question in words works like an item that the catalogue does not have. Items of the history are left out of the
    list unless `seen` is keep. times: is told how long each step took.
    """
    times = times or Times()
    if k < 1:
        raise BadInput(f"-k {k}: allowed are 1 and above.")
    with times.step("reading the history"), workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
        entries = _entries(db, dataset, user, history)
    with times.step("finding the model"):
        model = open_model(workspace, model_name, device=device, precision=precision)
    with workspace.write() as db:
        with times.step("opening the model and its vectors of the catalogue"):
            scores = scoring(workspace, db, model, dataset, text_format, progress, device=device, precision=precision)
            recommender = Recommender(scores)
        with times.step("encoding the history and ranking"):
            answer = recommender.answer(entries, top=k)
    masked = seen is Seen.MASK
    ids = (answer.ranked.top_items_masked if masked else answer.ranked.top_items)[0]
    values = (answer.ranked.top_scores_masked if masked else answer.ranked.top_scores)[0]
    ids, values = ids[ids >= 0], values[ids >= 0]
    best = [
        Recommendation(number + 1, recommender.items[item], float(score), shares)
        for number, (item, score, shares) in enumerate(
            zip(ids.tolist(), values.tolist(), answer.shares(ids), strict=True)
        )
    ]
    return answer.query, best


@dataclass(frozen=True)
class Explanation:
    """Why a model scores an item as it does for a history.

    position: the item's, items of the history left out (expected over random order of ties), among `candidates`; None
    if the history has it. falls: how much the score falls without each of the newest entries, oldest first; empty for
    a history of one. shares: what each part of a model that adds several adds to the score.
    """

    query: Query
    item: Item
    score: float
    position: float | None
    candidates: int
    falls: tuple[float, ...]
    shares: dict[str, float]


def explain(
    workspace: Workspace,
    model_name: str,
    dataset_name: str,
    item: str,
    *,
    user: str | None = None,
    history: Sequence[str] = (),
    newest: int = 10,
    text_format: TextFormat = TextFormat(),
    device: str = "auto",
    precision: str = "auto",
    progress: Progress = silent,
) -> Explanation:
    """Why a model scores an item (its key, or its title in any case) as it does; the history as for `recommend`.

    newest: how many of the newest entries are left out in turn. `BadInput` for an item that the catalogue has not.
    """
    if newest < 1:
        raise BadInput(f"--newest {newest}: allowed are 1 and above.")
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
        entries = _entries(db, dataset, user, history)
    model = open_model(workspace, model_name, device=device, precision=precision)
    with workspace.write() as db:
        scores = scoring(workspace, db, model, dataset, text_format, progress, device=device, precision=precision)
        recommender = Recommender(scores)
        target = recommender.find(item)
        answer = recommender.answer(entries, target=target, top=1)
        score, without, (shares,) = recommender.without_each(entries, target, newest)
    owned = {known.item for _, known in answer.query.entries if known is not None}
    better, tied = int(answer.ranked.better_masked[0]), int(answer.ranked.tied_masked[0])
    return Explanation(
        query=answer.query,
        item=recommender.items[target],
        score=score,
        position=None if target in owned else better + 1 + tied / 2,
        candidates=len(recommender.items) - len(owned),
        falls=tuple(score - other for other in without),
        shares=shares,
    )


def _entries(db: sqlite3.Connection, dataset: Dataset, user: str | None, history: Sequence[str]) -> list[int | str]:
    """The newest known history of a user, or the texts that were given; `BadInput` unless one of both is."""
    if (user is None) == (not history):
        raise BadInput("Say whose history: either --user KEY, or --history TEXT (once for each item, oldest first).")
    if user is None:
        return [clean_entry(text) for text in history]
    return list(datasets.newest_sequence(db, dataset.id, datasets.user_id(db, dataset, user)).items.tolist())


def clean_entry(text: str) -> str:
    """A text of a history as it is read; `BadInput` where nothing is left of it."""
    from engine.preparation.cleaning import Alphabet, clean_text  # loads polars, which the history of a user needs not

    cleaned = clean_text(text, Alphabet.UNICODE)
    if not cleaned:
        raise BadInput(f"--history {text!r}: is empty once cleaned. Give a title or some words.")
    return cleaned
