"""The columns of a stored thing as arrays, cut into blocks of a few MiB; every kind of thing has its table."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.arrays import pack, rows_per_block, unpack

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class BlockTable:
    """A table of blocks. owner: its column with the id of the thing; of: the thing in words, for complaints."""

    name: str
    owner: str
    of: str

    def add(self, db: sqlite3.Connection, id: int, column: str, array: np.ndarray) -> None:
        """Store a whole column, inside the caller's transaction."""
        step = rows_per_block(array.nbytes // max(1, len(array)))
        for first in range(0, len(array), step):
            self.add_block(db, id, column, first, array[first : first + step])

    def add_block(self, db: sqlite3.Connection, id: int, column: str, first_row: int, array: np.ndarray) -> None:
        """Store the rows of a column from `first_row` on as one block."""
        db.execute(
            f"INSERT INTO {self.name} ({self.owner}, name, first_row, dtype, shape, hash, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (id, column, first_row, *pack(array)),
        )

    def read(self, db: sqlite3.Connection, id: int, column: str) -> np.ndarray:
        """A whole column; `Failed` where its bytes are not those that were stored."""
        import numpy as np

        return np.concatenate([self.block(db, id, column, first) for first in self.first_rows(db, id, column)])

    def first_rows(self, db: sqlite3.Connection, id: int, column: str) -> list[int]:
        """Where the blocks of a column begin, in order."""
        query = f"SELECT first_row FROM {self.name} WHERE {self.owner} = ? AND name = ? ORDER BY first_row"
        return [row[0] for row in db.execute(query, (id, column))]

    def block(self, db: sqlite3.Connection, id: int, column: str, first_row: int) -> np.ndarray:
        """One block of a column, by its first row."""
        query = f"SELECT dtype, shape, hash, data FROM {self.name} WHERE {self.owner} = ? AND name = ?"
        dtype, shape, digest, data = db.execute(f"{query} AND first_row = ?", (id, column, first_row)).fetchone()
        return unpack(dtype, shape, digest, data, f"{self.of} {id}")
