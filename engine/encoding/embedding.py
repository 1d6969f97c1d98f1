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


def _store(db: sqlite3.Connection, encoder: Encoder, pending: list[tuple[list[bytes], np.ndarray]]) -> None:
    if pending:
        keys = [key for part, _ in pending for key in part]
        embeddings.add_block(db, encoder.name, keys, np.concatenate([vectors for _, vectors in pending]))
        pending.clear()
