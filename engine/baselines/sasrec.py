"""SASRec: every item has a learned vector (Kang and McAuley 2018; thesis 3.5 and B.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.baselines.body import SPREAD
from engine.baselines.network import SequenceNetwork
from engine.baselines.settings import SasRecSettings


class SasRec(SequenceNetwork):
    """Scores are products of the body's output and the items' vectors, trained by cross-entropy over all items.

    An item that the train part lacks has a vector too, learned as a wrong answer only: it is ranked like any other,
    and an event with it is never dropped.
    """

    def __init__(self, settings: SasRecSettings, items: int) -> None:
        super().__init__(settings)
        self.table = nn.Parameter(torch.empty(items, settings.hidden))
        nn.init.normal_(self.table, std=SPREAD)

    def items(self) -> Tensor:
        return self.table
