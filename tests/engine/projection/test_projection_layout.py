"""t-SNE and UMAP themselves: the same map twice, copies, very few points."""

from __future__ import annotations

import numpy as np
import pytest

from engine.projection.layout import Neighbourhood, lay_out
from engine.projection.method import Method, parameters
from engine.projection.neighbours import nearest

SHORT = {Method.TSNE: ["iterations=250"], Method.UMAP: ["epochs=20"]}


def groups(rows: int) -> np.ndarray:
    """Unit vectors in two groups, every third point a copy of the one before it."""
    draw = np.random.default_rng(0)
    centre = np.where(np.arange(rows)[:, None] < rows // 2, 3.0, -3.0) * np.ones(8)
    vectors = (centre + draw.standard_normal((rows, 8))).astype(np.float32)
    vectors[2::3] = vectors[1::3][: len(vectors[2::3])]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def laid_out(method: Method, vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    near = Neighbourhood(*nearest(vectors, min(15, len(vectors) - 1)))
    return lay_out(method, vectors, near, parameters(method, SHORT[method], len(vectors)), seed, "cpu").xy


EQUAL = np.tile(groups(1), (12, 1))


def check_groups(method: Method) -> None:
    vectors = groups(60)
    xy = laid_out(method, vectors)
    assert xy.shape == (60, 2)
    assert xy.dtype == np.float32
    assert np.array_equal(xy, laid_out(method, vectors))
    within = np.linalg.norm(xy[:30] - xy[:30].mean(axis=0), axis=1).mean()
    assert np.linalg.norm(xy[:30].mean(axis=0) - xy[30:].mean(axis=0)) > within


def test_tsne_gives_one_map_and_groups_stay_apart() -> None:
    check_groups(Method.TSNE)


@pytest.mark.parametrize("vectors", [groups(5), EQUAL], ids=["five points", "all equal"])
def test_when_there_is_hardly_anything_to_lay_out(vectors: np.ndarray) -> None:
    assert np.isfinite(laid_out(Method.TSNE, vectors)).all()


def test_umap_gives_one_map_of_many_points_of_five_and_of_equal_ones() -> None:
    check_groups(Method.UMAP)  # all in one test: the library compiles itself anew in each process
    assert not np.array_equal(laid_out(Method.UMAP, groups(60)), laid_out(Method.UMAP, groups(60), seed=1))
    for vectors in (groups(5), EQUAL):
        assert np.isfinite(laid_out(Method.UMAP, vectors)).all()
