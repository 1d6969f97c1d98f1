"""A training that is killed, or whose disk is full: the same command ends with the same weights."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import control
from store import jobs
from store.enums import JobState
from store.workspace import Workspace
from tests.interruptible import start
from tests.program import Program, refusal
from tests.training_shop import CAMERAS, checkpoints, copied, make_shop, small
from tests.waiting import WORK_S, wait_for


@pytest.fixture(scope="module", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("leases")))
        patch.setenv("OMP_WAIT_POLICY", "PASSIVE")
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_shop(tmp_path_factory.mktemp("shop") / "w")


def command(variant: str, backbone: Path, **changed: Any) -> list[str]:
    return ["train", variant, "--datasets", CAMERAS, "--backbone", str(backbone), *small(**changed)]


def weights_hash(workspace: Workspace) -> str:
    (model,) = Program(workspace.folder)("models", "--json").document
    return str(model["weights_hash"])


def first_checkpoint(workspace: Workspace, process: ForkServerProcess, words: Path) -> None:
    wait_for(lambda: checkpoints(workspace) or not process.is_alive(), "the first checkpoint", words.read_text, WORK_S)
    assert process.is_alive(), words.read_text()


def test_killed_after_a_checkpoint_the_same_command_ends_with_the_same_weights(
    shop: Workspace, tiny_t5: Path, tmp_path: Path
) -> None:
    words = command("itempre", tiny_t5, average=0.9, cached=True, micro_tokens=256)
    whole, killed = copied(shop, tmp_path / "whole"), copied(shop, tmp_path / "killed")
    made = Program(whole.folder)(*words)
    assert made.code == 0, made.err

    process = start(killed.folder, tmp_path / "words", *words)
    first_checkpoint(killed, process, tmp_path / "words")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert checkpoints(killed) != []
    assert control.reap(killed) == [1]

    again = Program(killed.folder)(*words)
    assert again.code == 0, again.err
    assert weights_hash(killed) == weights_hash(whole)
    with killed.read() as db:
        assert [job.state for job in jobs.jobs(db)] == [JobState.SUCCEEDED, JobState.LOST]
        assert any("goes on from step" in event.message for event in jobs.events(db, 2))
    assert checkpoints(killed) == []


HALF = 250_000  # bytes, of a checkpoint of this model with its optimizer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk of its own for this test: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        # What a training of this process read from there may still be mapped into its memory.
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Leave room for half a checkpoint. What is being written just now may be removed later: so fill it again then."""
    with (disk / "filler").open("ab") as filler:
        filler.write(b"\1" * max(0, shutil.disk_usage(disk).free - HALF))


def test_a_full_disk_leaves_the_checkpoint_before(
    shop: Workspace, tiny_t5: Path, tmp_path: Path, small_disk: Path
) -> None:
    words = command("nopre", tiny_t5, pairs=0, epochs=2, best_by="last")
    whole = copied(shop, tmp_path / "whole")
    assert Program(whole.folder)(*words).code == 0

    disk = copied(shop, small_disk / "w")
    process = start(disk.folder, tmp_path / "words", *words)
    first_checkpoint(disk, process, tmp_path / "words")
    fill(small_disk)
    process.join()
    said = (tmp_path / "words").read_text()
    assert process.exitcode == 1, said
    kept = checkpoints(disk)
    assert kept != []
    assert f"The one of step {kept[-1]} is good: free some space" in said
    assert "Traceback" not in said
    assert not list(disk.phases.rglob(".checkpoint-*"))

    fill(small_disk)
    full = Program(disk.folder)(*words)  # still full: the same again, and the checkpoint still good
    assert full.code == 1
    assert refusal(full)
    assert set(kept) <= set(checkpoints(disk))
    (small_disk / "filler").unlink()
    again = Program(disk.folder)(*words)
    assert again.code == 0, again.err
    assert weights_hash(disk) == weights_hash(whole)
