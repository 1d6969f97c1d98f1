"""Unit vectors laid out on a plane by t-SNE or UMAP; only a worker loads this."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from engine.projection.method import Method, Parameters
from store.errors import Failed

# Sums over threads are added up in the order in which these finish. Two can be added up in one way only, so with two
# a seed gives the same map every time.
THREADS = 2
FEW = 1_000  # points that one thread lays out sooner than two that wait for each other


@dataclass(frozen=True)
class MapLayout:
    """Where the points lie (float32 [N, 2]), and which library put them there."""

    xy: np.ndarray
    library: str


@dataclass(frozen=True)
class Neighbourhood:
    """The nearest others of each point: indices int32 and cosine similarities float32 [N, K], nearest first."""

    indices: np.ndarray
    similarities: np.ndarray


def lay_out(
    method: Method, vectors: np.ndarray, near: Neighbourhood, parameters: Parameters, seed: int, device: str
) -> MapLayout:
    """Lay unit vectors (float32 [N, D]) out; the same every time on one machine, except with cuML.

    near: at least as many neighbours as UMAP's `neighbours` less one, the point itself. device: a kind, `cpu` or
    `cuda`; on the latter cuML does the work where it is installed. `Failed` where a library gives no numbers.
    """
    fast = device == "cuda" and find_spec("cuml") is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of clusters that are far apart, of neighbours that were found before
        if fast:
            layout = MapLayout(_on_card(method, vectors, parameters, seed), f"cuml {version_of('cuml')}")
        elif method is Method.TSNE:
            layout = MapLayout(_tsne(vectors, parameters, seed), f"scikit-learn {version('scikit-learn')}")
        else:
            layout = MapLayout(_umap(vectors, near, parameters, seed), f"umap-learn {version('umap-learn')}")
    xy = np.ascontiguousarray(layout.xy, np.float32)
    if xy.shape != (len(vectors), 2) or not np.isfinite(xy).all():
        raise Failed(f"{method} ({layout.library}) gave places that are no numbers. Try another --seed or other --set.")
    return MapLayout(xy, layout.library)


def version_of(module: str) -> str:
    """The version that a module says of itself: its package is called differently for each CUDA."""
    from importlib import import_module

    return str(getattr(import_module(module), "__version__", "?"))


def _tsne(vectors: np.ndarray, parameters: Parameters, seed: int) -> Any:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    # Euclidean distances of unit vectors are in the order of cosine distances.
    tsne = TSNE(
        perplexity=parameters["perplexity"],
        early_exaggeration=parameters["early-exaggeration"],
        learning_rate=parameters["learning-rate"] or "auto",
        max_iter=parameters["iterations"],
        init="pca" if _spread(vectors) else "random",
        random_state=seed,
    )
    with threadpool_limits(1 if len(vectors) < FEW else THREADS):
        return tsne.fit_transform(vectors)


def _umap(vectors: np.ndarray, near: Neighbourhood, parameters: Parameters, seed: int) -> Any:
    from umap.umap_ import UMAP

    neighbours = int(parameters["neighbours"] or 0)
    itself = np.arange(len(vectors), dtype=np.int32)[:, None]
    indices = np.hstack((itself, near.indices[:, : neighbours - 1]))
    distances = np.hstack((np.zeros_like(itself, np.float32), 1 - near.similarities[:, : neighbours - 1])).clip(0)
    umap = UMAP(
        n_neighbors=neighbours,
        min_dist=parameters["min-dist"],
        n_epochs=parameters["epochs"],
        metric="cosine",
        init="spectral" if _spread(vectors) else "random",
        precomputed_knn=(indices, distances),
        random_state=seed,
        n_jobs=1,  # with a seed the library would say so itself
    )
    return umap.fit_transform(vectors)


def _on_card(method: Method, vectors: np.ndarray, parameters: Parameters, seed: int) -> Any:
    from cuml.manifold import TSNE, UMAP

    if method is Method.UMAP:
        umap = UMAP(
            n_neighbors=parameters["neighbours"],
            min_dist=parameters["min-dist"],
            n_epochs=parameters["epochs"],
            metric="cosine",
            random_state=seed,
            output_type="numpy",
        )
        return umap.fit_transform(vectors)
    perplexity = parameters["perplexity"] or 0
    rate = parameters["learning-rate"]
    tsne = TSNE(
        perplexity=perplexity,
        early_exaggeration=parameters["early-exaggeration"],
        max_iter=parameters["iterations"],
        n_neighbors=min(len(vectors) - 1, int(3 * perplexity + 1)),
        random_state=seed,
        output_type="numpy",
        **({} if rate is None else {"learning_rate": rate, "learning_rate_method": "none"}),
    )
    return tsne.fit_transform(vectors)


def _spread(vectors: np.ndarray) -> bool:
    """Whether the points differ, so that there is a direction to begin with."""
    return bool((vectors != vectors[0]).any())
