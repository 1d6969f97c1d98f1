"""The sequence encoder that SASRec and UniSRec share (Kang and McAuley 2018; thesis B.1): a causal Transformer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.baselines.settings import SasRecSettings

SPREAD = 0.02  # standard deviation of initial weights, as in BERT and the published SASRec
SMALLEST = 1e-12  # added to variances; item vectors start at a variance of 4e-4, so that torch's 1e-5 would show


class TransformerEncoder(nn.Module):
    """Turns the item vectors of a history into what should come next, for all its positions in one pass.

    Learned positions counted from the oldest item, post-norm, GELU. Position l depends on items 0 … l only, so what
    fills shorter histories up on the right changes nothing.
    """

    def __init__(self, settings: SasRecSettings) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.empty(settings.window, settings.hidden))
        self.norm = nn.LayerNorm(settings.hidden, SMALLEST)
        self.dropout = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(TransformerBlock(settings) for _ in range(settings.layers))
        nn.init.normal_(self.position, std=SPREAD)
        self.apply(_initialise)

    def forward(self, vectors: Tensor) -> Tensor:
        """[B, L, D] -> [B, L, D], L ≤ window."""
        hidden: Tensor = self.dropout(self.norm(vectors + self.position[: vectors.shape[1]]))
        for block in self.blocks:
            hidden = block(hidden)
        return hidden


class TransformerBlock(nn.Module):
    """Causal self-attention and two linear layers, each added to its input and normalised after that."""

    def __init__(self, settings: SasRecSettings) -> None:
        super().__init__()
        width = settings.hidden
        self.heads, self.share = settings.heads, settings.dropout
        self.projection = nn.Linear(width, 3 * width)  # queries, keys and values
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, SMALLEST)
        self.inner = nn.Linear(width, settings.inner)
        self.outer = nn.Linear(settings.inner, width)
        self.norm = nn.LayerNorm(width, SMALLEST)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.attention_norm(hidden + self.dropout(self.output(self._attended(hidden))))
        wide = F.gelu(self.inner(hidden))
        found: Tensor = self.norm(hidden + self.dropout(self.outer(wide)))
        return found

    def _attended(self, hidden: Tensor) -> Tensor:
        """[B, L, D] -> [B, L, D]"""
        split = self.projection(hidden).unflatten(-1, (3, self.heads, -1))  # [B, L, 3, heads, D / heads]
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        share = self.share if self.training else 0.0
        mixed = F.scaled_dot_product_attention(queries, keys, values, dropout_p=share, is_causal=True)
        return mixed.transpose(1, 2).flatten(2)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=SPREAD)
        nn.init.zeros_(module.bias)
