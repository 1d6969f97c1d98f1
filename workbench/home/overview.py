"""What Home shows, read from the store in one go."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store import jobs as job_store
from store import models as model_store
from store.enums import Seen, Slice
from store.errors import Problem
from store.rows import Dataset, Evaluation, Job, Metric, Model
from store.workspace import Workspace

HEADLINE = "ndcg@10"
NEWEST = 200  # evaluations listed; more make the first paint wait for rows that are never scrolled to

T = TypeVar("T")


@dataclass(frozen=True)
class Headline:
    """One evaluation with its headline metric, seen items masked and kept; None where it was not stored."""

    evaluation: Evaluation
    masked: Metric | None
    kept: Metric | None


@dataclass(frozen=True)
class Overview:
    """Everything in a workspace, by name and number; `jobs` are unfinished, `problems` what could not be read."""

    exists: bool
    datasets: tuple[Dataset, ...] = ()
    models: tuple[Model, ...] = ()
    newest: tuple[Headline, ...] = ()
    evaluations: int = 0
    evaluated: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    jobs: tuple[Job, ...] = ()
    problems: tuple[str, ...] = ()


def read_overview(workspace: Workspace) -> Overview:
    """Read all parts; one that is broken is named among the problems and leaves the others standing."""
    if not workspace.exists():
        return Overview(exists=False)
    problems: list[str] = []
    found_datasets: list[Dataset] = []
    found_models: list[Model] = []
    found: list[Evaluation] = []
    newest: list[Headline] = []
    found_jobs: list[Job] = []
    with workspace.read() as db:
        found_datasets = _part(problems, "datasets", lambda: dataset_store.datasets(db), found_datasets)
        found_models = _part(problems, "models", lambda: model_store.models(db), found_models)
        found = _part(problems, "evaluations", lambda: evaluation_store.evaluations(db), found)
        newest = _part(problems, "metrics", lambda: _headlines(db, found[::-1][:NEWEST]), newest)
        found_jobs = _part(problems, "jobs", lambda: job_store.unfinished(db), found_jobs)
    return Overview(
        exists=True,
        datasets=tuple(found_datasets),
        models=tuple(found_models),
        newest=tuple(newest),
        evaluations=len(found),
        evaluated=frozenset((e.model, e.dataset) for e in found),
        jobs=tuple(found_jobs),
        problems=tuple(problems),
    )


def _headlines(db: sqlite3.Connection, newest: list[Evaluation]) -> list[Headline]:
    def by_evaluation(seen: Seen) -> dict[int, Metric]:
        rows = evaluation_store.slice_metrics(db, newest, slice_name=Slice.ALL, metric=HEADLINE, seen=seen)
        return {row.evaluation.id: row.metric for row in rows}

    masked, kept = by_evaluation(Seen.MASK), by_evaluation(Seen.KEEP)
    return [Headline(e, masked.get(e.id), kept.get(e.id)) for e in newest]


def _part(problems: list[str], name: str, read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except (Problem, ValueError, KeyError, TypeError) as error:
        problems.append(f"The {name} cannot be read: {error}")
        return otherwise
