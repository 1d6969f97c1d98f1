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


class VectorIndex:
    """Where the vectors of one encoder lie, as the store was when this was made.

    Holds 24 bytes a sentence; vectors are read block by block when asked for.
    """

    def __init__(self, db: sqlite3.Connection, encoder: str) -> None:
        import numpy as np

        self._db = db
        blocks = db.execute(
            "SELECT id, rows, keys FROM embedding_block WHERE encoder = ? ORDER BY id", (encoder,)
        ).fetchall()
        keys = np.frombuffer(b"".join(block["keys"] for block in blocks), dtype=f"S{KEY_BYTES}")
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]
        self._blocks = [block["id"] for block in blocks]
        self._starts = np.cumsum([0, *(block["rows"] for block in blocks)])

    def contains(self, keys: list[bytes]) -> np.ndarray:
        """Which of these sentences have a vector: bool [N]."""
        return self._find(keys)[1]

    def read(self, keys: list[bytes]) -> np.ndarray:
        """The vectors of these sentences, float32 [N, D], in the order asked for.

        `Failed` says how many are missing, or which block does not match its checksum.
        """
        import numpy as np

        places, found = self._find(keys)
        if not found.all() or not keys:
            raise Failed(f"{int((~found).sum())} of {len(keys)} sentences have no stored vector; encode them first.")
        order = np.argsort(places, kind="stable")
        bounds = np.searchsorted(places[order], self._starts)
        result: np.ndarray | None = None
        for number, start, end, first in zip(self._blocks, bounds, bounds[1:], self._starts, strict=False):
            if start == end:
                continue
            rows = _block(self._db, number)
            if result is None:
                result = np.empty((len(keys), rows.shape[1]), dtype=np.float32)
            wanted = order[start:end]
            result[wanted] = rows[places[wanted] - first]
        assert result is not None
        return result

    def _find(self, keys: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        wanted = np.frombuffer(b"".join(keys), dtype=f"S{KEY_BYTES}")
        if len(self._sorted) == 0:
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        return self._order[at], self._sorted[at] == wanted


def _block(db: sqlite3.Connection, number: int) -> np.ndarray:
    import numpy as np

    row = db.execute("SELECT dimension, dtype, hash, data FROM embedding_block WHERE id = ?", (number,)).fetchone()
    if content_hash(row["data"]) != row["hash"]:
        raise Failed(
            f"Embedding block {number} does not match its checksum. Delete it with "
            f'`sqlite3 st5.db "DELETE FROM embedding_block WHERE id = {number}"` and run the evaluation again.'
        )
    return np.frombuffer(row["data"], dtype=row["dtype"]).reshape(-1, row["dimension"])
