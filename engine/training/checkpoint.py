"""Checkpoints of a training phase: everything that the next step depends on, whole or not there, never pickled."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model

from store.errors import Failed

PREFIX = "checkpoint-"
WEIGHTS, AVERAGED = "weights.safetensors", "averaged.safetensors"
OPTIMIZER, OPTIMIZER_TENSORS = "optimizer.json", "optimizer.safetensors"
SCHEDULER, STATE = "scheduler.json", "trainer_state.json"
BANK = "bank.safetensors"


def checkpoint_folder(folder: Path, step: int) -> Path:
    """The folder of the checkpoint after this many optimizer steps."""
    return folder / f"{PREFIX}{step}"


def steps(folder: Path) -> list[int]:
    """The steps of the complete checkpoints in a folder, oldest first."""
    found = (path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*") if (path / STATE).is_file())
    return sorted(int(step) for step in found if step.isdigit())


class PendingCheckpoint:
    """A checkpoint being written: it appears under its name when everything is on the disk, or not at all."""

    def __init__(self, folder: Path, step: int) -> None:
        self.final = checkpoint_folder(folder, step)
        self.part = folder / f".{self.final.name}.part"

    def __enter__(self) -> Path:
        shutil.rmtree(self.part, ignore_errors=True)
        try:
            self.part.mkdir(parents=True)
        except OSError as problem:
            raise self._failed(problem) from problem
        return self.part

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            try:
                for path in self.part.iterdir():
                    _to_disk(path)
                shutil.rmtree(self.final, ignore_errors=True)
                self.part.rename(self.final)
                _to_disk(self.final.parent)
                return
            except OSError as problem:
                error = problem
        shutil.rmtree(self.part, ignore_errors=True)
        if isinstance(error, OSError | SafetensorError):
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> Failed:
        kept = steps(self.final.parent)
        return Failed(
            f"{self.final}: the checkpoint cannot be written ({error}). "
            + (
                f"The one of step {kept[-1]} is good: free some space, and run the same command again; it goes on "
                "from there."
                if kept
                else "Free some space, and run the same command again."
            )
        )


def write_weights(path: Path, module: torch.nn.Module) -> None:
    """All weights of a module; tied ones once."""
    save_model(module, str(path))


def read_weights(path: Path, module: torch.nn.Module) -> None:
    """Fill a module of the same shape with written weights, in place."""
    load_model(module, str(path))


def write_bank(folder: Path, bank: Sequence[torch.Tensor]) -> None:
    """The vectors of the items that targets compete with, dataset by dataset: the weights behind them are gone."""
    save_file({str(place): vectors.contiguous() for place, vectors in enumerate(bank)}, str(folder / BANK))


def read_bank(folder: Path, device: torch.device) -> tuple[torch.Tensor, ...]:
    """What `write_bank` wrote."""
    found = load_file(str(folder / BANK), device=str(device))
    return tuple(found[str(place)] for place in range(len(found)))


def write_optimizer(folder: Path, optimizer: Any, scheduler: Any) -> None:
    """The state of an optimizer (its tensors beside its numbers) and of its schedule."""
    state = optimizer.state_dict()
    tensors, numbers = {}, {}
    for parameter, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{parameter}.{name}"] = value.detach().cpu().contiguous()
            else:
                numbers[f"{parameter}.{name}"] = value
    save_file(tensors, str(folder / OPTIMIZER_TENSORS))
    (folder / OPTIMIZER).write_text(json.dumps({"groups": state["param_groups"], "numbers": numbers}))
    (folder / SCHEDULER).write_text(json.dumps(scheduler.state_dict()))


def read_optimizer(folder: Path, optimizer: Any, scheduler: Any) -> None:
    """Bring an optimizer and its schedule to a written state."""
    written = json.loads((folder / OPTIMIZER).read_text())
    state: dict[int, dict[str, Any]] = {}
    for key, value in (load_file(str(folder / OPTIMIZER_TENSORS)) | written["numbers"]).items():
        parameter, _, name = key.partition(".")
        state.setdefault(int(parameter), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": written["groups"]})
    scheduler.load_state_dict(json.loads((folder / SCHEDULER).read_text()))


def random_state() -> dict[str, Any]:
    """The state of every generator that training may draw from, as JSON."""
    kind, keys, position, gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [kind, keys.tolist(), position, gauss, cached],  # type: ignore[union-attr]
        "torch": torch.random.get_rng_state().numpy().tobytes().hex(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state().numpy().tobytes().hex()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Bring every generator to a state that `random_state` gave."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), position, has_gauss, cached))
    torch.random.set_rng_state(_bytes(state["torch"]))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(_bytes(state["cuda"]))


def write_random(folder: Path, states: list[dict[str, Any]]) -> None:
    """The generators of every process, in the order of their ranks."""
    (folder / "random.json").write_text(json.dumps(states))


def read_random(folder: Path, rank: int, world: int) -> None:
    """Set this process' generators to what they were.

    `Failed` where the checkpoint was written by another number of processes.
    """
    states = json.loads((folder / "random.json").read_text())
    if len(states) != world:
        raise Failed(
            f"{folder}: this checkpoint was written by {len(states)} processes, this run has {world}. "
            f"Run it with {len(states)}, or remove the folder to begin the phase anew."
        )
    set_random_state(states[rank])


def prune(folder: Path, keep: set[int]) -> None:
    """Remove all checkpoints but those of these steps."""
    for step in steps(folder):
        if step not in keep:
            shutil.rmtree(checkpoint_folder(folder, step), ignore_errors=True)


def _bytes(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
