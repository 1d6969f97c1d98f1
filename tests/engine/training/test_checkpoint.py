"""Checkpoints: all that the next step depends on, whole or not there."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.training import checkpoint
from store.errors import Failed


class Small(torch.nn.Module):
    """Two matrices that are one, as an encoder's embeddings may be, a count, and something frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.randn(4, 3))
        self.same = self.table
        self.frozen = torch.nn.Parameter(torch.randn(2), requires_grad=False)
        self.register_buffer("count", torch.tensor(0))


def optimizer_of(module: torch.nn.Module) -> tuple[Any, Any]:
    optimizer = torch.optim.AdamW(
        [{"params": [module.table], "weight_decay": 0.1}, {"params": [], "weight_decay": 0.0}], lr=0.01
    )
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))


def step(module: Any, optimizer: Any, scheduler: Any, times: int) -> None:
    """Steps that draw from every generator."""
    for _ in range(times):
        factor = random.random() + np.random.default_rng(np.random.randint(1 << 30)).random()
        optimizer.zero_grad()
        (factor * (module.table * torch.randn(4, 3)).sum()).backward()
        optimizer.step()
        scheduler.step()
        module.count += 1


def test_seven_steps_are_three_a_checkpoint_and_four(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = Small()
    optimizer, scheduler = optimizer_of(module)
    step(module, optimizer, scheduler, 3)
    with checkpoint.PendingCheckpoint(tmp_path, 3) as part:
        checkpoint.write_weights(part / checkpoint.WEIGHTS, module)
        checkpoint.write_optimizer(part, optimizer, scheduler)
        checkpoint.write_random(part, [checkpoint.random_state()])
        (part / checkpoint.STATE).write_text("{}")
    step(module, optimizer, scheduler, 4)

    torch.manual_seed(99)
    random.seed(99)
    again = Small()
    optimizer, scheduler = optimizer_of(again)
    folder = checkpoint.checkpoint_folder(tmp_path, checkpoint.steps(tmp_path)[-1])
    checkpoint.read_weights(folder / checkpoint.WEIGHTS, again)
    checkpoint.read_optimizer(folder, optimizer, scheduler)
    checkpoint.read_random(folder, 0, 1)
    step(again, optimizer, scheduler, 4)
    assert again.same is again.table
    for name, tensor in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert optimizer.param_groups[0]["lr"] == 0.01 / 8


def test_what_is_not_finished_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, 10)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, 20, KeyboardInterrupt())
    (tmp_path / "checkpoint-30").mkdir()  # as a kill of another program may leave it
    (tmp_path / ".checkpoint-40.part").mkdir()
    (tmp_path / ".checkpoint-40.part" / checkpoint.STATE).write_text("{}")
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-best" / checkpoint.STATE).write_text("{}")
    assert checkpoint.steps(tmp_path) == [10]
    written(tmp_path, 40)
    assert checkpoint.steps(tmp_path) == [10, 40]


def test_a_disk_that_does_not_take_it_is_named_with_the_checkpoint_that_is_good(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with pytest.raises(Failed, match=r"No space left on device\)\. Free some space, and run the same command again"):
        written(tmp_path, 5, full)
    written(tmp_path, 10)
    with pytest.raises(Failed, match=r"No space left on device\)\. The one of step 10 is good: free some space"):
        written(tmp_path, 20, full)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]
    (tmp_path / "file").write_text("in the place of a folder")
    with pytest.raises(Failed, match="cannot be written"):
        written(tmp_path / "file", 20)


def test_another_fault_is_not_put_down_to_the_disk(tmp_path: Path) -> None:
    written(tmp_path, 10)
    with pytest.raises(RuntimeError, match="out of memory"):
        written(tmp_path, 20, RuntimeError("CUDA out of memory"))
    assert checkpoint.steps(tmp_path) == [10]


def test_only_those_to_keep_are_kept(tmp_path: Path) -> None:
    for number in (2, 10, 4):
        written(tmp_path, number)
    assert checkpoint.steps(tmp_path) == [2, 4, 10]
    checkpoint.prune(tmp_path, {2, 10})
    assert checkpoint.steps(tmp_path) == [2, 10]


def test_generators_of_other_processes_are_refused(tmp_path: Path) -> None:
    checkpoint.write_random(tmp_path, [checkpoint.random_state()] * 2)
    checkpoint.read_random(tmp_path, 1, 2)
    with pytest.raises(Failed, match="written by 2 processes, this run has 1"):
        checkpoint.read_random(tmp_path, 0, 1)


def written(folder: Path, number: int, error: BaseException | None = None) -> None:
    """A checkpoint that holds nothing; with an error, one that is interrupted when it is nearly done."""
    with checkpoint.PendingCheckpoint(folder, number) as part:
        (part / checkpoint.STATE).write_text("{}")
        assert number not in checkpoint.steps(folder)
        if error is not None:
            raise error
