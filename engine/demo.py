"""The demo: embedded films and a made-up shop, the first models, a trained one, and what they find. All is kept."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.evaluation import evaluate
from engine.ingest import IngestOptions, ingest
from engine.models import open_model
from engine.progress import Progress, silent
from engine.protocol import EvaluationOptions
from engine.reading import Reading
from engine.sources import movielens, synthetic
from engine.step_times import Times
from engine.text.sentences import HistoryFormat
from engine.training.recipe import load_recipe
from engine.training.request import TrainRequest
from store import datasets, evaluations
from store.records import Dataset, Evaluation, Item
from store.words import Seen, SplitKind
from store.workspace import Workspace

UNSTRUCTURED = "only, unstructured"  # without the markers, which the embedded backbone never learned
TEXT, POPULARITY, TRAINED = "only", "pop", "final"
RECIPE = "demo"
FILMS = "ml-100k"
SAMPLE = 1_000  # film histories fill the model's length: a thousand of them take half a minute on two cores
METRIC = "ndcg@10"
ENOUGH = 20  # events in a slice before the demo says anything about it


@dataclass(frozen=True)
class Run:
    """One line of the demo's table: a model under a template, on one dataset."""

    label: str
    dataset: str
    evaluation: Evaluation


RUNS = {
    POPULARITY: ("pop", Reading()),
    "pop-recent": ("pop-recent", Reading()),
    "last-item": ("last-item", Reading()),
    TEXT: ("only", Reading()),
    UNSTRUCTURED: ("only", Reading(HistoryFormat.UNSTRUCTURED)),
    TRAINED: (TRAINED, Reading()),
}


@dataclass(frozen=True)
class Shown:
    """One user: the end of their history, what they chose, and the best items of each model (seen ones left out)."""

    dataset: str
    user: str
    history: list[str]
    target: str
    lists: dict[str, list[tuple[Item, bool]]]
    places: dict[str, str]


@dataclass(frozen=True)
class Contrast:
    """A slice in which the text model and popularity differ: their means, and the events it holds."""

    dataset: str
    slice: str
    value: str
    n: int
    text: float
    popularity: float


def prepare(workspace: Workspace, times: Times, progress: Progress = silent) -> list[Dataset]:
    """Ingest MovieLens-100k (quantiles of time) and a synthetic shop of three domains."""
    found: list[Dataset] = []
    with times.step("reading the films"):
        raw = movielens.read(movielens.embedded_folder())
        found.append(ingest(workspace, raw, IngestOptions(name=FILMS, split=SplitKind.QUANTILE), progress))
    with times.step("making the shop"), TemporaryDirectory(prefix="st5-shop-") as folder:
        for raw in synthetic.read_shop(Path(folder), users=1_500, items=400, domains=3, seed=0):
            found.append(ingest(workspace, raw, IngestOptions(name=f"synthetic-{raw.domain}"), progress))
    return found


def training(workspace: Workspace, found: list[Dataset]) -> TrainRequest:
    """The variant `final` on all of it, from `only`, which is made where it is not there."""
    start = open_model(workspace, TEXT).name
    names = tuple(dataset.name for dataset in found)
    return TrainRequest(TRAINED, load_recipe(RECIPE), names, start, TRAINED, seed=0)


def run(workspace: Workspace, found: list[Dataset], times: Times, progress: Progress = silent) -> list[Run]:
    """Evaluate the first models and the trained one on every dataset."""
    made: list[Run] = []
    for label, (model, reading) in RUNS.items():
        options = EvaluationOptions(sample=SAMPLE, reading=reading)
        with times.step(f"evaluating {label.replace(',', '')}"):
            made += [
                Run(label, dataset.name, evaluate(workspace, model, dataset.name, options, progress))
                for dataset in found
            ]
    return made


def gains(db: sqlite3.Connection, made: list[Run]) -> dict[str, tuple[float, float]]:
    """For every dataset, the means of the untouched and of the trained encoder, seen items masked."""
    labels = {run.evaluation.id: run.label for run in made if run.label in (TEXT, TRAINED)}
    rows = evaluations.metric_rows(db, slice_name="all", metric=METRIC, seen=Seen.MASK)
    means = {(r.evaluation.dataset, labels[r.evaluation.id]): r.metric.mean for r in rows if r.evaluation.id in labels}
    return {name: (means[name, TEXT], means[name, TRAINED]) for name, label in means if label == TEXT}


def show_users(db: sqlite3.Connection, made: list[Run], k: int = 5) -> list[Shown]:
    """Three users: one of the films, and two of the shop."""
    names = list(dict.fromkeys(run.dataset for run in made))
    return [_shown(db, {run.label: run.evaluation for run in made if run.dataset == name}, k) for name in names[:3]]


def contrasts(db: sqlite3.Connection, made: list[Run]) -> list[Contrast]:
    """How the untouched text model and popularity compare in each slice, largest gain of text first."""
    labels = {run.evaluation.id: run.label for run in made if run.label in (TEXT, POPULARITY)}
    rows = [
        row
        for row in evaluations.metric_rows(db, metric=METRIC, seen=Seen.MASK)
        if row.evaluation.id in labels and row.metric.n >= ENOUGH
    ]
    means = {(labels[r.evaluation.id], r.evaluation.dataset, r.metric.slice, r.metric.value): r.metric for r in rows}
    found = [
        Contrast(dataset, slice_name, value, metric.n, metric.mean, means[POPULARITY, dataset, slice_name, value].mean)
        for (label, dataset, slice_name, value), metric in means.items()
        if label == TEXT and (POPULARITY, dataset, slice_name, value) in means
    ]
    return sorted(found, key=lambda c: c.popularity - c.text)


def _shown(db: sqlite3.Connection, by_label: dict[str, Evaluation], k: int) -> Shown:
    """The event that the text model ranks best: an example of what it can do, not of how often."""
    evaluation = by_label[TEXT]
    dataset = datasets.dataset(db, evaluation.dataset)
    better = evaluations.rank_column(db, evaluation, "better_masked")
    number = int(evaluations.rank_column(db, evaluation, "event")[int(better.argmin())])
    event = datasets.event(db, dataset.id, number)
    history = datasets.sequence(db, dataset.id, event.sequence).items[: event.length].tolist()
    lists: dict[str, list[tuple[Item, bool]]] = {}
    places: dict[str, str] = {}
    for name in (TEXT, POPULARITY):
        row = evaluations.rank_row(db, by_label[name], number)
        assert row is not None
        best = row.top_items_masked[0][:k].tolist()
        known = datasets.items_by_id(db, dataset.id, best)
        lists[name] = [(known[item], item == event.item) for item in best]
        places[name] = _place(int(row.better_masked[0]), int(row.tied_masked[0]))
    titles = datasets.items_by_id(db, dataset.id, [*history, event.item])
    return Shown(
        dataset=dataset.name,
        user=datasets.user_keys(db, dataset.id, [event.user])[event.user],
        history=[titles[item].title for item in history[-5:]],
        target=titles[event.item].title,
        lists=lists,
        places=places,
    )


def _place(better: int, tied: int) -> str:
    """The target's place in words: `12`, or `1 to 4` where others have the same score."""
    return str(better + 1) if tied == 0 else f"{better + 1} to {better + tied + 1} (equal scores)"
