"""Exact nearest neighbours among unit vectors, block by block."""

from __future__ import annotations

import numpy as np

BLOCK = 64 * 1024 * 1024 // 4  # similarities held at a time: 64 MiB


def nearest(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest others of each unit vector (float32 [N, D]) by cosine: indices int32 and similarities float32
    [N, count], nearest first, equally near ones in the order of their index; 1 ≤ `count` < N.
    """
    n = len(vectors)
    indices = np.empty((n, count), np.int32)
    similarities = np.empty((n, count), np.float32)
    step = max(1, BLOCK // n)
    for start in range(0, n, step):
        block = vectors[start : start + step] @ vectors.T  # [B, D] · [N, D]ᵀ -> [B, N]
        rows = np.arange(len(block))
        block[rows, start + rows] = -np.inf
        near = np.sort(np.argpartition(block, n - count, axis=1)[:, n - count :], axis=1)
        scores = np.take_along_axis(block, near, axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")
        indices[start : start + step] = np.take_along_axis(near, order, axis=1)
        similarities[start : start + step] = np.take_along_axis(scores, order, axis=1)
    return indices, similarities
