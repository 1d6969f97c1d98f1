"""What is minimised: a batch's distinct texts through the model, and the loss of its pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.training.batch_loader import Batch
from engine.training.forward import cached, embed
from engine.training.loss import Loss, make_loss
from engine.training.recipe import PhaseSettings


class Objective(torch.nn.Module):
    """The loss of a batch under a phase's settings. A module that holds the model, as the trainer wants its loss."""

    def __init__(self, model: Any, settings: PhaseSettings) -> None:
        super().__init__()
        self.model = model
        self._ranking: Loss = make_loss(settings.loss, settings.scale)
        self._cached = settings.cached
        self._pad = model.tokenizer.pad_token_id or 0
        self._micro_tokens = settings.micro_tokens

    def forward(self, batch: Batch, model: Any = None, *, alone: bool = False) -> Tensor:
        """A scalar to run backward. model: the wrapper to go through, or another model of the same kind.

        `alone` leaves the other processes out of it, and never caches gradients.
        """
        pairs = len(batch)

        def objective(vectors: Tensor) -> Tensor:
            anchors, positives = vectors[:pairs], vectors[pairs:]
            return self._ranking(anchors, positives, batch.allowed, batch.allowed_back, gather=not alone)

        rows = np.concatenate([batch.anchor, batch.positive])
        way = {"pad_id": self._pad, "device": self.model.device, "micro_tokens": self._micro_tokens}
        through = self.model if model is None else model
        if self._cached and not alone:
            return cached(through, batch.texts, rows, objective, **way)
        return objective(embed(through, batch.texts, rows, **way))
