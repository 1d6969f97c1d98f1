"""From a request to a stored map: draw, encode, find neighbours, lay out, measure, store."""

from __future__ import annotations

import sqlite3
from time import monotonic

import numpy as np

from engine import __version__
from engine.encoding.device import Precision
from engine.encoding.encoder import Encoder
from engine.models import open_encoder, open_model
from engine.progress import Observer
from engine.projection.layout import Neighbourhood, lay_out
from engine.projection.method import Method
from engine.projection.neighbours import nearest
from engine.projection.quality import NEIGHBOURS, quality
from engine.projection.request import Plan, ProjectionRequest, described, plan, projection_key
from engine.projection.vectors import Sampled, sampled
from store.errors import Cancelled
from store.projections import add_projection, find_projection
from store.rows import Model, Points, Projection
from store.workspace import Workspace

KEPT_NEIGHBOURS = 15  # of each point, for those who look at one: a screenful


def project(workspace: Workspace, request: ProjectionRequest, observer: Observer) -> Projection:
    """The map of this request: found in the store, or made and stored.

    Vectors are stored as they are made, so an interrupted run goes on where it stopped. `Cancelled` between stages
    if it was requested; `BadInput` as `plan`.
    """
    chosen = plan(workspace, request)
    model = open_model(workspace, request.model, device=request.device, precision=request.precision)
    found = _stored(workspace, request, chosen, model)
    if found is not None:
        return found
    encoder = open_encoder(workspace, model, device=request.device, precision=request.precision)
    key = projection_key(request, chosen, model, encoder.precision)
    with workspace.lock(f"projection-{key}"), workspace.write() as db:
        # Another process may have made it while this one waited.
        return find_projection(db, key) or _make(db, key, request, chosen, model, encoder, observer)


def _make(
    db: sqlite3.Connection,
    key: str,
    request: ProjectionRequest,
    chosen: Plan,
    model: Model,
    encoder: Encoder,
    observer: Observer,
) -> Projection:
    started, template = monotonic(), request.text_format.of(model)
    parts: list[Sampled] = []
    for dataset, count in zip(chosen.datasets, chosen.counts, strict=True):
        parts.append(sampled(db, encoder, template, dataset, request.kind, count, request.seed, observer.progress))
    vectors = np.concatenate([part.vectors for part in parts])
    of = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.row) for part in parts])
    _begin(observer, "finding neighbours")
    near = Neighbourhood(*nearest(vectors, min(len(vectors) - 1, _reach(request.method, chosen))))
    _begin(observer, f"laying out by {request.method}")
    layout = lay_out(request.method, vectors, near, chosen.parameters, request.seed, encoder.device.type)
    _begin(observer, "measuring")
    categories = [category for part in parts for category in part.categories]
    numbers = quality(vectors, layout.xy, near.indices, of, categories, request.seed)
    _begin(observer, "storing")
    return add_projection(
        db,
        key=key,
        model=model,
        kind=request.kind,
        method=request.method,
        datasets=chosen.fingerprints,
        parameters=described(chosen, template, encoder.precision, layout.library) | encoder.prompts.document(),
        quality=numbers,
        seed=request.seed,
        points=Points(of, np.concatenate([part.row for part in parts]), layout.xy, _kept(near.indices)),
        seconds=monotonic() - started,
        device=encoder.device_name,
        code_version=__version__,
    )


def _reach(method: Method, chosen: Plan) -> int:
    """How many neighbours of each point are needed: the largest number that any step uses."""
    umap = int(chosen.parameters["neighbours"] or 0) - 1 if method is Method.UMAP else 0
    return max(KEPT_NEIGHBOURS, NEIGHBOURS, umap)


def _kept(indices: np.ndarray) -> np.ndarray:
    """The first neighbours, int32 [N, 15], −1 where there are fewer."""
    kept = indices[:, :KEPT_NEIGHBOURS]
    return np.pad(kept, ((0, 0), (0, KEPT_NEIGHBOURS - kept.shape[1])), constant_values=-1)


def _begin(observer: Observer, stage: str) -> None:
    if observer.stop():
        raise Cancelled("Cancelled on request. The vectors computed so far are kept.")
    observer.progress(stage, 0, 0)


def _stored(workspace: Workspace, request: ProjectionRequest, chosen: Plan, model: Model) -> Projection | None:
    """A stored map that answers the request; without a wish for a precision, either will do."""
    wanted = list(Precision) if request.precision == "auto" else [Precision(request.precision)]
    with workspace.read() as db:
        keys = (projection_key(request, chosen, model, precision) for precision in wanted)
        return next((found for key in keys if (found := find_projection(db, key)) is not None), None)
