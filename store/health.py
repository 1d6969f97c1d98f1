"""Whether a workspace's database is whole, and how much is in it."""

from __future__ import annotations

import sqlite3


def check(db: sqlite3.Connection) -> str:
    """`ok`, or the first thing that SQLite finds wrong."""
    return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])


def census(db: sqlite3.Connection) -> dict[str, int]:
    """How many datasets, models and evaluations there are, finished or not."""
    tables = ("dataset", "model", "evaluation")
    return {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in tables}
