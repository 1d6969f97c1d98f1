"""What a sequence model trains on: each user's train part, cut into windows, in batches of little padding.

Every interaction but a user's first is a target exactly once; what precedes it in its window is what the model sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

POOL = 16  # batches that are sorted by length together: hardly any padding, and still mixed lengths from step to step
PADDING = 0  # any item will do: nothing that a causal model answers depends on what comes later


@dataclass(frozen=True)
class Windows:
    """W windows over items int32 [N]: window w reads items[first[w] : first[w] + length[w]], and the target of each of
    them is the item after it. first, length: int64 [W], length ≥ 1."""

    items: np.ndarray
    first: np.ndarray
    length: np.ndarray

    @property
    def targets(self) -> int:
        """How many targets there are in all."""
        return int(self.length.sum())


@dataclass(frozen=True)
class Batch:
    """ids int64 [B, L], filled up on the right with `PADDING`; places int64 [N], the real entries of the flattened
    ids; targets int64 [N], the item after each of them."""

    ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray


def cut(starts: np.ndarray, items: np.ndarray, window: int) -> Windows:
    """Windows of at most `window` items over users' sequences (starts int64 [U + 1], items int32 [N]).

    They are cut from the newest item on and do not overlap, so only a user's oldest window is shorter.
    """
    targets = np.maximum(np.diff(starts) - 1, 0)  # [U]
    counts = -(-targets // window)  # windows of each user
    user = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)  # 0 is the newest
    stop = targets[user] - number * window
    first = np.maximum(stop - window, 0)
    return Windows(items, starts[user] + first, stop - first)


def batches(windows: Windows, targets: int, draw: np.random.Generator) -> Iterator[Batch]:
    """All windows once, in random batches of about `targets` targets (at least one window), of similar lengths."""
    if not windows.targets:
        return
    order = draw.permutation(len(windows.first))
    pools = _cuts(windows.length[order], targets * POOL)
    found: list[np.ndarray] = []
    for pool in np.split(order, pools):
        pool = pool[np.argsort(windows.length[pool], kind="stable")]
        found += np.split(pool, _cuts(windows.length[pool], targets))
    for number in draw.permutation(len(found)):
        yield _batch(windows, found[number])


def padded(histories: Sequence[np.ndarray], window: int) -> tuple[np.ndarray, np.ndarray]:
    """The newest `window` items of each history: ids int64 [B, L] filled up on the right, and lengths int64 [B]."""
    newest = [history[-window:] for history in histories]
    lengths = np.array([len(history) for history in newest], np.int64)
    ids = np.full((len(newest), int(lengths.max(initial=1))), PADDING, np.int64)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = np.concatenate([np.zeros(0, np.int64), *newest])
    return ids, lengths


def _cuts(lengths: np.ndarray, targets: int) -> np.ndarray:
    """Where to cut so that each part has about `targets` targets."""
    return np.flatnonzero(np.diff((np.cumsum(lengths) - 1) // targets)) + 1


def _batch(windows: Windows, rows: np.ndarray) -> Batch:
    first, lengths = windows.first[rows], windows.length[rows]
    real = np.arange(int(lengths.max())) < lengths[:, None]  # [B, L]
    source = (first[:, None] + np.arange(real.shape[1]))[real]
    ids = np.full(real.shape, PADDING, np.int64)
    ids[real] = windows.items[source]
    return Batch(ids, np.flatnonzero(real), windows.items[source + 1].astype(np.int64))
