"""Where a report's numbers come from: data, models, weights, evaluations, ratings and maps, each with its making."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.experiments.sheet import Cell, LineFigure, Outcome, PointFigure
from engine.published.thesis import edition_note
from engine.report.cells import NOTHING, PRINT_SHOWN
from engine.report.document import Listing
from store import datasets, evaluations, models, projections, ratings, trained_baselines
from store.enums import Split
from store.rows import Dataset, Evaluation, Model, Projection, RatingRun, TrainedBaseline


@dataclass(frozen=True)
class Sources:
    """The stored things that the shown numbers were made from, each in the order in which they were made."""

    datasets: list[Dataset]
    models: list[Model]
    baselines: list[TrainedBaseline]
    evaluations: list[Evaluation]
    ratings: list[RatingRun]
    projections: list[Projection]

    @property
    def date(self) -> str:
        """The moment of the newest result; of the newest dataset where there are only data. ISO 8601, "" for none."""
        results = (self.baselines, self.evaluations, self.ratings, self.projections)
        moments = [made.created for kind in results for made in kind]
        return max(moments or [dataset.created for dataset in self.datasets], default="")


def sources(db: sqlite3.Connection, outcomes: Iterable[Outcome]) -> Sources:
    """What the outcomes' cells and figures name, and what that was made from in turn."""
    outcomes = list(outcomes)
    keys = {cell.evaluation for outcome in outcomes for cell in cells(outcome)}
    maps = {figure.projection for o in outcomes for figure in o.figures if isinstance(figure, PointFigure)}
    shown = [evaluation for evaluation in evaluations.evaluations(db, every=True) if evaluation.key in keys]
    laid = [projection for projection in projections.projections(db) if projection.id in maps]
    names = {name for outcome in outcomes for sheet in outcome.sheets for name in sheet.fingerprints}
    names |= {evaluation.dataset for evaluation in shown} | {name for each in laid for name in each.datasets}
    rated = {
        name for o in outcomes for sheet in o.sheets if sheet.lower_is_better for name in sheet.fingerprints
    }  # only ratings are measured in errors
    runs = [run for run in ratings.rating_runs(db) if run.dataset in rated]
    used = {each.model for each in shown} | {each.model for each in laid} | {run.features for run in runs}
    stored = models.models(db)
    used |= {model.features for model in stored if model.name in used}
    used |= {model.backbone for model in stored if model.name in used}  # a model may start from another one
    return Sources(
        datasets=[each for each in (*datasets.datasets(db), *datasets.arrangements(db)) if each.name in names],
        models=[model for model in stored if model.name in used],
        baselines=[
            each for each in trained_baselines.trained_baselines(db) if each.model in used and each.dataset in names
        ],
        evaluations=shown,
        ratings=runs,
        projections=laid,
    )


def cells(outcome: Outcome) -> Iterator[Cell]:
    """Every cell of an outcome's tables and curves."""
    rows = [row.cells for sheet in outcome.sheets for row in sheet.rows]
    rows += [line.cells for figure in outcome.figures if isinstance(figure, LineFigure) for line in figure.lines]
    yield from (cell for row in rows for cell in row if cell is not None)


def provenance(stored: Sources) -> tuple[Listing, ...]:
    """A table for each kind of source that there is."""
    listings = (
        _datasets(stored.datasets),
        _files(stored.datasets),
        _models(stored.models),
        _baselines(stored.baselines),
        _evaluations(stored.evaluations),
        _ratings(stored.ratings),
        _projections(stored.projections),
    )
    return tuple(listing for listing in listings if listing.rows)


def _datasets(datasets: list[Dataset]) -> Listing:
    rows = [
        (
            f"{dataset.name} (synthetic)" if dataset.synthetic else dataset.name,
            dataset.platform,
            dataset.domain,
            str(dataset.split),
            *(f"{n:,}" for n in (dataset.users, dataset.items, dataset.interactions)),
            *(f"{dataset.events.get(split, 0):,}" for split in Split),
            dataset.fingerprint[:PRINT_SHOWN],
            edition_note(dataset) or NOTHING,
        )
        for dataset in datasets
    ]
    counts = ("users", "items", "interactions", "train", "valid", "test")
    heads = ("dataset", "platform", "domain", "split", *counts, "fingerprint", "beside the thesis")
    return Listing("datasets", "Datasets", heads, tuple(rows), right=counts)


def _files(datasets: list[Dataset]) -> Listing:
    rows = [
        (dataset.name, file["name"], f"{file['bytes']:,}", file["hash"][:PRINT_SHOWN], _moment(dataset.created))
        for dataset in datasets
        for file in dataset.source.get("files", [])
    ]
    heads = ("dataset", "file", "bytes", "hash", "read (UTC)")
    return Listing("files", "Files that the datasets were read from", heads, tuple(rows), right=("bytes",))


def _models(models: list[Model]) -> Listing:
    rows = [
        (
            model.name,
            model.variant,
            model.backbone or model.features or NOTHING,
            model.recipe.get("recipe", NOTHING),
            _trained_on(model),
            _or_nothing(model.seed),
            _seconds(sum(phase["seconds"] for phase in model.lineage)) if model.lineage else NOTHING,
            model.device or NOTHING,
            model.weights_hash[:PRINT_SHOWN],
            model.code_version,
            _moment(model.created),
        )
        for model in models
    ]
    heads = (
        "model", "variant", "backbone or features", "recipe", "trained on", "seed", "training", "device", "weights",
        "st5", "made (UTC)",
    )  # fmt: skip
    return Listing("models", "Models", heads, tuple(rows), right=("seed", "training"))


def _baselines(trained: list[TrainedBaseline]) -> Listing:
    rows = [
        (
            each.model,
            each.dataset,
            _facts(each.summary),
            _seconds(each.seconds),
            each.device,
            each.weights_hash[:PRINT_SHOWN],
            each.code_version,
            _moment(each.created),
        )
        for each in trained
    ]
    heads = ("baseline", "dataset", "training", "time", "device", "weights", "st5", "made (UTC)")
    return Listing("baselines", "Baselines trained on a dataset", heads, tuple(rows), right=("time",))


def _evaluations(evaluations: list[Evaluation]) -> Listing:
    rows = [
        (
            each.model,
            each.dataset,
            str(each.split),
            f"{each.n:,}",
            each.protocol_text,
            _seconds(each.seconds),
            each.device,
            _moment(each.created),
            each.key[:PRINT_SHOWN],
        )
        for each in evaluations
    ]
    heads = ("model", "dataset", "split", "events", "protocol", "time", "device", "made (UTC)", "key")
    return Listing("evaluations", "Evaluations", heads, tuple(rows), right=("events", "time"))


def _ratings(runs: list[RatingRun]) -> Listing:
    rows = [
        (
            run.name,
            run.dataset,
            f"{run.n:,}",
            str(run.seed),
            _facts(run.settings) or NOTHING,
            _seconds(run.seconds),
            run.device,
            run.code_version,
            _moment(run.created),
        )
        for run in runs
    ]
    heads = ("predictor", "dataset", "events", "seed", "settings", "time", "device", "st5", "made (UTC)")
    return Listing("ratings", "Rating predictors", heads, tuple(rows), right=("events", "seed", "time"))


def _projections(projections: list[Projection]) -> Listing:
    rows = [
        (
            each.model,
            f"{each.method} of {each.kind}",
            ", ".join(each.datasets),
            f"{each.n:,}",
            str(each.seed),
            _facts(each.parameters),
            _seconds(each.seconds),
            each.device,
            _moment(each.created),
        )
        for each in projections
    ]
    heads = ("model", "map", "datasets", "points", "seed", "parameters", "time", "device", "made (UTC)")
    return Listing("projections", "Maps", heads, tuple(rows), right=("points", "seed", "time"))


def _trained_on(model: Model) -> str:
    names = dict.fromkeys(name for phase in model.lineage for name in phase["datasets"])
    return ", ".join(names) or NOTHING


def _facts(values: dict[str, Any]) -> str:
    """`epochs 38, ndcg@10 0.0658`: what is a number or a word; lists and tables are left to `--json`."""
    plain = {key: value for key, value in values.items() if isinstance(value, int | float | str) and value != ""}
    return ", ".join(
        f"{key.replace('_', ' ')} {f'{value:.4g}' if isinstance(value, float) else value}"
        for key, value in plain.items()
    )


def _or_nothing(value: object) -> str:
    return NOTHING if value is None else str(value)


def _moment(iso: str) -> str:
    """A stored moment (ISO 8601, UTC) to the minute."""
    return iso[:16].replace("T", " ")


def _seconds(seconds: float) -> str:
    """`0.4 s`, `38 s`, `12,101 s`."""
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
