"""The vectors of sampled items and users: only their own texts are encoded, and each is kept in the store."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from engine.encoding.embedding import embed, embed_items
from engine.encoding.encoder import Encoder
from engine.progress import Progress
from engine.projection.method import PointKind
from engine.projection.sample import draw
from engine.text.sentences import Template, describe
from store import datasets
from store.embeddings import VectorIndex
from store.rows import Dataset


@dataclass(frozen=True)
class Sampled:
    """Items or users of one dataset: ids int32 [N], unit vectors float32 [N, D], categories [N] ("" for users)."""

    row: np.ndarray
    vectors: np.ndarray
    categories: list[str]


def sampled(
    db: sqlite3.Connection,
    encoder: Encoder,
    template: Template,
    dataset: Dataset,
    kind: PointKind,
    count: int,
    seed: int,
    progress: Progress,
) -> Sampled:
    """`count` items or users of a dataset, drawn with the seed; a user is the newest history known of them."""
    if count == 0:
        return Sampled(np.zeros(0, np.int32), np.zeros((0, encoder.dimension), np.float32), [])
    if kind is PointKind.ITEMS:
        return _items(db, encoder, template, dataset, draw(np.arange(dataset.items), count, seed), progress)
    everybody = np.array([user for user, _ in datasets.newest_sequences(db, dataset.id)])
    return _users(db, encoder, template, dataset, draw(everybody, count, seed), progress)


def _items(
    db: sqlite3.Connection,
    encoder: Encoder,
    template: Template,
    dataset: Dataset,
    row: np.ndarray,
    progress: Progress,
) -> Sampled:
    found = datasets.items_by_id(db, dataset.id, row)
    items = [found[item] for item in row.tolist()]
    bodies = [describe(item, template.item_text) for item in items]
    keys = embed_items(db, encoder, encoder.renderer(template), bodies, progress)
    return Sampled(row.astype(np.int32), VectorIndex(db, encoder.name).read(keys), [item.category for item in items])


def _users(
    db: sqlite3.Connection,
    encoder: Encoder,
    template: Template,
    dataset: Dataset,
    row: np.ndarray,
    progress: Progress,
) -> Sampled:
    chosen = set(row.tolist())
    histories = [items for user, items in datasets.newest_sequences(db, dataset.id) if user in chosen]
    used = np.unique(np.concatenate([np.zeros(0, np.int32), *histories]))
    found = datasets.items_by_id(db, dataset.id, used)
    bodies = [describe(found[item], template.item_text) for item in used.tolist()]
    places = [np.searchsorted(used, history).tolist() for history in histories]
    sentences = encoder.renderer(template).histories(bodies, places)
    keys = embed(db, encoder, sentences, progress, "encoding histories")
    return Sampled(row.astype(np.int32), VectorIndex(db, encoder.name).read(keys), [""] * len(row))
