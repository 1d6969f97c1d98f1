"""The experiment over projections: maps, and how well the datasets separate in the original space and on them."""

from __future__ import annotations

from engine.experiments.context import ExperimentColumn, ExperimentContext
from engine.experiments.evaluations import fingerprints
from engine.experiments.sheet import Cell, PointFigure, Row, Sheet
from store.projections import projections
from store.rows import Projection

METHODS = {"tsne": "t-SNE", "umap": "UMAP"}


def stored_map(context: ExperimentContext, column: ExperimentColumn, kind: str, method: str) -> Projection | None:
    """The newest stored map of a column's model over the datasets of the question, of as many points, or None."""
    from engine.projection.sample import shares

    of = {dataset.name: dataset.items if kind == "items" else dataset.users for dataset in context.datasets}
    wanted = (column.models[0], kind, method, column.seeds[0], sum(shares(list(of.values()), context.sample)))
    there = [
        each
        for each in projections(context.db)
        if (each.model, each.kind, each.method, each.seed, each.n) == wanted and set(each.datasets) == set(of)
    ]
    return there[-1] if there else None


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """The quality numbers of all maps that are stored, a row for each."""
    there = _there(context)
    names = tuple(dict.fromkeys(name for projection in there for name in _numbers(projection)))
    rows = tuple(
        Row(
            (projection.model, projection.kind, METHODS.get(projection.method, projection.method)),
            tuple(_cell(projection, name) for name in names),
        )
        for projection in there
    )
    name, title = f"{context.definition.name}-quality", f"{context.definition.title}: quality"
    prints = fingerprints(context.datasets) if rows else {}
    return (Sheet(name, title, ("model", "of", "method"), names, rows, decimals=3, fingerprints=prints),)


def figures(context: ExperimentContext) -> tuple[PointFigure, ...]:
    """The maps."""
    return tuple(
        PointFigure(
            name=f"{context.definition.name}-{projection.model}-{projection.kind}-{projection.method}",
            title=f"{projection.kind} of {projection.model}, {METHODS.get(projection.method, projection.method)}",
            projection=projection.id,
            facts=(
                ("points", f"{projection.n:,}"),
                ("seed", str(projection.seed)),
                *((name, f"{value:.3f}") for name, value in _numbers(projection).items()),
            ),
        )
        for projection in _there(context)
    )


def _there(context: ExperimentContext) -> list[Projection]:
    every = (
        stored_map(context, column, kind, method)
        for kind in context.definition.maps
        for method in context.definition.methods
        for column in context.columns
    )
    return [projection for projection in every if projection is not None]


def _numbers(projection: Projection) -> dict[str, float]:
    """The quality numbers of a map that are known; counts are not among them."""
    return {name.replace("_", " "): value for name, value in projection.quality.items() if isinstance(value, float)}


def _cell(projection: Projection, name: str) -> Cell | None:
    value = _numbers(projection).get(name)
    return None if value is None else Cell(value, n=projection.n)
