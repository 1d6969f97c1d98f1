"""Trains a sequence model epoch by epoch, keeps the best, and goes on where an interruption left it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engine.baselines.network import SequenceNetwork, plain_products
from engine.baselines.sequences import batches, cut
from engine.baselines.settings import SasRecSettings
from engine.baselines.validation import METRIC, TrainingData
from engine.progress import Observer
from engine.training import checkpoint
from store.errors import Cancelled, Failed

BEST = "best.safetensors"


@dataclass
class Standing:
    """How far a training has come: epochs done, the best of them and its metric, targets and seconds in all."""

    epoch: int = 0
    best_epoch: int = 0
    best: float = -1.0
    seconds: float = 0.0


class Trainer:
    """Adam on the cross-entropy over all items; training ends after `patience` epochs that were not the best.

    Every epoch draws from generators of its own, seeded by `seed` and its number. So the state at its end is the
    weights and the moments alone, and a run that goes on from there is bit-equal to one that was never interrupted.
    """

    def __init__(
        self,
        network: SequenceNetwork,
        data: TrainingData,
        settings: SasRecSettings,
        *,
        seed: int,
        folder: Path,
        name: str,
        key: str,
        observer: Observer,
    ) -> None:
        self.network, self.data, self.settings = network, data, settings
        self.seed, self.folder, self.name, self.key, self.observer = seed, folder, name, key, observer
        self.windows = cut(data.starts, data.items, settings.window)
        self.device = next(network.parameters()).device
        fused = self.device.type in ("cpu", "cuda")
        self.optimizer = network.optimizer(settings.learning_rate, fused)
        self.done = Standing()
        self._best: dict[str, torch.Tensor] = {}

    def run(self) -> dict[str, Any]:
        """Train to the end and leave the network with its best weights; what came of it.

        `Cancelled` where the observer asked to stop, `Failed` if the loss is not finite or a checkpoint cannot be
        written: the last checkpoint is good, and another run goes on from there.
        """
        self._resume()
        before, started = self.done.seconds, monotonic()
        while not self._finished:
            began = monotonic()
            with plain_products(), _seeded(self.seed, self.done.epoch + 1, self.device) as draw:
                loss = self._epoch(draw)
            speed = self.windows.targets / (monotonic() - began)
            self._measure()
            self.done.seconds = before + monotonic() - started
            self._keep()
            values = {"loss": loss, METRIC: self._last, "targets per second": speed}
            self.observer.record(self.key, self.done.epoch, values)
        self.network.load_state_dict(self._best)
        reached = self.done.best
        if chosen := self.network.choose(self._ask):
            reached = self._ask()
            self.observer.tell("validation", f"{self.name}: {chosen}, {METRIC} {reached:.4f}")
        return {
            "epochs": self.done.epoch,
            "best_epoch": self.done.best_epoch,
            METRIC: reached,
            "targets": self.windows.targets,
            "validation": self.data.validation.described,
        }

    @property
    def _finished(self) -> bool:
        waited = self.done.epoch - self.done.best_epoch
        return self.done.epoch >= self.settings.epochs or (self.done.epoch > 0 and waited >= self.settings.patience)

    def _epoch(self, draw: np.random.Generator) -> float:
        """One pass over all targets; the mean loss."""
        self.network.train()
        stage = f"{self.name}: epoch {self.done.epoch + 1} of at most {self.settings.epochs}"
        seen, total = 0, 0.0
        for batch in batches(self.windows, self.settings.batch, draw):
            if self.observer.stop():
                raise Cancelled(
                    f"Stopped in epoch {self.done.epoch + 1}; {self.done.epoch} epochs are kept in a checkpoint. "
                    "The same command goes on from there."
                )
            loss = self.network.loss(batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * len(batch.targets)
            seen += len(batch.targets)
            self.observer.progress(stage, seen, self.windows.targets)
            if not np.isfinite(total):
                raise Failed(
                    f"{self.name}: the loss became NaN or infinite in epoch {self.done.epoch + 1}. "
                    "Try a smaller rate: --set learning-rate=0.0003, under another --name."
                )
        self.done.epoch += 1
        return total / seen

    def _ask(self) -> float:
        return self.data.validation.ask(self.network, str(self.device))

    def _measure(self) -> None:
        self._last = self._ask()
        better = self._last > self.done.best
        if better:
            self.done.best, self.done.best_epoch = self._last, self.done.epoch
            self._best = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        words = "the best so far" if better else f"the best is that of epoch {self.done.best_epoch}"
        validation = self.data.validation
        found = f"{METRIC} {self._last:.4f} ({validation.scope}, {validation.rule})"
        self.observer.tell("validation", f"{self.name}, epoch {self.done.epoch}: {found}, {words}")

    def _keep(self) -> None:
        with checkpoint.PendingCheckpoint(self.folder, self.done.epoch) as part:
            checkpoint.write_weights(part / checkpoint.WEIGHTS, self.network)
            save_file({name: tensor.contiguous() for name, tensor in self._best.items()}, str(part / BEST))
            moments = self.optimizer.state_dict()["state"]
            tensors = {f"{row}.{name}": value for row, state in moments.items() for name, value in state.items()}
            save_file(tensors, str(part / checkpoint.OPTIMIZER_TENSORS))
            (part / checkpoint.STATE).write_text(json.dumps(vars(self.done)))
        checkpoint.prune(self.folder, {self.done.epoch})

    def _resume(self) -> None:
        found = checkpoint.steps(self.folder)
        if not found:
            return
        folder = checkpoint.checkpoint_folder(self.folder, found[-1])
        self.done = Standing(**json.loads((folder / checkpoint.STATE).read_text()))
        checkpoint.read_weights(folder / checkpoint.WEIGHTS, self.network)
        self._best = load_file(str(folder / BEST), device=str(self.device))
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in load_file(str(folder / checkpoint.OPTIMIZER_TENSORS)).items():
            row, _, name = key.partition(".")
            state.setdefault(int(row), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})
        self.observer.tell("resume", f"{self.name}: goes on after epoch {self.done.epoch}")


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[np.random.Generator]:
    """Generators of one epoch's own: torch's while inside, and numpy's."""
    draw = np.random.default_rng([seed, epoch])
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        torch.manual_seed(int(draw.integers(1 << 62)))
        yield draw
