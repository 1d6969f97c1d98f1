"""Numbers that say how far a map can be believed, in the original space and on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

NEIGHBOURS = 10
SAMPLE = 3_000  # points; silhouette and trustworthiness compare all with all


def quality(
    vectors: np.ndarray,
    xy: np.ndarray,
    near: np.ndarray,
    dataset: np.ndarray,
    categories: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """What a map keeps of the original space, and how well datasets and categories stand apart in both.

    vectors: unit, float32 [N, D]; place float32 [N, 2]; near int32 [N, ≥ K]: nearest others in the original space;
    dataset int32 [N]; categories [N], "" where unknown, several joined with `|`.

    neighbours: K, 10 or fewer for fewer than 21 points; trustworthiness in [0, 1] (Venna and Kaski 2001) and
    silhouette in [−1, 1], by cosine in the original space, over `of` points drawn with the seed; purity: the share of
    a point's K nearest that have its label, over all; `…_map` on the map; purity_chance: the purity of a random
    order. `category_…`: the same by category, over the `category_n` points that have exactly one. None where a number
    says nothing: one label only. Categories are left out where they are the datasets over again.
    """
    from sklearn.manifold import trustworthiness

    n = len(vectors)
    count = min(NEIGHBOURS, (n - 1) // 2)  # trustworthiness is defined for less than half of the points
    drawn = _drawn(n, seed)
    found: dict[str, Any] = {
        "neighbours": count,
        "of": len(drawn),
        "trustworthiness": float(
            trustworthiness(vectors[drawn], xy[drawn], n_neighbors=min(count, (len(drawn) - 1) // 2), metric="cosine")
        ),
    }
    beside = _on_map(xy, count)
    found |= _apart(vectors, xy, near[:, :count], beside, dataset, drawn)
    single = np.array([bool(name) and "|" not in name for name in categories])
    names = np.unique(np.array(categories, np.str_), return_inverse=True)[1]
    if len({*zip(dataset[single].tolist(), names[single].tolist(), strict=True)}) > len(np.unique(dataset)):
        label = np.where(single, names, -1)
        apart = _apart(vectors, xy, near[:, :count], beside, label, drawn)
        found |= {"category_n": int(single.sum())} | {f"category_{name}": value for name, value in apart.items()}
    return found


def _apart(
    vectors: np.ndarray,
    xy: np.ndarray,
    near: np.ndarray,
    beside: np.ndarray,
    label: np.ndarray,
    drawn: np.ndarray,
) -> dict[str, float | None]:
    """Silhouette and purity by label (int [N], −1 for none), in both spaces."""
    drawn = drawn[label[drawn] >= 0]
    sizes = np.unique(label[label >= 0], return_counts=True)[1]
    several = len(sizes) > 1
    return {
        "silhouette": _silhouette(vectors[drawn], label[drawn], "cosine"),
        "silhouette_map": _silhouette(xy[drawn], label[drawn], "euclidean"),
        "purity": _purity(near, label) if several else None,
        "purity_map": _purity(beside, label) if several else None,
        "purity_chance": float((sizes * (sizes - 1)).sum() / (sizes.sum() * (sizes.sum() - 1))) if several else None,
    }


def _silhouette(points: np.ndarray, label: np.ndarray, metric: str) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(label)) < len(label):
        return None
    return float(silhouette_score(points, label, metric=metric))


def _purity(near: np.ndarray, label: np.ndarray) -> float | None:
    """The share of labelled neighbours with the point's own label, over points with a label; every pair counts."""
    pairs = (label[:, None] >= 0) & (label[near] >= 0)
    return float((label[:, None] == label[near])[pairs].mean()) if pairs.any() else None


def _on_map(xy: np.ndarray, count: int) -> np.ndarray:
    """The nearest others on the map, int [N, count]."""
    from sklearn.neighbors import NearestNeighbors

    # Without points of its own to look up, the library leaves each point out of its neighbours.
    return np.asarray(NearestNeighbors(n_neighbors=count).fit(xy).kneighbors(return_distance=False))


def _drawn(n: int, seed: int) -> np.ndarray:
    return np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False))
