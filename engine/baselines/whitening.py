"""Whitened text vectors: item vectors moved to their mean and stretched until every direction is equally wide.

Text vectors share most of their direction, and a few directions have most of the variance (Huang et al. 2021;
WhitenRec, Zhang et al. 2024). ZCA and PCA whitening differ by a rotation, which changes no cosine: this is ZCA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

VECTOR_STEP = 2.0**22  # vectors about their mean are rounded to multiples of its inverse
MATRIX_BITS = 23  # of the largest entry of the matrix, whose entries are multiples of one power of two
ROWS_AT_ONCE = 16_384
COVARIANCE_ROWS = 65_536  # 200 MB in fp64 at 384 dimensions


@dataclass(frozen=True)
class Whitening:
    """x -> (x − mean) · matrix, of unit length; mean float32 [D], matrix float32 [D, D].

    Both factors are rounded to multiples of powers of two, so that the sums are exact in fp64 in any order (unit
    vectors of up to 16,384 dimensions): the bits of a vector depend on no library, block or thread.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Unit vectors float32 [N, D] -> [N, D]; what is left of a vector at the mean is zeros."""
        found = np.empty(vectors.shape, np.float32)
        matrix = self.matrix.astype(np.float64)
        for start in range(0, len(vectors), ROWS_AT_ONCE):
            part = vectors[start : start + ROWS_AT_ONCE].astype(np.float64) - self.mean
            moved = (np.rint(part * VECTOR_STEP) / VECTOR_STEP) @ matrix
            found[start : start + ROWS_AT_ONCE] = unit(moved)
        return found


def fit_whitening(vectors: np.ndarray, power: float, epsilon: float) -> tuple[Whitening, float]:
    """The whitening of unit vectors float32 [N, D], N ≥ 1, and how much of their covariance is shrunk.

    The eigenvalues of the covariance, over their mean, become (λ + epsilon)^−power/2. With fewer vectors than
    dimensions the covariance is drawn towards the identity, as much as Ledoit and Wolf's estimate says (0 to 1).
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(vectors), COVARIANCE_ROWS):
        centred = vectors[start : start + COVARIANCE_ROWS].astype(np.float64) - mean
        covariance += centred.T @ centred
    covariance /= len(vectors)
    scale = np.trace(covariance) / len(covariance)
    if scale == 0.0:  # one vector, or copies of one
        return Whitening(mean, np.eye(len(mean), dtype=np.float32)), 1.0
    covariance /= scale
    shrunk = 0.0
    if len(vectors) < len(mean):
        from sklearn.covariance import ledoit_wolf_shrinkage

        centred = vectors.astype(np.float64) - mean
        shrunk = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
        covariance = (1 - shrunk) * covariance + shrunk * np.eye(len(mean))
    values, directions = np.linalg.eigh(covariance)
    stretched = np.maximum(np.maximum(values, 0.0) + epsilon, np.finfo(np.float32).tiny) ** (-power / 2)
    matrix = (directions * stretched) @ directions.T
    step = 2.0 ** (np.ceil(np.log2(np.abs(matrix).max())) - MATRIX_BITS)
    return Whitening(mean, (np.rint(matrix / step) * step).astype(np.float32)), shrunk


class WhitenedFeatures(nn.Module):
    """Text vectors of items as a network reads them: whitened, float32 [I, F], of unit length.

    The whitening is stored with the network's weights; the vectors are made again when those are read.
    """

    mean: Tensor
    matrix: Tensor
    vectors: Tensor

    def __init__(self, features: np.ndarray, power: float, epsilon: float) -> None:
        """features: unit vectors float32 [I, F]; the others as of `fit_whitening`."""
        super().__init__()
        self._features, self._power, self._epsilon = features, power, epsilon
        width = features.shape[1]
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.eye(width))
        self.register_buffer("vectors", torch.tensor(features, dtype=torch.float32), persistent=False)
        self.register_load_state_dict_post_hook(_whiten_again)

    def fit(self, known: np.ndarray) -> float:
        """Whiten by the items `known` (int [N]), and how much their covariance was shrunk."""
        whitening, shrunk = fit_whitening(self._features[np.unique(known)], self._power, self._epsilon)
        self.mean.copy_(torch.from_numpy(whitening.mean))
        self.matrix.copy_(torch.from_numpy(whitening.matrix))
        self.whiten()
        return shrunk

    def whiten(self) -> None:
        """Make the vectors by the mean and the matrix as they are now."""
        whitening = Whitening(self.mean.cpu().numpy(), self.matrix.cpu().numpy())
        self.vectors.copy_(torch.from_numpy(whitening(self._features)))


def _whiten_again(module: nn.Module, *keys: Any) -> None:
    assert isinstance(module, WhitenedFeatures)
    module.whiten()


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0.0, 1.0, lengths)).astype(np.float32)
