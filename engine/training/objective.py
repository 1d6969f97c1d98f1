"""What is minimised: a batch's distinct texts through the model, and the loss of its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from engine.training.batch_loader import Batch
from engine.training.forward import cached, embed, evaluating
from engine.training.loss import CatalogueSoftmax, make_loss
from engine.training.recipe import PhaseSettings

TEXTS_AT_ONCE = 4_096  # of a bank: few enough that their padded tokens are small, enough to be of like length


class Objective(torch.nn.Module):
    """The loss of a batch under a phase's settings. A module that holds the model, as the trainer wants its loss.

    bank: for the loss `catalogue`, the vectors that `encoded` gave last.
    """

    def __init__(self, model: Any, settings: PhaseSettings) -> None:
        super().__init__()
        self.model = model
        self.bank: Sequence[Tensor] = ()
        self._loss = make_loss(settings.loss, settings.scale)
        self._cached = settings.cached
        self._pad = model.tokenizer.pad_token_id or 0
        self._micro_tokens = settings.micro_tokens

    def forward(
        self, batch: Batch, model: Any = None, *, alone: bool = False, bank: Sequence[Tensor] | None = None
    ) -> Tensor:
        """A scalar to run backward. model: the wrapper to go through, or another model of the same kind.

        `alone` leaves the other processes out of it, and never caches gradients. bank: another than this one's.
        """
        pairs = len(batch)

        def objective(vectors: Tensor) -> Tensor:
            anchors, positives = vectors[:pairs], vectors[pairs:]
            if isinstance(self._loss, CatalogueSoftmax):
                compared = self.bank if bank is None else bank
                return self._loss(anchors, positives, batch.rivals, compared, gather=not alone)
            return self._loss(anchors, positives, batch.allowed, batch.allowed_back, gather=not alone)

        rows = np.concatenate([batch.anchor, batch.positive])
        through = self.model if model is None else model
        way = self._way()
        if self._cached and not alone:
            return cached(through, batch.texts, rows, objective, **way)
        return objective(embed(through, batch.texts, rows, **way))

    def encoded(self, batch: Batch, model: Any = None) -> tuple[Tensor, ...]:
        """The items that the targets of a batch's phase compete with as the model is now, in evaluation mode.

        Unit vectors fp32 [R, D] for each dataset, without gradient; each distinct text is encoded once.
        """
        through = self.model if model is None else model
        way = self._way()
        texts = np.unique(np.concatenate([catalogue.texts for catalogue in batch.catalogues]))
        by_length = np.argsort(batch.texts.lengths[texts], kind="stable")
        vectors: Tensor | None = None
        with evaluating(through), torch.no_grad():
            for start in range(0, len(texts), TEXTS_AT_ONCE):
                places = by_length[start : start + TEXTS_AT_ONCE]
                found = normalize(embed(through, batch.texts, texts[places], **way), dim=1)
                if vectors is None:
                    vectors = found.new_empty(len(texts), found.shape[1])
                vectors[torch.from_numpy(places).to(found.device)] = found
        torch.clear_autocast_cache()  # as in `cached`: weights rounded without a graph must not serve graphs later
        assert vectors is not None
        rows = [np.searchsorted(texts, catalogue.texts) for catalogue in batch.catalogues]
        return tuple(vectors[torch.from_numpy(own).to(vectors.device)] for own in rows)

    def _way(self) -> dict[str, Any]:
        return {"pad_id": self._pad, "device": self.model.device, "micro_tokens": self._micro_tokens}
