"""What the workbench remembers between visits: small JSON values by key."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from store.connection import transaction


def get(db: sqlite3.Connection, key: str, default: Any = None) -> Any:
    """The stored value of a key, or the default."""
    row = db.execute("SELECT value FROM ui_state WHERE key = ?", (key,)).fetchone()
    return default if row is None else json.loads(row["value"])


def put(db: sqlite3.Connection, key: str, value: Any) -> None:
    """Store a value under a key, in place of an earlier one."""
    with transaction(db):
        db.execute(
            "INSERT INTO ui_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value)),
        )
