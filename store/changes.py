"""Whether the workspace was written to since the last look, at the price of one pragma."""

from __future__ import annotations

import os
import sqlite3

from store.connection import connect_reader
from store.workspace import Workspace


class Changes:
    """Watches one workspace, also one that is not there yet. Not for sharing between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._version = -1

    def poll(self) -> bool:
        """True where the database was written, made, replaced or removed since the last call; True the first time."""
        try:
            return self._look()
        except (sqlite3.Error, OSError):
            # Whatever is wrong with the file, the next proper read says it in words; look again until then.
            self.close()
            return True

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None

    def _look(self) -> bool:
        file = _identity(self._workspace)
        if file != self._file or (self._db is None and file is not None):
            self.close()
            self._file = file
            if file is not None:
                self._db = connect_reader(self._workspace.database)
            self._version = self._data_version()
            return True
        version = self._data_version()
        changed = version != self._version
        self._version = version
        return changed

    def _data_version(self) -> int:
        if self._db is None:
            return 0
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])


def _identity(workspace: Workspace) -> tuple[int, int] | None:
    try:
        found = os.stat(workspace.database)
    except OSError:
        return None
    return found.st_dev, found.st_ino
