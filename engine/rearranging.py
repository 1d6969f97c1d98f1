"""A stored dataset once more, with its events of one time in other orders; the stored one stays as it was."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.arrangements import ARRANGEMENTS, Arrangement, By, refusal, unfit
from engine.audit.order import natural_ranks
from engine.ingest import Arranged, IngestOptions, ingest
from engine.preparation.cleaning import Alphabet
from engine.preparation.splits import key_hashes
from engine.preparation.ties import tie_hashes
from engine.progress import Progress, silent
from engine.sources.source_data import ITEM_COLUMNS, SourceData
from store import datasets
from store.enums import SplitKind, Ties
from store.errors import BadInput
from store.rows import Dataset
from store.workspace import Workspace


def arrange(workspace: Workspace, name: str, progress: Progress = silent) -> list[Dataset]:
    """The dataset in each of `ARRANGEMENTS`: found, or made and stored beside it, which stays as it was.

    Users, items, times and the rules of the division are the same; what is divided anew follows from the order.
    Times finer than a ms are compared to the ms. `BadInput` where the dataset has no times or no ties.
    """
    with workspace.read() as db:
        dataset = datasets.dataset(db, name)
        if reason := unfit(dataset):
            raise BadInput(refusal(dataset, reason))
        visits, raw_items = _visits(db, dataset), _items(db, dataset)
    found = []
    for number, arrangement in enumerate(ARRANGEMENTS):
        progress(f"{name}: {arrangement.words}", number, len(ARRANGEMENTS))
        raw = _source(dataset, visits, raw_items, arrangement)
        found.append(ingest(workspace, raw, _options(dataset, arrangement)))
    return found


@dataclass(frozen=True)
class _Visits:
    """All interactions once: user, item (ids), order (ms) int64 [N], rating float32 [N]; keys by id."""

    user: np.ndarray
    item: np.ndarray
    order: np.ndarray
    rating: np.ndarray
    users: pl.Series
    items: pl.Series

    def arranged(self, arrangement: Arrangement) -> pl.DataFrame:
        """The rows by user and time, those of one time in the order that the arrangement says."""
        if arrangement.by in (By.RISING, By.FALLING):
            rank = natural_ranks(self.items)[self.item]
            within = rank if arrangement.by is By.RISING else -rank
        else:
            hashes = (key_hashes(keys.to_list()) for keys in (self.users, self.items))
            user, item = (found[ids] for found, ids in zip(hashes, (self.user, self.item), strict=True))
            within = tie_hashes(user, item, arrangement.seed)
        rows = np.lexsort((self.item, within, self.order, self.user))
        return pl.DataFrame(
            {
                "user": self.users.gather(self.user[rows]),
                "item": self.items.gather(self.item[rows]),
                "order": self.order[rows],
                "rating": pl.Series(self.rating[rows], dtype=pl.Float32).fill_nan(None),
            }
        )


def _visits(db: sqlite3.Connection, dataset: Dataset) -> _Visits:
    parts = list(datasets.user_sequences(db, dataset.id))
    sizes = [len(sequence.items) for _, sequence in parts]
    nothing = [np.full(size, np.nan, np.float32) for size in sizes]
    keys = datasets.user_keys(db, dataset.id)
    return _Visits(
        user=np.repeat([user for user, _ in parts], sizes),
        item=np.concatenate([sequence.items for _, sequence in parts]).astype(np.int64),
        order=np.concatenate([sequence.timestamps for _, sequence in parts if sequence.timestamps is not None]),
        rating=np.concatenate(
            [none if one.ratings is None else one.ratings for (_, one), none in zip(parts, nothing, strict=True)]
        ),
        users=pl.Series([keys[user] for user in range(dataset.users)], dtype=pl.String),
        items=pl.Series([item.key for item in datasets.items(db, dataset.id)], dtype=pl.String),
    )


def _items(db: sqlite3.Connection, dataset: Dataset) -> pl.DataFrame:
    rows = [
        (item.key, item.title, item.description, item.category, json.dumps(item.fields, ensure_ascii=False))
        for item in datasets.items(db, dataset.id)
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(ITEM_COLUMNS, pl.String), orient="row")


def _source(dataset: Dataset, visits: _Visits, items: pl.DataFrame, arrangement: Arrangement) -> SourceData:
    return SourceData(
        platform=dataset.platform,
        domain=dataset.domain,
        items=items.lazy(),
        interactions=visits.arranged(arrangement).lazy(),
        timed=True,
        files=(),
        synthetic=dataset.synthetic,
        settings={"arranged_from": dataset.fingerprint, "arrangement": arrangement.words},
    )


def _options(dataset: Dataset, arrangement: Arrangement) -> IngestOptions:
    """The division of the dataset, with the same events kept by its caps."""
    settings = dataset.split_settings
    by_date = dataset.split is SplitKind.TIMESTAMP
    return IngestOptions(
        name=arrangement.name(dataset.name),
        split=dataset.split,
        t1=settings["t1"] if by_date else None,
        t2=settings["t2"] if by_date else None,
        caps=tuple(settings["caps"]) if "caps" in settings else None,
        seed=settings.get("seed", dataset.tie_seed),
        text=Alphabet(dataset.source["text"]),
        ties=Ties.STRICT if arrangement.by is By.STRICT else Ties.FILE,  # the rows are sorted already
        replace=True,  # one of an older preparation
        arranged=Arranged(dataset.id, arrangement.words),
    )
