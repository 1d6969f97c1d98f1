"""Two workbenches look on while three jobs write: the same as `python -m benchmarks contention`, for a few seconds."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contention import WRITERS, contend
from benchmarks.large_workspace import fill
from store.workspace import Workspace

SECONDS = 8


def test_two_workbenches_and_three_writing_jobs_lose_no_row_and_meet_no_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    fill(workspace, users=500, models=3, domains=2)
    found = contend(workspace, SECONDS)
    assert found.errors == []
    assert found.lost == 0
    assert found.written >= WRITERS  # they did write
    assert len({key for key, _, _ in found.waits_ms}) > 5  # and every area was looked at
