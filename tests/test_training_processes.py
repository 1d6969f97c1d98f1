"""Training in two processes under `torchrun` and `accelerate launch`: one joint batch, one job, the same weights."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from store import jobs
from store.workspace import Workspace
from tests.program import Program
from tests.tiny_models import make_tiny_t5
from tests.training_shop import CAMERAS, checkpoints, copied, make_shop, small

# Without dropout: two processes draw other numbers than one.
TORCHRUN = ("torch.distributed.run", "--nproc_per_node=2")
# multi_gpu is its word for "several processes", with GPUs or without.
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
              "--mixed_precision=no", "--dynamo_backend=no")  # fmt: skip


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_t5(tmp_path_factory.mktemp("still-t5"), dropout=0.0)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Workspace:
    """A workspace where one process has trained itempre; its data is that of the others."""
    folder = tmp_path_factory.mktemp("alone")
    workspace = make_shop(folder / "w")
    copied(workspace, folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        made = Program(workspace.folder)(*command(backbone))
    assert made.code == 0, made.err
    return workspace


def command(backbone: Path, **changed: Any) -> list[str]:
    """Item-description is uncached; sequence-item caches its gradients over several micro-batches. In fp32: halves of
    a batch rounded to bf16 differ from the whole."""
    own = ("--set", "sequence-item.cached=true", "--set", "sequence-item.micro-tokens=128")
    settings = small(**({"pairs": 32, "average": 0.9, "precision": "fp32"} | changed))
    return ["train", "itempre", "-d", CAMERAS, "--backbone", str(backbone), "--device", "cpu", *settings, *own]


def start(workspace: Workspace, launcher: Sequence[str], arguments: Sequence[str]) -> subprocess.Popen[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(
        os.environ, ST5_WORKSPACE=str(workspace.folder), XDG_RUNTIME_DIR=str(workspace.folder.parent),
        OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE", NO_COLOR="1",
    )  # fmt: skip
    port_option = f"--master_port={port}" if launcher is TORCHRUN else f"--main_process_port={port}"
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, port_option, "-m", "engine", *arguments], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip


def losses(workspace: Workspace) -> list[dict[int, float]]:
    """The loss by step of each phase of the newest job, in the order of the phases."""
    with workspace.read() as db:
        series = [curve for curve in jobs.series(db, jobs.jobs(db)[0].id) if curve.name == "loss"]
    return [dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) for curve in series]


def weights(workspace: Workspace) -> dict[str, np.ndarray]:
    found = load_file(workspace.models / "itempre" / "model.safetensors")
    return {name: tensor.numpy() for name, tensor in found.items()}


def test_two_processes_train_as_one_with_the_joint_batch(alone: Workspace, backbone: Path, tmp_path: Path) -> None:
    two = copied(Workspace(alone.folder.parent / "data"), tmp_path / "w")
    process = start(two, TORCHRUN, command(backbone))
    _, words = process.communicate(timeout=200)
    assert process.returncode == 0, words
    assert words.count("Next: st5 evaluate") == 1
    with two.read() as db:
        assert [(job.state, job.exit_code) for job in jobs.jobs(db)] == [("succeeded", 0)]
    expected, found = losses(alone), losses(two)
    assert len(found) == len(expected) == 2
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
        assert sorted(ours) == [1, 2, 3, 4]
    ours_by_name, theirs_by_name = weights(two), weights(alone)
    assert ours_by_name.keys() == theirs_by_name.keys()
    for name, tensor in theirs_by_name.items():
        # A hundredth of an Adam step (0.003): where a gradient is near zero, rounding decides part of it.
        assert np.abs(ours_by_name[name] - tensor).max() < 3e-5, name
    (model,) = Program(two.folder)("models", "itempre", "--json").document
    assert [phase["summary"]["processes"] for phase in model["lineage"]] == [2, 2]


def ended(process: subprocess.Popen[str]) -> str:
    """What a process said by its end; it is killed where it does not come to one."""
    try:
        return process.communicate(timeout=200)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_two_processes_stop_together_and_go_on_as_if_they_had_not(
    alone: Workspace, backbone: Path, tmp_path: Path
) -> None:
    data = Workspace(alone.folder.parent / "data")
    whole, two = copied(data, tmp_path / "whole" / "w"), copied(data, tmp_path / "two" / "w")
    arguments = command(backbone, pairs=0, epochs=8, validate_every=10, checkpoint_every=10, log_every=10)
    process = start(two, ACCELERATE, arguments)
    deadline = time.monotonic() + 100
    while not checkpoints(two):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert Program(two.folder)("jobs", "cancel", "1").code == 0
    words = ended(process)
    assert process.returncode != 0
    with two.read() as db:
        (job,) = jobs.jobs(db)
    assert (job.state, job.exit_code) == ("cancelled", 3), words
    assert "goes on from there" in job.message
    assert max(checkpoints(two)) == job.done
    for workspace in (two, whole):
        process = start(workspace, TORCHRUN, arguments)
        words = ended(process)
        assert process.returncode == 0, words
    again, uninterrupted = weights(two), weights(whole)
    assert all(np.array_equal(again[name], tensor) for name, tensor in uninterrupted.items())
