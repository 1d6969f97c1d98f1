"""A workspace: one folder with `st5.db`, `models/<name>/` and `jobs/<id>/`. Copying the folder moves everything."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from store import filesystem
from store.connection import BUSY_TIMEOUT_S, connect_reader, connect_writer
from store.errors import BadInput, explain
from store.migrations import VERSION, check_version, migrate

ENVIRONMENT = "ST5_WORKSPACE"
DEFAULT = Path("workspace")


def workspace_folder(option: Path | None) -> Path:
    """The folder to use: the option, else `$ST5_WORKSPACE`, else `./workspace`."""
    return option or Path(os.environ.get(ENVIRONMENT) or DEFAULT)


class Workspace:
    """The paths of a workspace and the way to its database."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.database = self.folder / "st5.db"
        self.models = self.folder / "models"
        self.phases = self.folder / "phases"
        self.jobs = self.folder / "jobs"

    def exists(self) -> bool:
        return self.database.exists()

    @contextmanager
    def write(self, *, busy_timeout: float = BUSY_TIMEOUT_S) -> Iterator[sqlite3.Connection]:
        """A writing connection; makes and migrates the workspace where needed.

        SQLite's errors come out as `Problem`s that say what happened and that nothing was lost.
        """
        self._make_folder()
        with self._explained():
            db = connect_writer(self.database, busy_timeout=busy_timeout)
            try:
                if check_version(db, self.database) < VERSION:
                    with filesystem.lock(self.folder / "locks" / "migration", "The migration"):
                        migrate(db)
                yield db
            finally:
                db.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that only reads; a workspace that is not there yet is a `BadInput` with the next step."""
        if not self.exists():
            raise BadInput(
                f"{self.folder}: no workspace here (no st5.db). Make one with `st5 demo` or `st5 ingest …`, "
                "or point to one with --workspace."
            )
        with self._explained():
            db = connect_reader(self.database)
            try:
                if check_version(db, self.database) == VERSION:
                    yield db
                    return
            finally:
                db.close()
        with self.write():  # an older workspace: bring it up to date once, then read
            pass
        with self.read() as db:
            yield db

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """An exclusive lock of this workspace, let go by the kernel when its holder dies."""
        return filesystem.lock(self.folder / "locks" / name, f'The lock "{name}" of {self.folder}', wait=wait)

    def _make_folder(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise BadInput(f"{self.folder}: is a file, not a folder. Choose a folder with --workspace.")
        filesystem.refuse_network(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"{self.folder}: cannot be made ({error.strerror}). Choose another with --workspace."
            ) from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self.database) from error
