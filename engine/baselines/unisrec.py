"""UniSRec: items are what experts make of their text vectors, without ids (Hou et al. 2022; thesis 3.5)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.baselines.network import SequenceNetwork
from engine.baselines.sequence_model import SequenceScoring, fit_network
from engine.baselines.settings import SasRecSettings, UniSRecSettings
from engine.baselines.trained import Fitted, Fitting
from engine.baselines.transformer import SPREAD
from engine.baselines.whitening import WhitenedFeatures
from engine.scoring import Opening, Scoring

ITEMS_AT_ONCE = 32_768  # through the experts; a larger catalogue is taken in parts, made again for the gradients
LEAST_NOISE = 0.01  # of the gates while training, as in the published code
POWER, EPSILON = 1.0, 0.01  # of the whitening: the defaults of `recency`


class UniSRec(SequenceNetwork):
    """Scores are cosines of the body's output and the items' adapted features, over a temperature in training.

    features float32 [I, F], of unit length, whitened if so set; they are no weights, and are read from the
    store again whenever needed.
    An item that the train part lacks is scored by its text like any other.
    """

    plain: Tensor

    def __init__(self, settings: UniSRecSettings, features: np.ndarray) -> None:
        super().__init__(settings)
        self.temperature = settings.temperature
        self.adaptor = Adaptor(settings, features.shape[1])
        whitened = settings.whitening == "zca"
        self.whitened = WhitenedFeatures(features, POWER, EPSILON) if whitened else None
        plain = None if whitened else torch.tensor(features, dtype=torch.float32)
        self.register_buffer("plain", plain, persistent=False)

    @property
    def features(self) -> Tensor:
        return self.plain if self.whitened is None else self.whitened.vectors

    def settle(self, known: np.ndarray) -> float:
        """Whiten, where that is set; centre and scale features as those of the `known` items ask for."""
        shrunk = self.whitened.fit(known) if self.whitened is not None else 0.0
        chosen = self.features[torch.from_numpy(np.unique(known)).to(self.features.device)]
        self.adaptor.centre.copy_(chosen.mean(dim=0))
        self.adaptor.scale.copy_((chosen - self.adaptor.centre).square().mean().clamp_min(1e-12).rsqrt())
        return shrunk

    def items(self) -> Tensor:
        if len(self.features) <= ITEMS_AT_ONCE:
            return self.adaptor(self.features)  # type: ignore[no-any-return]
        parts = self.features.split(ITEMS_AT_ONCE)
        if not torch.is_grad_enabled():
            return torch.cat([self.adaptor(part) for part in parts])
        return torch.cat([checkpoint(self.adaptor, part, use_reentrant=False) for part in parts])

    def compared(self, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        queries = F.normalize(hidden, dim=1)
        return queries / self.temperature if self.training else queries, F.normalize(items, dim=1)


def fit(given: Fitting) -> Fitted:
    """Of `unisrec`."""
    return fit_network(given, _make)


def scoring(given: Opening) -> Scoring:
    """Of `unisrec`."""
    return SequenceScoring(given, _make)


def _make(settings: SasRecSettings, items: int, features: np.ndarray | None) -> SequenceNetwork:
    assert isinstance(settings, UniSRecSettings)
    assert features is not None
    return UniSRec(settings, features)


class Adaptor(nn.Module):
    """A gated sum of experts W(dropout(x) − b), each a whitening of the features that is learned with the rest.

    The gates are a softmax; while training, noise is added before it, of a strength that is learned too. x are the
    features about their centre, with entries around 1: text vectors share most of their direction, and b alone is
    slow to find it.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, settings: UniSRecSettings, width: int) -> None:
        super().__init__()
        self.share_dropped = settings.feature_dropout
        self.experts = nn.Parameter(torch.empty(settings.experts, settings.hidden, width))
        self.shift = nn.Parameter(torch.zeros(settings.experts, width))  # b
        self.gate = nn.Parameter(torch.zeros(settings.experts, width))
        self.noise = nn.Parameter(torch.zeros(settings.experts, width))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))
        nn.init.normal_(self.experts, std=SPREAD)

    def forward(self, features: Tensor) -> Tensor:
        """[n, F] -> [n, D]"""
        features = (features - self.centre) * self.scale
        gates = features @ self.gate.T
        if self.training:
            strength = F.softplus(features @ self.noise.T) + LEAST_NOISE
            gates = gates + torch.randn_like(gates) * strength
        mix = gates.softmax(dim=1)
        moved = torch.einsum("kdf,kf->kd", self.experts, self.shift)  # W b, so that one product serves all experts
        read = thinned(features, self.share_dropped) if self.training else features
        wide = (read @ self.experts.flatten(0, 1).T).unflatten(1, moved.shape)  # W x, [n, K, D]
        return torch.einsum("nk,nkd->nd", mix, wide) - mix @ moved


def thinned(features: Tensor, share: float) -> Tensor:
    """`F.dropout`; on a CPU by a byte of chance an element, which meets the share to the next 256th.

    One draw of torch's generator serves eight elements: a draw for each took three times as long.
    """
    if features.device.type != "cpu":
        return F.dropout(features, share)
    kept = max(1, round(256 * (1 - share)))  # of the 256 values of a byte
    if kept == 256:
        return features
    draws = torch.empty(-(-features.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    chance = draws.view(torch.uint8)[: features.numel()].view(features.shape)
    return torch.where(chance < kept, features, 0.0).mul_(256 / kept)
