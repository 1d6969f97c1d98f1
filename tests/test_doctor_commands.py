"""`st5 doctor` looks at everything and falls over nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.workspace import Workspace
from tests.program import Program
from tests.small_shop import five_items


def findings(program: Program) -> dict[tuple[str, str], dict[str, Any]]:
    return {(found["topic"], found["name"]): found for found in program("doctor", "--json").document}


def test_a_whole_workspace(tmp_path: Path) -> None:
    program = Program(five_items(tmp_path).folder)
    found = findings(program)
    assert "1 datasets, 0 models, 0 evaluations; check: ok" in found["workspace", "database"]["value"]
    assert found["workspace", "writable"]["value"] == "yes"
    assert found["workspace", "locks"]["value"] == "none held"
    assert found["versions", "torch"]["good"]
    assert "database" in program("doctor").out


def test_a_held_lock_is_named_with_its_holder(tmp_path: Path) -> None:
    import os

    workspace = five_items(tmp_path)
    with workspace.lock("ingest"):
        assert findings(Program(tmp_path))["workspace", "locks"]["value"] == f"ingest by process {os.getpid()}"


def test_where_there_is_no_workspace_none_is_made(tmp_path: Path) -> None:
    found = findings(Program(tmp_path / "none"))
    assert found["workspace", "database"]["value"] == "none yet"
    assert not (tmp_path / "none").exists()


def test_a_broken_database_is_a_finding_not_a_failure(tmp_path: Path) -> None:
    workspace: Workspace = five_items(tmp_path)
    workspace.database.write_bytes(b"no database at all" * 1000)
    found = findings(Program(tmp_path))["workspace", "database"]
    assert not found["good"]
    assert "damaged" in found["remedy"]
