"""Sentences into the store: each distinct one is encoded once, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from time import monotonic

import numpy as np

from engine.encoding.encoder import Encoder
from engine.progress import Progress, silent
from engine.text.sentences import Renderer, Sentence
from store import embeddings

STORE_EVERY_S = 20  # a killed run on a slow machine loses no more work than this


def embed(
    db: sqlite3.Connection,
    encoder: Encoder,
    sentences: Sequence[Sentence],
    progress: Progress = silent,
    stage: str = "encoding",
) -> list[bytes]:
    """Encode and store those of the sentences that have no vector yet; return the key of each sentence.

    Vectors go to the store block by block, each complete with its keys, so whatever is stored stays useful.
    """
    keys = [embeddings.sentence_key(sentence.text) for sentence in sentences]
    known = embeddings.VectorIndex(db, encoder.name).contains(keys)
    missing: dict[bytes, int] = {}
    for row in np.flatnonzero(~known):
        missing.setdefault(keys[row], int(row))
    if not missing:
        return keys
    rows = list(missing.values())
    block_rows = embeddings.block_rows(encoder.dimension)
    done = 0
    progress(stage, 0, len(rows))
    pending: list[tuple[list[bytes], np.ndarray]] = []
    stored = monotonic()
    try:
        for batch, vectors in encoder.encode([sentences[row] for row in rows]):
            pending.append(([keys[rows[place]] for place in batch], vectors))
            if sum(len(part) for part, _ in pending) >= block_rows or monotonic() - stored > STORE_EVERY_S:
                _store(db, encoder, pending)
                stored = monotonic()
            done += len(batch)
            progress(stage, done, len(rows))
    finally:  # also after Ctrl-C: what is computed is kept
        _store(db, encoder, pending)
    return keys


def embed_items(
    db: sqlite3.Connection, encoder: Encoder, renderer: Renderer, bodies: Sequence[str], progress: Progress = silent
) -> list[bytes]:
    """The keys of the item sentences of these texts, encoding and storing those that are new.

    A sentence that is stored as it stands fitted the model, so only the others are counted in tokens: a large
    catalogue that was encoded before costs a look-up.
    """
    keys = [embeddings.sentence_key(text) for text in renderer.uncut(bodies)]
    unknown = np.flatnonzero(~embeddings.VectorIndex(db, encoder.name).contains(keys)).tolist()
    sentences = renderer.texts([bodies[row] for row in unknown])
    for row, key in zip(unknown, embed(db, encoder, sentences, progress, "encoding items"), strict=True):
        keys[row] = key
    return keys


class Vectors:
    """One encoder's sentences as vectors, float32 [N, D]: out of the store, and encoded where it lacks them.

    keep: store what is encoded. Without, the connection is only read, the store is taken as it was when this was made,
    and what it lacks is encoded each time it is asked for.
    """

    def __init__(
        self, db: sqlite3.Connection, encoder: Encoder, progress: Progress = silent, *, keep: bool = True
    ) -> None:
        self._db, self._encoder, self._progress = db, encoder, progress
        self._index = None if keep else embeddings.VectorIndex(db, encoder.name)

    def of(self, sentences: Sequence[Sentence], stage: str) -> np.ndarray:
        """The vectors of these sentences, in their order."""
        if self._index is None:
            keys = embed(self._db, self._encoder, sentences, self._progress, stage)
            return embeddings.VectorIndex(self._db, self._encoder.name).read(keys)
        keys = [embeddings.sentence_key(sentence.text) for sentence in sentences]
        rows = dict(zip(keys, range(len(keys)), strict=True))  # each distinct sentence once
        known = dict(zip(rows, self._index.contains(list(rows)).tolist(), strict=True))
        found = np.empty((len(keys), self._encoder.dimension), np.float32)
        stored = [place for place, key in enumerate(keys) if known[key]]
        if stored:
            found[stored] = self._index.read([keys[place] for place in stored])
        missing = [row for key, row in rows.items() if not known[key]]
        done = 0
        for batch, vectors in self._encoder.encode([sentences[row] for row in missing]):
            found[[missing[place] for place in batch]] = vectors
            done += len(batch)
            self._progress(stage, done, len(missing))
        return found[[place if known[key] else rows[key] for place, key in enumerate(keys)]]

    def of_items(self, renderer: Renderer, bodies: Sequence[str]) -> np.ndarray:
        """The vectors of the item sentences of these texts."""
        if self._index is None:
            keys = embed_items(self._db, self._encoder, renderer, bodies, self._progress)
            return embeddings.VectorIndex(self._db, self._encoder.name).read(keys)
        keys = [embeddings.sentence_key(text) for text in renderer.uncut(bodies)]
        known = self._index.contains(keys)
        found = np.empty((len(keys), self._encoder.dimension), np.float32)
        if known.any():
            found[known] = self._index.read([keys[row] for row in np.flatnonzero(known)])
        unknown = np.flatnonzero(~known).tolist()
        if unknown:
            found[unknown] = self.of(renderer.texts([bodies[row] for row in unknown]), "encoding items")
        return found


def _store(db: sqlite3.Connection, encoder: Encoder, pending: list[tuple[list[bytes], np.ndarray]]) -> None:
    if pending:
        keys = [key for part, _ in pending for key in part]
        embeddings.add_block(db, encoder.name, keys, np.concatenate([vectors for _, vectors in pending]))
        pending.clear()
