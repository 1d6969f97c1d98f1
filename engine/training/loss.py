"""What a batch of embedded pairs costs: losses, and the table in which a recipe finds them.

A loss sees vectors and which of them may be negatives; how pairs were drawn, batched or embedded is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from engine.training.catalogue import Rivals
from engine.training.recipe import CATALOGUE
from store.errors import unknown


class Loss(Protocol):
    """A callable like `SymmetricRanking.__call__`."""

    def __call__(
        self,
        anchors: Tensor,
        positives: Tensor,
        allowed: Tensor | None = None,
        allowed_back: Tensor | None = None,
        *,
        gather: bool = True,
    ) -> Tensor: ...


@dataclass(frozen=True)
class SymmetricRanking:
    """Symmetric multiple-negatives ranking: each anchor finds its positive in the batch, and the other way round.

    Cosine × `scale` (the inverse temperature) are the logits; the loss is the mean of the two directions' mean
    cross-entropies. It is sentence-transformers' `MultipleNegativesRankingLoss` with directions `query_to_doc` and
    `doc_to_query`, one softmax per direction (thesis 4.4.1; Günther et al. 2024), with false negatives left out.
    """

    scale: float = 20.0

    def __call__(
        self,
        anchors: Tensor,
        positives: Tensor,
        allowed: Tensor | None = None,
        allowed_back: Tensor | None = None,
        *,
        gather: bool = True,
    ) -> Tensor:
        """The loss of pairs (anchors[i], positives[i]), both [b, D], as a scalar, fp32 at least even under autocast.

        `allowed` bool [b, B]: may positive j be a negative for anchor i; None allows all. A pair's own positive always
        takes part. `allowed_back` bool [b, B]: may anchor j be a negative for positive i; in one process the
        transposed `allowed` where it is None.

        In several processes (with `gather`) every process brings equally many pairs b, B = b × processes, and the
        columns are the pairs of process 0, then of process 1, and so on. The value is the mean over this process' b
        pairs: the mean over processes of values and of gradients (what DDP does) is that of the joint batch.
        `gather=False` where one process computes alone, for instance a validation loss.
        """
        gathered = gather and _processes() > 1
        with torch.autocast(anchors.device.type, enabled=False):
            anchors, positives = _unit(anchors), _unit(positives)  # [b, D] each
            if not gathered:
                if allowed_back is None and allowed is not None:
                    allowed_back = allowed.T
                forward = self._direction(anchors, positives, allowed, 0)
                return (forward + self._direction(positives, anchors, allowed_back, 0)) / 2
            if (allowed is None) != (allowed_back is None):
                raise ValueError("across processes, allowed and allowed_back are given together")
            from sentence_transformers.util import all_gather_with_grad

            offset = torch.distributed.get_rank() * len(anchors)
            # One collective for both sides.
            joined = all_gather_with_grad(torch.cat([anchors, positives], dim=1))  # [b, 2 D] -> [B, 2 D]
            all_anchors, all_positives = joined.chunk(2, dim=1)
            forward = self._direction(anchors, all_positives, allowed, offset)
            return (forward + self._direction(positives, all_anchors, allowed_back, offset)) / 2

    def _direction(self, queries: Tensor, candidates: Tensor, allowed: Tensor | None, offset: int) -> Tensor:
        """Cross-entropy of each query's own candidate, the one at `offset` + its row, among those allowed."""
        logits = queries @ candidates.T * self.scale  # [b, D] · [B, D]ᵀ -> [b, B]
        own = torch.arange(offset, offset + len(queries), device=queries.device)  # [b]
        if allowed is not None:
            masked = ~allowed.to(logits.device)
            masked[torch.arange(len(queries), device=queries.device), own] = False
            logits = logits.masked_fill(masked, -torch.inf)
        return cross_entropy(logits, own)


@dataclass(frozen=True)
class CatalogueSoftmax:
    """Each anchor finds its target among all items: a softmax over cosines × `scale`.

    Items that are the target of a pair of the batch are compared as they are encoded in this step, with gradient. All
    others come from a bank, encoded some steps ago; no gradient reaches them.
    """

    scale: float = 20.0

    def __call__(
        self,
        anchors: Tensor,
        positives: Tensor,
        rivals: Sequence[Rivals],
        bank: Sequence[Tensor],
        *,
        gather: bool = True,
    ) -> Tensor:
        """The mean cross-entropy of pairs (anchors[i], positives[i]), both [b, D], as a scalar, fp32 at least.

        rivals: what they compete with, dataset by dataset. bank: unit vectors [R, D] of the items of each dataset. In
        several processes (with `gather`) the positives of all of them are compared with, in the order of the
        processes, each of which has the whole bank; the mean over processes is the value of the joint batch.
        """
        with torch.autocast(anchors.device.type, enabled=False):
            anchors, positives = _unit(anchors), _unit(positives)
            if gather and _processes() > 1:
                from sentence_transformers.util import all_gather_with_grad

                positives = all_gather_with_grad(positives)  # [b, D] -> [B, D]
            return torch.cat([self._among(anchors, positives, bank[part.dataset], part) for part in rivals]).mean()

    def _among(self, anchors: Tensor, positives: Tensor, bank: Tensor, part: Rivals) -> Tensor:
        """Cross-entropies [a] of the pairs of one dataset."""

        def on_device(indices: np.ndarray) -> Tensor:
            return torch.from_numpy(indices).to(anchors.device)

        queries, own = anchors[on_device(part.anchors)] * self.scale, on_device(part.own)
        live = queries @ positives[on_device(part.live)].T  # [a, D] · [T, D]ᵀ -> [a, T]
        stale = queries @ bank[on_device(part.rows)].T + math.log(part.share)  # [a, D] · [n, D]ᵀ -> [a, n]
        logits = torch.cat([live, stale], dim=1)
        masked = torch.zeros_like(logits, dtype=torch.bool)
        rows, columns = on_device(part.masked)
        masked[rows, columns] = True
        masked[torch.arange(len(own), device=own.device), own] = False
        return cross_entropy(logits.masked_fill(masked, -torch.inf), own, reduction="none")


# By the name that a recipe gives; each is made with the recipe's scale.
LOSSES: dict[str, Callable[[float], Loss | CatalogueSoftmax]] = {
    "symmetric-ranking": SymmetricRanking,
    CATALOGUE: CatalogueSoftmax,
}


def make_loss(name: str, scale: float) -> Loss | CatalogueSoftmax:
    """The loss of this name; `BadInput` with the nearest names if it does not exist."""
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name](scale)


def _unit(vectors: Tensor) -> Tensor:
    return normalize(vectors.to(torch.promote_types(vectors.dtype, torch.float32)), dim=1)


def _processes() -> int:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    return 1
