"""Adds maps to a small workspace: points in known places, with neighbours that can be checked by hand."""

from __future__ import annotations

import numpy as np

from store.datasets import dataset
from store.models import model
from store.projections import add_projection
from store.rows import Points, Projection
from store.workspace import Workspace

KEPT = 15


def add_map(
    workspace: Workspace,
    names: tuple[str, ...] = ("movielens-small", "shop-garden"),
    *,
    scorer: str = "only",
    kind: str = "items",
    method: str = "tsne",
    seed: int = 0,
    each: int = 40,
    xy: np.ndarray | None = None,
) -> Projection:
    """`each` of every dataset, in a cloud of their own; the neighbours of a point are the next ones by number."""
    draw = np.random.default_rng(seed)
    with workspace.write() as db:
        own = [dataset(db, name) for name in names]
        counts = [min(each, one.items if kind == "items" else one.users) for one in own]
        of = np.repeat(np.arange(len(own), dtype=np.int32), counts)
        row = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
        if xy is None:
            xy = draw.normal(size=(len(row), 2)) + 8 * np.column_stack((of, of % 2))
        near = (np.arange(len(row))[:, None] + np.arange(1, KEPT + 1)) % len(row)
        return add_projection(
            db,
            key=f"{scorer} {kind} {method} {seed} {each} {names}",
            model=model(db, scorer),
            kind=kind,
            method=method,
            datasets={one.name: one.fingerprint for one in own},
            parameters={
                "perplexity": 30.0,
                "learning-rate": None,
                "iterations": 1000,
                "library": "scikit-learn 1.7",
                "sample": dict(zip(names, counts, strict=True)),
                "item_text": "title",
            },
            quality={
                "neighbours": 10, "of": len(row), "trustworthiness": 0.971, "silhouette": 0.124,
                "silhouette_map": 0.312, "purity": 0.93, "purity_map": 0.951, "purity_chance": 0.49,
            },
            seed=seed,
            points=Points(of, row, xy.astype(np.float32), near.astype(np.int32)),
            seconds=12.0,
            device="cpu",
            code_version="test",
        )  # fmt: skip
