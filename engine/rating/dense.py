"""The dense head on a user's and an item's vector (thesis 5.1.5; its sizes are published facts, not in the text)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from engine.progress import Observer
from engine.rating.predictor import DenseSettings
from engine.rating.ratings import Guesses, RatingSplits
from engine.rating.vectors import Pairs, Vectors
from engine.training import checkpoint
from store.errors import BadInput, Cancelled, Failed

BLOCKS = 3
NARROWING = (768, 512, 256, 128)
ROWS_AT_ONCE = 8_192  # ratings predicted together
BEST = "best.safetensors"


def head(width: int) -> nn.Sequential:
    """Three blocks of [Linear, ReLU, BatchNorm] of the input's width 2D; then 768, 512, 256, 128 with ReLU; then 1."""
    layers: list[nn.Module] = []
    for _ in range(BLOCKS):
        layers += [nn.Linear(width, width), nn.ReLU(), nn.BatchNorm1d(width)]
    for size in NARROWING:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 1))


def guess_by_dense(
    splits: RatingSplits,
    vectors: Vectors,
    settings: DenseSettings,
    *,
    seed: int,
    device: torch.device,
    folder: Path,
    observer: Observer,
) -> Guesses:
    """Train with mean squared error on ratings less their mean; the weights of the best validation RMSE are taken.

    A checkpoint after each epoch lies in `folder`: a run that ended early goes on from there, bit-exactly on a CPU.
    `Cancelled` where the observer asked to stop.
    """
    if len(splits.train) < 2:
        raise BadInput("dense needs two train ratings or more, since it normalises over a batch. Take ridge.")
    training = _Training(splits, vectors, settings, seed, device, folder)
    training.run(observer)
    summary = {"best_epoch": training.best_epoch, "epochs": training.epoch}
    return Guesses(training.guess(vectors.valid), training.guess(vectors.test), summary)


class _Training:
    """One training from its newest checkpoint on."""

    def __init__(
        self,
        splits: RatingSplits,
        vectors: Vectors,
        settings: DenseSettings,
        seed: int,
        device: torch.device,
        folder: Path,
    ) -> None:
        self._splits, self._vectors, self._settings = splits, vectors, settings
        self._seed, self._device, self._folder = seed, device, folder
        self._mean = float(splits.train.value.mean())
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._head = head(2 * vectors.train.users.shape[1]).to(device)
            self._best = head(2 * vectors.train.users.shape[1]).to(device)
        self._optimizer = torch.optim.AdamW(
            self._head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        steps = settings.epochs * -(-len(splits.train) // settings.batch)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, steps)
        self.epoch, self.best_epoch, self._rmse = 0, 0, float("inf")
        self._resume()

    def run(self, observer: Observer) -> None:
        """Epoch after epoch until the last one, or until `patience` of them have brought nothing."""
        settings = self._settings
        if self.epoch:
            observer.tell("resume", f"dense: goes on from epoch {self.epoch} of {settings.epochs}")
        while self.epoch < settings.epochs and self.epoch - self.best_epoch < settings.patience:
            observer.progress("dense", self.epoch, settings.epochs)
            loss = self._one_epoch(observer)
            self.epoch += 1
            rmse = self._splits.valid_rmse(self._guess(self._head, self._vectors.valid))
            if rmse < self._rmse:
                self._rmse, self.best_epoch = rmse, self.epoch
                self._best.load_state_dict(self._head.state_dict())
            self._keep()
            observer.record(self._folder.name, self.epoch, {"loss": loss, "validation rmse": rmse})
            observer.tell("validation", f"dense, epoch {self.epoch}: RMSE {rmse:.4f}")

    def guess(self, pairs: Pairs) -> np.ndarray:
        """What the best weights say of some ratings, float64 [N]."""
        return self._guess(self._best, pairs)

    def _one_epoch(self, observer: Observer) -> float:
        """The mean loss of an epoch; its order of ratings is drawn from the seed and its number."""
        order = np.random.default_rng([self._seed, self.epoch]).permutation(len(self._splits.train))
        batches = [order[start : start + self._settings.batch] for start in range(0, len(order), self._settings.batch)]
        total = 0.0
        self._head.train()
        for rows in batches:
            if observer.stop():
                raise Cancelled(
                    f"Stopped in epoch {self.epoch + 1} of {self._settings.epochs}; the same command goes on from the "
                    f"end of epoch {self.epoch}."
                )
            if len(rows) > 1:  # one rating alone cannot be normalised over
                total += self._step(rows) * len(rows)
            self._schedule.step()
        return total / len(order)

    def _step(self, rows: np.ndarray) -> float:
        features = torch.from_numpy(self._vectors.train.rows(rows)).to(self._device)
        truth = torch.from_numpy((self._splits.train.value[rows] - self._mean).astype(np.float32)).to(self._device)
        loss = nn.functional.mse_loss(self._head(features)[:, 0], truth)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._head.parameters(), self._settings.gradient_clip)
        self._optimizer.step()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise Failed(
                f"The loss became NaN or infinite in epoch {self.epoch + 1}. Try a smaller --set learning-rate=…."
            )
        return value

    @torch.inference_mode()
    def _guess(self, head: nn.Module, pairs: Pairs) -> np.ndarray:
        head.eval()
        parts = [np.zeros(0)]
        for start in range(0, len(pairs.item), ROWS_AT_ONCE):
            rows = torch.from_numpy(pairs.rows(slice(start, start + ROWS_AT_ONCE))).to(self._device)
            parts.append(head(rows)[:, 0].double().cpu().numpy() + self._mean)
        return np.concatenate(parts)

    def _keep(self) -> None:
        with checkpoint.PendingCheckpoint(self._folder, self.epoch) as part:
            checkpoint.write_weights(part / checkpoint.WEIGHTS, self._head)
            checkpoint.write_weights(part / BEST, self._best)
            checkpoint.write_optimizer(part, self._optimizer, self._schedule)
            state: dict[str, Any] = {"best_epoch": self.best_epoch, "rmse": self._rmse}
            (part / checkpoint.STATE).write_text(json.dumps(state))
        checkpoint.prune(self._folder, {self.epoch})

    def _resume(self) -> None:
        found = checkpoint.steps(self._folder)
        if not found:
            return
        kept = checkpoint.checkpoint_folder(self._folder, found[-1])
        checkpoint.read_weights(kept / checkpoint.WEIGHTS, self._head)
        checkpoint.read_weights(kept / BEST, self._best)
        checkpoint.read_optimizer(kept, self._optimizer, self._schedule)
        state = json.loads((kept / checkpoint.STATE).read_text())
        self.epoch, self.best_epoch, self._rmse = found[-1], int(state["best_epoch"]), float(state["rmse"])
