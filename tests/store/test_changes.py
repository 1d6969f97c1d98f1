"""Noticing writes of other connections."""

from __future__ import annotations

from pathlib import Path

from store import ui_state
from store.changes import Changes
from store.workspace import Workspace


def test_a_write_is_seen_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.write() as db:
        ui_state.put(db, "a", 1)
    changes = Changes(workspace)
    assert changes.poll()
    assert not changes.poll()
    with workspace.write() as db:
        ui_state.put(db, "a", 2)
    assert changes.poll()
    assert not changes.poll()
    changes.close()


def test_a_workspace_that_appears_and_one_that_is_replaced_are_seen_and_none_is_made(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "later")
    changes = Changes(workspace)
    changes.poll()
    assert not changes.poll()
    assert not workspace.folder.exists()
    with workspace.write() as db:
        ui_state.put(db, "a", 1)
    assert changes.poll()
    workspace.database.rename(workspace.folder / "old.db")
    assert changes.poll()
    assert not changes.poll()
    changes.close()
