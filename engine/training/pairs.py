"""The pairs of texts that each phase trains on (thesis 4.4.1, 4.4.2), as numbers of texts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.progress import Progress, silent
from engine.text.sentences import ItemText, Renderer, describe
from engine.training.augmentation import augment
from engine.training.catalogue import Catalogue
from engine.training.negatives import TrainTargets
from engine.training.recipe import CATALOGUE, PhaseSettings
from engine.training.texts import SentenceTexts, Texts
from store import datasets as stored
from store.enums import Phase, Split
from store.errors import BadInput, Failed
from store.rows import Dataset, Events

NOBODY = -1
UNDESCRIBED = "items without a description"
REPEATED_HISTORY = "histories of the same user that were there already"
# Draws of the same seed and epoch that must not follow each other; batches.py has 4, feed.py 5.
_CHOICE, _AUGMENTATION, _POPULARITY = 1, 2, 3


@dataclass(frozen=True)
class PairTable:
    """N pairs as columns, and the texts they are made of.

    anchor, positive int32 [N]: numbers in `texts`, which may hold texts that no pair uses. dataset int32 [N]: place in
    the list of datasets. user, item int64 [N]: dataset << 32 | id, or −1 if missing. length int32 [N]: items
    of the user's sequence before the positive, 0 where there is no user. identical: pairs whose two texts are
    equal, counted before any are left out. catalogues, by dataset, and histories, the item ids of each pair's: for the
    loss that compares with all items, () for others.
    """

    texts: Texts
    anchor: np.ndarray
    positive: np.ndarray
    dataset: np.ndarray
    user: np.ndarray
    item: np.ndarray
    length: np.ndarray
    identical: int
    catalogues: tuple[Catalogue, ...] = ()
    histories: Sequence[np.ndarray] = ()

    def __len__(self) -> int:
        return len(self.anchor)


@dataclass(frozen=True)
class _Described:
    """Items with a description: dataset place int32 [N], item int64 [N] with the dataset in the upper half, times
    int64 [N] it occurs in the train part, and the two texts of each."""

    dataset: np.ndarray
    item: np.ndarray
    times: np.ndarray
    titles: list[str]
    descriptions: list[str]


@dataclass(frozen=True)
class _Chosen:
    """Events of all datasets as columns, as in `PairTable`, with each one's history and what is said of all items."""

    dataset: np.ndarray
    user: np.ndarray
    item: np.ndarray
    length: np.ndarray
    histories: list[np.ndarray]
    bodies: list[list[str]]

    def where(self, rows: np.ndarray) -> _Chosen:
        return replace(
            self,
            dataset=self.dataset[rows],
            user=self.user[rows],
            item=self.item[rows],
            length=self.length[rows],
            histories=[self.histories[row] for row in rows.tolist()],
        )


class PhasePairs:
    """The pairs of one phase over several datasets, epoch by epoch; everything is read from the store at once.

    The renderer has the template and length of the phase. For the train split the pairs come from train events only,
    which is checked: `Failed` names the first event that is none. `BadInput` where there are not two pairs. At most
    `settings.pairs` pairs are drawn from all of them (of the valid split `settings.validation_events`); only those
    are tokenised. Of the valid split there may be no pair at all.

    skipped: how many were left out, by reason. targets: what users chose in the events of this split.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        datasets: Sequence[Dataset],
        phase: Phase,
        settings: PhaseSettings,
        renderer: Renderer,
        seed: int,
        split: Split = Split.TRAIN,
        progress: Progress = silent,
    ) -> None:
        self._names = [dataset.name for dataset in datasets]
        self._phase, self._settings, self._seed, self._split = phase, settings, seed, split
        self._limit = settings.pairs if split is Split.TRAIN else settings.validation_events
        self._sentences = SentenceTexts(renderer, progress)
        self._prepared = False
        self._fixed: PairTable | None = None
        skipped: Counter[str] = Counter()
        if split is Split.TRAIN:
            for dataset in datasets:
                _check_train_events(db, dataset)
        if phase is Phase.ITEM_DESCRIPTION:
            check_descriptions(db, datasets)
            self._described = _described(db, datasets, split, skipped)
            self.targets = TrainTargets([], [], [])
            found = len(self._described.item)
        else:
            self._chosen = _chosen(db, datasets, split, renderer.template.item_text)
            self.targets = TrainTargets(self._chosen.user, self._chosen.item, self._chosen.length)
            self._competing = _competitors(db, datasets, self._chosen) if settings.loss == CATALOGUE else []
            if phase is Phase.SEQUENCE_SEQUENCE:
                self._chosen = _distinct_histories(self._chosen, skipped)
            found = len(self._chosen.item)
        self.skipped: dict[str, int] = dict(skipped)
        self._refuse_too_few(found)

    def epoch(self, number: int) -> PairTable:
        """The pairs of an epoch (from 0), the same for the same seed whatever was asked before.

        Item-description (unless weighted by popularity) and sequence-item give the same table every epoch. A
        sequence-sequence table holds anchors and augmented histories: 300,000 of each with 255 tokens take 0.6 GB,
        and the anchors another 0.3 GB for the epochs to come.
        """
        if self._phase is Phase.SEQUENCE_SEQUENCE:
            return self._augmented(number)
        if self._phase is Phase.ITEM_DESCRIPTION and self._settings.popularity_weighted:
            return self._weighted(number)
        if self._fixed is None:
            if self._phase is Phase.ITEM_DESCRIPTION:
                self._fixed = self._descriptions(self._rows(len(self._described.item)), self._sentences)
            else:
                self._fixed = self._following()
        return self._fixed

    def _rows(self, count: int) -> np.ndarray:
        """All rows, or as many random ones as the phase will need, in order."""
        if not self._limited(count):
            return np.arange(count)
        draw = np.random.default_rng([_CHOICE, self._seed])
        return np.sort(draw.choice(count, self._limit, replace=False, shuffle=False))

    def _limited(self, count: int) -> bool:
        return 0 < self._limit < count

    def _descriptions(self, rows: np.ndarray, sentences: SentenceTexts) -> PairTable:
        of = self._described
        places = rows.tolist()
        return self._table(
            sentences,
            sentences.items([of.titles[place] for place in places]),
            sentences.items([of.descriptions[place] for place in places]),
            of.dataset[rows],
            np.full(len(rows), NOBODY, np.int64),
            of.item[rows],
            np.zeros(len(rows), np.int32),
        )

    def _weighted(self, number: int) -> PairTable:
        of = self._described
        limited = self._limited(len(of.item))
        if not self._prepared and not limited:
            self._sentences.items(of.titles)
            self._sentences.items(of.descriptions)
            self._prepared = True
        # Of the valid split, items occur nowhere in the train part: each weighs the same there.
        weights = of.times / of.times.sum() if of.times.any() else None
        draw = np.random.default_rng([_POPULARITY, self._seed, number])
        count = self._limit if limited else len(of.item)
        rows = draw.choice(len(of.item), count, p=weights) if len(of.item) else np.arange(0)
        return self._descriptions(rows, self._sentences.copy())

    def _following(self) -> PairTable:
        of = self._chosen.where(self._rows(len(self._chosen.item)))
        anchor = self._histories(self._sentences, of, of.histories)
        positive = np.zeros(len(of.item), np.int32)
        for place, bodies in enumerate(of.bodies):
            rows = np.flatnonzero(of.dataset == place)
            ids = (of.item[rows] & 0xFFFF_FFFF).tolist()
            positive[rows] = self._sentences.items([bodies[item] for item in ids])
        catalogues = tuple(
            Catalogue.of(items, self._sentences.items([bodies[item] for item in items.tolist()]), len(bodies))
            for items, bodies in zip(self._competing, of.bodies, strict=False)
        )
        table = self._table(self._sentences, anchor, positive, of.dataset, of.user, of.item, of.length)
        if not catalogues:
            return table
        kept = range(len(anchor)) if self._settings.keep_identical else np.flatnonzero(anchor != positive).tolist()
        return replace(table, catalogues=catalogues, histories=[of.histories[row] for row in kept])

    def _augmented(self, number: int) -> PairTable:
        everything = self._chosen
        limited = self._limited(len(everything.item))
        order = np.arange(len(everything.item))
        if limited:
            order = np.random.default_rng([_CHOICE, self._seed]).permutation(order)
        elif not self._prepared:
            self._histories(self._sentences, everything, everything.histories)
            self._prepared = True
        draw = np.random.default_rng([_AUGMENTATION, self._seed, number])
        rows: list[int] = []
        changed: list[np.ndarray] = []
        unchanged = 0
        for row in order.tolist():
            if limited and len(rows) == self._limit:
                break
            history = everything.histories[row]
            positive = augment(history, self._settings, draw)
            if not self._settings.keep_identical and np.array_equal(history, positive):
                unchanged += 1
                continue
            rows.append(row)
            changed.append(positive)
        of = everything.where(np.array(rows, np.int64))
        sentences = self._sentences.copy()
        anchor = self._histories(sentences, of, of.histories)
        positives = self._histories(sentences, of, changed)
        table = self._table(
            sentences, anchor, positives, of.dataset, of.user, np.full(len(of.item), NOBODY, np.int64), of.length
        )
        return replace(table, identical=table.identical + unchanged)

    def _histories(self, sentences: SentenceTexts, of: _Chosen, histories: Sequence[np.ndarray]) -> np.ndarray:
        numbers = np.zeros(len(histories), np.int32)
        for place, bodies in enumerate(of.bodies):
            rows = np.flatnonzero(of.dataset == place)
            numbers[rows] = sentences.histories(place, bodies, [histories[row] for row in rows.tolist()])
        return numbers

    def _table(
        self,
        sentences: SentenceTexts,
        anchor: np.ndarray,
        positive: np.ndarray,
        dataset: np.ndarray,
        user: np.ndarray,
        item: np.ndarray,
        length: np.ndarray,
    ) -> PairTable:
        same = anchor == positive
        identical = int(same.sum())
        if identical and not self._settings.keep_identical:
            anchor, positive, dataset = anchor[~same], positive[~same], dataset[~same]
            user, item, length = user[~same], item[~same], length[~same]
        self._refuse_too_few(len(anchor))
        return PairTable(sentences.texts(), anchor, positive, dataset, user, item, length, identical)

    def _refuse_too_few(self, pairs: int) -> None:
        if self._split is Split.TRAIN and pairs < 2:
            raise BadInput(
                f"{self._phase}: {', '.join(self._names)} give {pairs} training pair{'' if pairs == 1 else 's'}; at "
                "least 2 are needed, since pairs are each other's negatives. `st5 datasets NAME` shows the train part; "
                "ingest with another --split, add a dataset, or train a variant without this phase."
            )


def check_descriptions(db: sqlite3.Connection, datasets: Sequence[Dataset]) -> list[str]:
    """The names of the datasets without any description; `BadInput` where none of them has one. Reads little."""
    without = [dataset.name for dataset in datasets if not stored.has_descriptions(db, dataset.id)]
    if len(without) == len(datasets):
        raise BadInput(
            f"The phase {Phase.ITEM_DESCRIPTION} pairs titles with descriptions, and no item of {', '.join(without)} "
            "has a description. Train the variant nopre, which goes without this phase, or add a dataset with "
            "descriptions."
        )
    return without


def _check_train_events(db: sqlite3.Connection, dataset: Dataset) -> None:
    stray = stored.stray_train_event(db, dataset.id)
    if stray is not None:
        event, user, length, train_length = stray
        raise _not_train(
            dataset,
            event,
            user,
            f"its target is number {length + 1} of a sequence whose first {train_length} belong to the train part",
        )


def _not_train(dataset: Dataset, event: int, user: str, reason: str) -> Failed:
    return Failed(
        f"{dataset.name}: event {event} of user {user} is marked as train, but {reason}. Nothing was trained, because "
        "it could have been on what valid and test ask for. Ingest the dataset anew with `st5 ingest … --replace`."
    )


def _described(db: sqlite3.Connection, datasets: Sequence[Dataset], split: Split, skipped: Counter[str]) -> _Described:
    """The items of the train part with a description, or those that only the events of another split ask for."""
    places, ids, times = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    titles: list[str] = []
    descriptions: list[str] = []
    for place, dataset in enumerate(datasets):
        counts = np.bincount(stored.train_interactions(db, dataset.id)[0], minlength=dataset.items)
        wanted = counts > 0
        if split is not Split.TRAIN:
            asked = np.zeros(dataset.items, bool)
            asked[stored.events(db, dataset.id, split).item] = True
            wanted = asked & ~wanted
        items = [item for item in stored.items(db, dataset.id) if wanted[item.item]]
        with_text = [item for item in items if item.description.strip()]
        if len(with_text) < len(items):
            skipped[UNDESCRIBED if with_text else f"{UNDESCRIBED}: all of {dataset.name}"] += len(items) - len(
                with_text
            )
        own = np.array([item.item for item in with_text], np.int64)
        places.append(np.full(len(own), place, np.int32))
        ids.append(place << 32 | own)
        times.append(counts[own])
        titles += [describe(item, ItemText.TITLE) for item in with_text]
        descriptions += [f"Description: {item.description}" for item in with_text]
    return _Described(np.concatenate(places), np.concatenate(ids), np.concatenate(times), titles, descriptions)


def _chosen(db: sqlite3.Connection, datasets: Sequence[Dataset], split: Split, item_text: ItemText) -> _Chosen:
    parts: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.int32), *np.zeros((2, 0), np.int64), np.zeros(0, np.int32))]
    histories: list[np.ndarray] = []
    bodies: list[list[str]] = []
    for place, dataset in enumerate(datasets):
        events = stored.events(db, dataset.id, split)
        own = [events.history(row) for row in range(len(events))]
        if split is Split.TRAIN:
            _check_targets(db, dataset, events)
        histories += own
        bodies.append([describe(item, item_text) for item in stored.items(db, dataset.id)])
        base = np.int64(place << 32)
        parts.append((np.full(len(events), place, np.int32), base | events.user, base | events.item, events.length))
    dataset_place, user, item, length = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _Chosen(dataset_place, user, item, length, histories, bodies)


def _competitors(db: sqlite3.Connection, datasets: Sequence[Dataset], chosen: _Chosen) -> list[np.ndarray]:
    """Of each dataset the items that a target competes with, int64: those of the train part and all targets."""
    return [
        np.union1d(
            stored.train_interactions(db, dataset.id)[0].astype(np.int64),
            chosen.item[chosen.dataset == place] & 0xFFFF_FFFF,
        )
        for place, dataset in enumerate(datasets)
    ]


def _check_targets(db: sqlite3.Connection, dataset: Dataset, events: Events) -> None:
    columns = (events.event, events.user, events.sequence, events.length, events.item)
    for event, user, sequence, length, item in zip(*(column.tolist() for column in columns), strict=True):
        there = int(events.sequences[sequence][length])
        if there != item:
            key = stored.user_keys(db, dataset.id, [user]).get(user, str(user))
            reason = f"its target is item {item}, while item {there} stands at number {length + 1} of its sequence"
            raise _not_train(dataset, event, key, reason)


def _distinct_histories(chosen: _Chosen, skipped: Counter[str]) -> _Chosen:
    """Each history of a user once: sequences of one user may share their beginning."""
    seen: set[tuple[int, bytes]] = set()
    rows = []
    for row, (user, history) in enumerate(zip(chosen.user.tolist(), chosen.histories, strict=True)):
        key = (user, history.tobytes())
        if key not in seen:
            seen.add(key)
            rows.append(row)
    if len(rows) < len(chosen.histories):
        skipped[REPEATED_HISTORY] += len(chosen.histories) - len(rows)
    return chosen.where(np.array(rows, np.int64))
