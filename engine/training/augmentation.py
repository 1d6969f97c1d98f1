"""Item crop, reorder and drop: the three changes of a history in sequence-sequence pretraining (thesis 4.4.1.2).

Each works on the positions 0 … n − 1 of a history. As in CL4SRec (Xie et al. 2022), the thesis' bound m ≤ share · n is
taken with m = ⌊share · n⌋. A history of one item stays as it is under all three; one of two stays under reorder with
the thesis' β = 0.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from store.errors import unknown

if TYPE_CHECKING:
    from engine.training.recipe import PhaseSettings

_ROUNDING = 1e-9  # 0.29 · 100 is 28.999… in floating point and means 29


def crop(n: int, share: float, draw: np.random.Generator) -> np.ndarray:
    """A continuous run of ⌊share · n⌋ positions (at least 1) from a random start, int64; 0 < share ≤ 1 (η)."""
    length = max(1, _part(n, share))
    start = int(draw.integers(n - length + 1))
    return np.arange(start, start + length)


def reorder(n: int, share: float, draw: np.random.Generator) -> np.ndarray:
    """All n positions, a continuous run of ⌊share · n⌋ of them shuffled, int64; 0 ≤ share ≤ 1 (β)."""
    length = _part(n, share)
    positions = np.arange(n)
    if length > 1:
        start = int(draw.integers(n - length + 1))
        draw.shuffle(positions[start : start + length])
    return positions


def drop(n: int, share: float, draw: np.random.Generator) -> np.ndarray:
    """The positions that stay, in order, when ⌊share · n⌋ random ones go, int64; 0 ≤ share < 1 (δ)."""
    gone = _part(n, share)
    if not gone:
        return np.arange(n)
    return np.sort(draw.permutation(n)[gone:])


AUGMENTATIONS: dict[str, Callable[[int, float, np.random.Generator], np.ndarray]] = {
    "crop": crop,
    "reorder": reorder,
    "drop": drop,
}


def augment(history: np.ndarray, settings: PhaseSettings, draw: np.random.Generator) -> np.ndarray:
    """The history changed by one of `settings.augmentations`, each as likely as the others.

    history: items [L], oldest first, L ≥ 1. The strengths are `settings.crop`, `.reorder` and `.drop`.
    """
    name = settings.augmentations[int(draw.integers(len(settings.augmentations)))]
    if name not in AUGMENTATIONS:
        raise unknown("augmentation", name, AUGMENTATIONS)
    share: float = getattr(settings, name)
    return history[AUGMENTATIONS[name](len(history), share, draw)]


def _part(n: int, share: float) -> int:
    return int(share * n + _ROUNDING)
