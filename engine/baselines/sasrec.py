"""SASRec: every item has a learned vector (Kang and McAuley 2018; thesis 3.5 and B.1)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engine.baselines.network import SequenceNetwork
from engine.baselines.sequence_model import SequenceScoring, fit_network
from engine.baselines.settings import SasRecSettings
from engine.baselines.trained import Fitted, Fitting
from engine.baselines.transformer import SPREAD
from engine.scoring import Opening, Scoring


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


def fit(given: Fitting) -> Fitted:
    """Of `sasrec`."""
    return fit_network(given, _make)


def scoring(given: Opening) -> Scoring:
    """Of `sasrec`."""
    return SequenceScoring(given, _make)


def _make(settings: SasRecSettings, items: int, features: np.ndarray | None) -> SequenceNetwork:
    return SasRec(settings, items)
