"""Connections to the workspace's SQLite file: autocommit, short write transactions, readers that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_TIMEOUT_S = 10.0  # writers hold the lock for fractions of a second; ten of waiting means something is wrong
CACHE_KIB = 64 * 1024


def connect_writer(path: Path, *, busy_timeout: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """A connection that may write, in WAL mode so that readers never wait for it."""
    db = sqlite3.connect(path, isolation_level=None, timeout=busy_timeout, check_same_thread=False)
    db.execute("PRAGMA page_size = 8192")  # only a new file takes it: array blocks read twice as fast as with 4 KiB
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # in WAL mode a crash can lose the last commits, never the file
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.row_factory = sqlite3.Row
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read. Works beside any writer, and on a read-only disk."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    try:
        db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if _has_unmerged_writes(path):
            raise
        # WAL needs its index file beside the database; where the folder cannot be written and no write is
        # pending, the file is complete in itself and may be opened as immutable.
        db = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)
    db.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    db.execute("PRAGMA query_only = ON")
    db.row_factory = sqlite3.Row
    return db


def _has_unmerged_writes(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One short write: everything inside happens, or nothing.

    IMMEDIATE takes the write lock at once; a read that later upgrades would fail whatever the timeout is.
    """
    try:  # around BEGIN and COMMIT too: Ctrl-C may come between any two lines
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk makes SQLite roll back on its own
            db.execute("ROLLBACK")
        raise
