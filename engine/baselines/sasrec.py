"""SASRec: every item has a learned vector (Kang and McAuley 2018; thesis 3.5 and B.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.baselines.body import SPREAD
from engine.baselines.network import SequenceNetwork
from engine.baselines.settings import SasRecSettings


class SasRec(SequenceNetwork):
    """Scores are products of the body's output and the items' answers, trained by cross-entropy over all items.

    An item's answer is a vector of its own: what a history reads and what comes next are not the same, and whoever has
    an item rarely chooses it again. With `tied` it is the vector that is read.
    An item that the train part lacks has vectors too, learned as a wrong answer only: it is ranked like any other,
    and an event with it is never dropped.
    """

    def __init__(self, settings: SasRecSettings, items: int) -> None:
        super().__init__(settings)
        shape = items, settings.hidden
        self.table = nn.Parameter(nn.init.normal_(torch.empty(shape), std=SPREAD))
        self.answers = None if settings.tied else nn.Parameter(nn.init.normal_(torch.empty(shape), std=SPREAD))

    def items(self) -> Tensor:
        return self.table

    def compared(self, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        return hidden, items if self.answers is None else self.answers[: len(items)]
