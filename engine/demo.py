"""The demo: embedded films and a made-up shop, the first models, and what they find. Everything is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from engine.evaluation import evaluate
from engine.ingest import IngestOptions, ingest
from engine.progress import Progress, silent
from engine.protocol import EvaluationOptions
from engine.sources import movielens, synthetic
from store import datasets, evaluations
from store.records import Dataset, Evaluation, Item, Seen, SplitKind
from store.workspace import Workspace

MODELS = ("pop", "pop-recent", "last-item", "only")
FILMS = "ml-100k"
SAMPLE = 1_000  # film histories fill the model's length: a thousand of them take half a minute on two cores
METRIC = "ndcg@10"
ENOUGH = 20  # events in a slice before the demo says anything about it


@dataclass
class Times:
    """Seconds per step, in the order of the steps."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + monotonic() - started


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


def run(workspace: Workspace, found: list[Dataset], times: Times, progress: Progress = silent) -> list[Evaluation]:
    """Evaluate the first models on every dataset."""
    options = EvaluationOptions(sample=SAMPLE)
    made: list[Evaluation] = []
    for model in MODELS:
        with times.step(f"evaluating {model}"):
            made += [evaluate(workspace, model, dataset.name, options, progress) for dataset in found]
    return made


def show_users(db: sqlite3.Connection, made: list[Evaluation], models: tuple[str, str], k: int = 5) -> list[Shown]:
    """Three users: one of the films, and two of the shop."""
    names = list(dict.fromkeys(evaluation.dataset for evaluation in made))
    chosen = [names[0], *names[1:3]] if len(names) > 2 else names
    return [_shown(db, {e.model: e for e in made if e.dataset == name}, models, k) for name in chosen]


def contrasts(db: sqlite3.Connection, made: list[Evaluation]) -> list[Contrast]:
    """How the untouched text model and popularity compare in each slice, largest gain of text first."""
    wanted = {evaluation.id for evaluation in made if evaluation.model in ("only", "pop")}
    rows = [
        row
        for row in evaluations.metric_rows(db, metric=METRIC, seen=Seen.MASK)
        if row.evaluation.id in wanted and row.metric.n >= ENOUGH
    ]
    means = {(r.evaluation.model, r.evaluation.dataset, r.metric.slice, r.metric.value): r.metric for r in rows}
    found = [
        Contrast(dataset, slice_name, value, metric.n, metric.mean, means["pop", dataset, slice_name, value].mean)
        for (model, dataset, slice_name, value), metric in means.items()
        if model == "only" and ("pop", dataset, slice_name, value) in means
    ]
    return sorted(found, key=lambda c: c.popularity - c.text)


def _shown(db: sqlite3.Connection, by_model: dict[str, Evaluation], models: tuple[str, str], k: int) -> Shown:
    """The event that the text model ranks best among long histories: an example of what it can do, not of how often."""
    evaluation = by_model[models[0]]
    dataset = datasets.dataset(db, evaluation.dataset)
    better = evaluations.rank_column(db, evaluation, "better_masked")
    number = int(evaluations.rank_column(db, evaluation, "event")[int(better.argmin())])
    event = datasets.event(db, dataset.id, number)
    history = datasets.sequence(db, dataset.id, event.sequence).items[: event.length].tolist()
    lists: dict[str, list[tuple[Item, bool]]] = {}
    places: dict[str, str] = {}
    for name in models:
        row = evaluations.rank_row(db, by_model[name], number)
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
