"""Sentence vectors, kept by content: (encoder, sentence) -> vector, in blocks of a few MiB.

An encoder's name is the hash of its weights, tokenizer, length and precision; a sentence's key is the hash of its text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from store.arrays import content_hash, rows_per_block
from store.connection import transaction
from store.errors import Failed

if TYPE_CHECKING:
    import numpy as np

KEY_BYTES = 16


def sentence_key(text: str) -> bytes:
    """The 128-bit hash that a sentence is stored under."""
    return bytes.fromhex(content_hash(text))


def add_block(db: sqlite3.Connection, encoder: str, keys: Iterable[bytes], vectors: np.ndarray) -> None:
    """Store vectors (float32 [N, D]) under their sentence keys, complete or not at all."""
    import numpy as np

    data = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
    with transaction(db):
        db.execute(
            "INSERT INTO embedding_block (encoder, rows, dimension, dtype, hash, keys, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (encoder, len(vectors), vectors.shape[1], "<f4", content_hash(data), b"".join(keys), data),
        )


def block_rows(dimension: int) -> int:
    """How many vectors fill a block."""
    return rows_per_block(4 * dimension + KEY_BYTES)


def known_keys(db: sqlite3.Connection, encoder: str) -> set[bytes]:
    """The keys of all sentences that this encoder has read already."""
    found: set[bytes] = set()
    for (keys,) in db.execute("SELECT keys FROM embedding_block WHERE encoder = ?", (encoder,)):
        found.update(keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES))
    return found


def vectors(db: sqlite3.Connection, encoder: str, keys: list[bytes]) -> np.ndarray:
    """The vectors of these sentences, float32 [N, D], in the order asked for.

    `Failed` names how many are missing, or a block whose checksum is wrong.
    """
    import numpy as np

    wanted = np.frombuffer(b"".join(keys), dtype=f"V{KEY_BYTES}")
    distinct, places = np.unique(wanted, return_inverse=True)
    filled = np.zeros(len(distinct), dtype=bool)
    result: np.ndarray | None = None
    blocks = db.execute("SELECT id, keys FROM embedding_block WHERE encoder = ? ORDER BY id", (encoder,)).fetchall()
    for block in blocks:
        own = np.frombuffer(block["keys"], dtype=f"V{KEY_BYTES}")
        _, ours, theirs = np.intersect1d(distinct, own, return_indices=True)
        if len(ours) == 0:
            continue
        rows = _block(db, block["id"])
        if result is None:
            result = np.empty((len(distinct), rows.shape[1]), dtype=np.float32)
        result[ours] = rows[theirs]
        filled[ours] = True
    if result is None or not filled.all():
        missing = int((~filled).sum())
        raise Failed(
            f"{missing} of {len(distinct)} sentences have no stored vector. Run `st5 evaluate` to encode them."
        )
    return result[places]


def _block(db: sqlite3.Connection, number: int) -> np.ndarray:
    import numpy as np

    row = db.execute("SELECT dimension, dtype, hash, data FROM embedding_block WHERE id = ?", (number,)).fetchone()
    if content_hash(row["data"]) != row["hash"]:
        raise Failed(
            f"Embedding block {number} does not match its checksum. Delete it with "
            f'`sqlite3 st5.db "DELETE FROM embedding_block WHERE id = {number}"` and run the evaluation again.'
        )
    return np.frombuffer(row["data"], dtype=row["dtype"]).reshape(-1, row["dimension"])
