"""Which items or users of each dataset come onto a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.projection.method import MOST
from store.errors import BadInput

EACH = 2_000  # points of each dataset where nothing is said: clusters are filled, and t-SNE takes a minute, not ten


def shares(sizes: Sequence[int], sample: int) -> list[int]:
    """How many points to draw from datasets of these sizes: `sample` in all, as evenly as they go; 0 for `EACH`.

    What a small dataset cannot give, the others give. `BadInput` where more than `MOST` are asked for.

    >>> shares([10, 100, 100], 90)
    [10, 40, 40]
    """
    if not 0 <= sample <= MOST:
        raise BadInput(f"--sample {sample}: allowed are 0 ({EACH:,} of each dataset) to {MOST:,} points.")
    left = sample or min(MOST, EACH * len(sizes))
    chosen = [0] * len(sizes)
    smallest_first = sorted(range(len(sizes)), key=lambda place: sizes[place])
    for done, place in enumerate(smallest_first):
        even = left // (len(sizes) - done)
        chosen[place] = min(sizes[place], even if sample else min(even, EACH))
        left -= chosen[place]
    return chosen


def draw(population: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of these ids, sorted; with one seed the smaller draw is part of the larger."""
    return np.sort(np.random.default_rng(seed).permutation(population)[:count])
