"""Schema steps: an older workspace is brought up to date, a newer or foreign one is left as it is."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from store import datasets, ui_state
from store.connection import connect_writer
from store.errors import BadInput
from store.migrations import VERSION, migrate
from store.workspace import Workspace
from tests.small_shop import five_items


def at_version(folder: Path, version: int) -> Workspace:
    """A workspace as an older program left it, with one dataset row."""
    folder.mkdir()
    workspace = Workspace(folder)
    db = connect_writer(workspace.database)
    migrate(db, version)
    db.execute(
        "INSERT INTO dataset (name, state, request, platform, domain, synthetic, source, split, split_settings, timed,"
        " created) VALUES ('old', 'ready', '', 'table', 'Things', 0, '{}', 'given', '{}', 1, '')"
    )
    db.close()
    return workspace


def version_of(workspace: Workspace) -> int:
    with sqlite3.connect(workspace.database) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("version", range(1, VERSION))
@pytest.mark.parametrize("door", ["read", "write"])
def test_an_older_workspace_is_brought_up_to_date_with_its_rows(tmp_path: Path, version: int, door: str) -> None:
    workspace = at_version(tmp_path / "old", version)
    assert version_of(workspace) == version
    with getattr(workspace, door)() as db:
        assert [(dataset.name, dataset.same_time) for dataset in datasets.datasets(db)] == [("old", "file")]
        assert ui_state.get(db, "nothing", "default") == "default"  # a table of the newest step
    assert version_of(workspace) == VERSION


def test_steps_are_recorded_by_name_once(tmp_path: Path) -> None:
    workspace = at_version(tmp_path / "old", 2)
    for _ in range(2):
        with workspace.write() as db:
            names = [row[0] for row in db.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
        assert len(names) == len(set(names)) == VERSION
        assert names == sorted(names)


def test_a_newer_workspace_is_refused_and_not_touched(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with sqlite3.connect(workspace.database) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = workspace.database.read_bytes()
    for door in (workspace.read, workspace.write):
        with pytest.raises(BadInput, match=rf"version {VERSION + 1}.*up to {VERSION}.*--workspace"), door():
            pass
    assert workspace.database.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with sqlite3.connect(workspace.database) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    for door in (workspace.read, workspace.write):
        with pytest.raises(BadInput, match=r"not a workspace of st5 .*recipes"), door():
            pass
    with sqlite3.connect(workspace.database) as db:
        assert [row[0] for row in db.execute("SELECT name FROM sqlite_master")] == ["recipes"]


def test_many_openers_at_once_make_one_whole_workspace(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def open_once(number: int) -> None:
        try:
            with Workspace(tmp_path / "new").write() as db:
                ui_state.put(db, str(number), number)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=open_once, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with Workspace(tmp_path / "new").read() as db:
        assert [ui_state.get(db, str(n)) for n in range(8)] == list(range(8))
