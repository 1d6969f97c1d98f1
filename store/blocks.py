"""The columns of a stored thing as arrays, cut into blocks of a few MiB; every kind of thing has its table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.arrays import BLOCK_BYTES, pack, rows_per_block, unpack

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class BlockTable:
    """A table of blocks. owner: its column with the id of the thing; of: the thing in words, for complaints."""

    name: str
    owner: str
    of: str

    def add(self, db: sqlite3.Connection, id: int, column: str, array: np.ndarray, first_row: int = 0) -> None:
        """Store the rows of a column from `first_row` on, inside the caller's transaction."""
        step = rows_per_block(array.nbytes // max(1, len(array)))
        for start in range(0, len(array), step):
            db.execute(
                f"INSERT INTO {self.name} ({self.owner}, name, first_row, dtype, shape, hash, data)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, column, first_row + start, *pack(array[start : start + step])),
            )

    def read(self, db: sqlite3.Connection, id: int, column: str) -> np.ndarray:
        """A whole column; `Failed` where its bytes are not those that were stored."""
        import numpy as np

        return np.concatenate([block for _, block in self.blocks(db, id, column)])

    def blocks(self, db: sqlite3.Connection, id: int, column: str) -> Iterator[tuple[int, np.ndarray]]:
        """The blocks of a column in order, each with the number of its first row."""
        query = f"{self._select} ORDER BY first_row"
        for first, dtype, shape, digest, data in db.execute(query, (id, column)):
            yield first, unpack(dtype, shape, digest, data, f"{self.of} {id}")

    def row(self, db: sqlite3.Connection, id: int, column: str, number: int) -> np.ndarray:
        """One row of a column, [1, ...]; reads the block that holds it."""
        query = f"{self._select} AND first_row <= ? ORDER BY first_row DESC LIMIT 1"
        first, dtype, shape, digest, data = db.execute(query, (id, column, number)).fetchone()
        return unpack(dtype, shape, digest, data, f"{self.of} {id}")[number - first : number - first + 1]

    @property
    def _select(self) -> str:
        return f"SELECT first_row, dtype, shape, hash, data FROM {self.name} WHERE {self.owner} = ? AND name = ?"


class BlockWriter:
    """Columns that come a few rows at a time, stored in blocks of their own size: a narrow one in few."""

    def __init__(self, table: BlockTable, db: sqlite3.Connection, id: int) -> None:
        self._table, self._db, self._id = table, db, id
        self._waiting: dict[str, list[np.ndarray]] = {}
        self._stored: dict[str, int] = {}

    def add(self, column: str, array: np.ndarray) -> None:
        """Append rows to a column and store the blocks that are full, inside the caller's transaction."""
        self._waiting.setdefault(column, []).append(array)
        if sum(part.nbytes for part in self._waiting[column]) >= BLOCK_BYTES:
            self._store(column)

    def finish(self) -> None:
        """Store what still waits, inside the caller's transaction."""
        for column, waiting in self._waiting.items():
            if waiting:
                self._store(column)

    def _store(self, column: str) -> None:
        import numpy as np

        rows = np.concatenate(self._waiting[column])
        self._table.add(self._db, self._id, column, rows, self._stored.get(column, 0))
        self._waiting[column] = []
        self._stored[column] = self._stored.get(column, 0) + len(rows)
