"""Training in two processes under `torchrun` and `accelerate launch`: one joint batch, one job, the same weights."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from engine.jobs import control
from engine.progress import Observer
from engine.training import checkpoint, distributed
from engine.training.trainer import PhaseTrainer
from store import jobs
from store.errors import Cancelled
from store.rows import Job
from store.workspace import Workspace
from tests import interruptible
from tests.program import Program
from tests.tiny_models import make_tiny_t5
from tests.training_shop import CAMERAS, checkpoints, copied, make_shop, small
from tests.waiting import WORK_S, wait_for

# Without dropout: two processes draw other numbers than one.
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc_per_node=2")
# multi_gpu is its word for "several processes", with GPUs or without.
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1",
              "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0")  # fmt: skip


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
    environment = dict(
        os.environ, ST5_WORKSPACE=str(workspace.folder), XDG_RUNTIME_DIR=str(workspace.folder.parent),
        TMPDIR=str(workspace.folder.parent),  # torchrun leaves the folder of its own logs
        OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE", NO_COLOR="1",
    )  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, "-m", "engine", *arguments], env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        cwd=Path(__file__).resolve().parents[1],
    )  # fmt: skip


class Ranks:
    """Both processes of a training without their launcher; `prepare` is called in each before its command."""

    def __init__(self, folder: Path, data: Workspace, prepare: Callable[[], None] | None, *arguments: str) -> None:
        folder.mkdir(exist_ok=True)
        self.workspace = copied(data, folder / "w")
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.processes = [
            interruptible.start(
                self.workspace.folder, self._words(rank), *arguments, prepare=prepare, RANK=str(rank), WORLD_SIZE="2",
                LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
                XDG_RUNTIME_DIR=str(folder), OMP_NUM_THREADS="1", GATE=str(folder / "gate"),
            )
            for rank in range(2)
        ]  # fmt: skip

    def ended(self) -> list[int | None]:
        """The exit codes once both have ended."""
        try:
            wait_for(
                lambda: not any(process.is_alive() for process in self.processes), "both to end", self.words, WORK_S
            )
        finally:
            for process in self.processes:
                process.kill()
                process.join()
        return [process.exitcode for process in self.processes]

    def words(self) -> list[str]:
        """What each of them said."""
        return [path.read_text() if path.exists() else "" for path in map(self._words, range(2))]

    def job(self) -> Job:
        with self.workspace.read() as db:
            return jobs.jobs(db)[0]

    def _words(self, rank: int) -> Path:
        return self._folder / f"words{rank}"


def ended(process: subprocess.Popen[str]) -> str:
    """What a process said by its end; it is killed where it does not come to one."""
    try:
        return process.communicate(timeout=WORK_S)[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def losses(workspace: Workspace) -> list[dict[int, float]]:
    """The loss by step of each phase of the newest job, in the order of the phases."""
    with workspace.read() as db:
        series = [curve for curve in jobs.series(db, jobs.jobs(db)[0].id) if curve.name == "loss"]
    return [dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) for curve in series]


def weights(workspace: Workspace, name: str = "itempre") -> dict[str, np.ndarray]:
    found = load_file(workspace.models / name / "model.safetensors")
    return {name: tensor.numpy() for name, tensor in found.items()}


def test_two_processes_train_as_one_with_the_joint_batch(alone: Workspace, backbone: Path, tmp_path: Path) -> None:
    two = copied(Workspace(alone.folder.parent / "data"), tmp_path / "w")
    process = start(two, TORCHRUN, command(backbone))
    words = ended(process)
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


def test_two_processes_stop_together_and_go_on_as_if_they_had_not(
    alone: Workspace, backbone: Path, tmp_path: Path
) -> None:
    two = copied(data_of(alone), tmp_path / "two" / "w")
    arguments = command(backbone, pairs=0, epochs=8, validate_every=10, checkpoint_every=10, log_every=10)
    process = start(two, ACCELERATE, arguments)
    try:
        wait_for(lambda: checkpoints(two) or process.poll() is not None, "the first checkpoint", limit=WORK_S)
        cancelled = Program(two.folder)("jobs", "cancel", "1")
    finally:
        words = ended(process)
    assert cancelled.code == 0, words
    assert process.returncode != 0
    with two.read() as db:
        (job,) = jobs.jobs(db)
    assert (job.state, job.exit_code) == ("cancelled", 3), words
    assert "goes on from there" in job.message
    assert max(checkpoints(two)) == job.done
    # The launchers are seen to work above; these two have the same processes, forked from one that has torch.
    again = Ranks(tmp_path / "again", two, None, *arguments)
    assert again.ended() == [0, 0], again.words()
    whole = Ranks(tmp_path / "whole", data_of(alone), None, *arguments)
    assert whole.ended() == [0, 0], whole.words()
    found, uninterrupted = weights(again.workspace), weights(whole.workspace)
    assert all(np.array_equal(found[name], tensor) for name, tensor in uninterrupted.items())


def data_of(alone: Workspace) -> Workspace:
    return Workspace(alone.folder.parent / "data")


def one_phase(backbone: Path) -> list[str]:
    return ["train", "nopre", "-d", CAMERAS, "--backbone", str(backbone), "--device", "cpu", *small()]


def test_two_processes_compare_with_all_items_as_one_does(
    alone: Workspace, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = small(loss="catalogue", bank_items=12, cached=True, micro_tokens=64, precision="fp32", pairs=32)
    arguments = [*one_phase(backbone), *said]
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    one = copied(data_of(alone), tmp_path / "one")
    made = Program(one.folder)(*arguments)
    assert made.code == 0, made.err
    two = Ranks(tmp_path / "two", data_of(alone), None, *arguments)
    assert two.ended() == [0, 0], two.words()
    for ours, theirs in zip(losses(two.workspace), losses(one), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    found = weights(two.workspace, "nopre")
    for name, tensor in weights(one, "nopre").items():
        assert np.abs(found[name] - tensor).max() < 3e-5, name


def cancelled_in_the_third_step() -> None:
    """The job is cancelled after the first validation."""
    at_step(2, lambda observer: observer.stop())


def cancelled_in_the_first_step() -> None:
    """The job is cancelled while the first step is under way, before the work has asked whether to stop."""
    at_step(0, reports_end_the_work)


def at_step(number: int, seen: Callable[[Observer], bool]) -> None:
    """Cancel the job once so many steps are done; the next one goes on when the job has `seen` that."""
    step, begin = PhaseTrainer.training_step, PhaseTrainer.__init__
    observers: list[Observer] = []

    def recorded(self: PhaseTrainer, **named: Any) -> None:
        observers.append(named["observer"])
        begin(self, **named)

    def training_step(self: PhaseTrainer, *arguments: Any, **named: Any) -> Any:
        if distributed.is_first() and self.state.global_step == number:
            control.cancel(Workspace(Path(os.environ["ST5_WORKSPACE"])), 1)
            wait_for(lambda: seen(observers[-1]), "the job to see that it was cancelled")
        return step(self, *arguments, **named)

    PhaseTrainer.__init__, PhaseTrainer.training_step = recorded, training_step  # type: ignore[method-assign]


def reports_end_the_work(observer: Observer) -> bool:
    try:
        observer.progress("the first step", 0, 0)
    except Cancelled:
        return True
    return False


def test_cancelled_before_the_work_ever_asked_both_keep_the_first_step(
    alone: Workspace, backbone: Path, tmp_path: Path
) -> None:
    two = Ranks(tmp_path, data_of(alone), cancelled_in_the_first_step, *one_phase(backbone))
    assert two.ended() == [3, 3], two.words()
    assert two.job().message.startswith("Stopped at step 1 of 8, kept in a checkpoint")
    assert checkpoints(two.workspace) == [1]
    assert all("Stopped at step 1 of 8" in words for words in two.words())


def second_reads_late() -> None:
    """The second process reads its best weights once the first has read its own and waits."""
    load, wait, here = PhaseTrainer._load_best_model, distributed.wait, {"loaded": False}

    def load_best_model(self: PhaseTrainer) -> None:
        if not distributed.is_first():
            wait_for(Path(os.environ["GATE"]).exists, "the first process to wait")
        load(self)
        here["loaded"] = True

    def announced() -> None:
        if distributed.is_first() and here["loaded"]:
            Path(os.environ["GATE"]).touch()
        wait()

    PhaseTrainer._load_best_model, distributed.wait = load_best_model, announced  # type: ignore[method-assign]


def test_the_first_process_removes_no_checkpoint_that_the_second_has_yet_to_read(
    alone: Workspace, backbone: Path, tmp_path: Path
) -> None:
    # Only in a run that goes on does the second process know of a best checkpoint: from the state it was given.
    two = Ranks(tmp_path, data_of(alone), cancelled_in_the_third_step, *one_phase(backbone))
    assert two.ended() == [3, 3], two.words()
    assert checkpoints(two.workspace) == [2, 3]
    again = Ranks(tmp_path / "again", two.workspace, second_reads_late, *one_phase(backbone))
    assert again.ended() == [0, 0], again.words()
    assert (tmp_path / "again" / "gate").exists()
    assert checkpoints(again.workspace) == []


def second_fails() -> None:
    random_state = checkpoint.random_state

    def failing() -> dict[str, Any]:
        if not distributed.is_first():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return random_state()

    checkpoint.random_state = failing


def test_what_the_second_process_failed_with_is_the_jobs_message(
    alone: Workspace, backbone: Path, tmp_path: Path
) -> None:
    two = Ranks(tmp_path, data_of(alone), second_fails, *one_phase(backbone))
    assert two.ended() == [1, 1], two.words()
    job, (first, second) = two.job(), two.words()
    assert job.state == "failed"
    assert job.message.startswith("Process 2 of 2: [Errno 5] Input/output error"), first
    assert f"st5: {job.message}" in first
    assert "Input/output error" in second
    assert "Traceback" not in first + second


def second_is_killed() -> None:
    random_state = checkpoint.random_state

    def dying() -> dict[str, Any]:
        if not distributed.is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        return random_state()

    checkpoint.random_state = dying


def test_when_the_second_process_is_killed_the_first_says_so(alone: Workspace, backbone: Path, tmp_path: Path) -> None:
    two = Ranks(tmp_path, data_of(alone), second_is_killed, *one_phase(backbone))
    assert two.ended() == [1, -signal.SIGKILL], two.words()
    assert two.job().state == "failed"
    assert "Another process of this training was killed" in two.job().message
    assert "Traceback" not in two.words()[0]
