"""Columns of JSON."""

from __future__ import annotations

import json
import sqlite3
from typing import Any


def document(text: str | None) -> Any:
    """What a column holds; `sqlite3.DatabaseError` where it is no JSON, as SQLite says it of a damaged page."""
    try:
        return json.loads(text or "")
    except (TypeError, ValueError) as error:
        raise sqlite3.DatabaseError(f"malformed: a column of JSON holds {str(text)[:40]!r}") from error
