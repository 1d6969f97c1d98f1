"""SASRec: every item has a learned vector (Kang and McAuley 2018; thesis 3.5 and B.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.baselines.body import SPREAD
from engine.baselines.network import SequenceNetwork
from engine.baselines.settings import SasRecSettings


class SasRec(SequenceNetwork):
    """Scores are products of the body's output and the items' answers, trained by cross-entropy over all items.

    An item's answer is its vector and a learned difference, 0 at first: what a history reads and what comes next are
    not the same, and whoever has an item rarely chooses it again. `tied` leaves the difference out.
    An item that the train part lacks has vectors too, learned as a wrong answer only: it is ranked like any other,
    and an event with it is never dropped.
    """

    def __init__(self, settings: SasRecSettings, items: int) -> None:
        super().__init__(settings)
        self.table = nn.Parameter(torch.empty(items, settings.hidden))
        self.difference = None if settings.tied else nn.Parameter(torch.zeros(items, settings.hidden))
        nn.init.normal_(self.table, std=SPREAD)

    def items(self) -> Tensor:
        return self.table

    def compared(self, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        return hidden, items if self.difference is None else items + self.difference[: len(items)]
