"""The demo: films and a generated shop, eight models, maps of two of them, and one experiment. All of it is kept."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine import __version__
from engine.baselines.request import BaselineRequest
from engine.baselines.stored import trained_baseline
from engine.baselines.trained import train_baseline
from engine.evaluation import evaluate
from engine.experiments.arguments import Arguments
from engine.experiments.definition import load_definition
from engine.experiments.projections import METHODS
from engine.experiments.request import checked
from engine.experiments.stored import SAMPLE_SEED
from engine.ingest import IngestOptions, ingest
from engine.measuring.choices import ComparisonSpec
from engine.measuring.comparison import Compared, compare_pairs
from engine.models import make_baseline, open_model
from engine.progress import Observer
from engine.projection.method import Method, PointKind
from engine.projection.request import ProjectionRequest
from engine.protocol import EvaluationOptions
from engine.sources import movielens, synthetic
from engine.text.sentences import HistoryFormat
from engine.text_format import TextFormat
from engine.training.recipe import load_recipe
from engine.training.request import TrainRequest, check
from store import datasets, evaluations
from store.enums import Phase, Seen, Slice, SplitKind
from store.experiments import experiments, put_experiment
from store.models import model as open_stored
from store.rows import Evaluation, Item, Model
from store.workspace import Workspace

FILMS = "ml-100k"
DOMAINS = 3  # of the shop, which MovieLens lacks as it lacks descriptions
SHOP = tuple(f"synthetic-{domain.name}" for domain in synthetic.DOMAINS[:DOMAINS])
DATASETS = (FILMS, *SHOP)

POPULARITY, NEAREST, TEXT, TRAINED, SUM = "pop", "last-item", "only", "final", "fusion"
PARTS = ("recency", "item-knn", "pop-recent")  # of the sum: text, what comes together, what is popular now
RUNS = {
    POPULARITY: (POPULARITY, TextFormat()),
    NEAREST: (NEAREST, TextFormat()),
    **{part: (part, TextFormat()) for part in reversed(PARTS)},
    SUM: (SUM, TextFormat()),
    TEXT: (TEXT, TextFormat()),
    # Without the markers, which the embedded backbone never met before training.
    "only, unstructured": (TEXT, TextFormat(HistoryFormat.UNSTRUCTURED)),
    TRAINED: (TRAINED, TextFormat()),
}
MODELS = tuple(dict.fromkeys(model for model, _ in RUNS.values()))
RECIPE = "demo"
SAMPLE = 1_000  # film histories fill the model's length: a thousand of them take half a minute on two cores

# The workbench opens on the newest map.
MAPS = ((TEXT, Method.TSNE), (TEXT, Method.UMAP), (TRAINED, Method.UMAP), (TRAINED, Method.TSNE))
POINTS = 960  # below 1,000 t-SNE takes 2 s on one thread; 2,000 points take it 26 s
EXPERIMENT = "main"


class TrainingLeftRunning(Exception):
    """The user left the training to a job that is still running, so the steps after it cannot be done yet."""


@dataclass(frozen=True)
class Step:
    """One step of the demo. job: it runs as a job, which shows its own progress."""

    name: str
    work: Callable[[Observer], None]
    job: bool = False


@dataclass(frozen=True)
class Run:
    """One line of the demo's table: a model under a history format, on one dataset."""

    label: str
    evaluation: Evaluation


@dataclass(frozen=True)
class Example:
    """One test event: the end of the user's history, what they chose, and the best items of each model.

    lists: item, and whether it is the chosen one; items of the history are left out. ranks: of the chosen item, in
    words.
    """

    dataset: str
    user: str
    history: list[str]
    target: str
    lists: dict[str, list[tuple[Item, bool]]]
    ranks: dict[str, str]


@dataclass(frozen=True)
class Gain:
    """What the sum of several models reaches on a dataset, and why.

    over: paired differences to popularity and to the nearest text. alone: NDCG@10 of each part on valid events, and
    together: that of the sum; both None where the valid part was too small to weigh them on.
    """

    mean: float
    over: list[Compared]
    alone: dict[str, float]
    together: float | None

    @property
    def dataset(self) -> str:
        return self.over[0].dataset


class Demo:
    """The demo's steps over one workspace. Each finds what it made before, so an interrupted demo goes on.

    phase_began is called with the name of each training phase as it begins, where the training runs in this process.
    """

    def __init__(self, workspace: Workspace, phase_began: Callable[[str], None] = lambda name: None) -> None:
        self.workspace = workspace
        self.runs: list[Run] = []  # of the steps done so far
        self._phase_began = phase_began

    def steps(self) -> list[Step]:
        """All steps in order. The training step raises `TrainingLeftRunning`."""
        return [
            Step("Read the films (MovieLens-100k)", self._read_films),
            Step(f"Generate the shop ({DOMAINS} domains, synthetic)", self._generate_shop),
            Step(f"Fit {SUM} ({', '.join(PARTS)})", self._fit),
            Step(f"Train {TRAINED} as a job", self._train, job=True),
            *(Step(f"Evaluate {label}", self._evaluation(label)) for label in RUNS),
            *(Step(f"Map {model} by {METHODS[method]}", self._map(model, method)) for model, method in MAPS),
            Step(f"Store the experiment {EXPERIMENT}", self._store_experiment),
        ]

    def _read_films(self, observer: Observer) -> None:
        raw = movielens.read(movielens.embedded_folder())
        ingest(self.workspace, raw, IngestOptions(name=FILMS, split=SplitKind.QUANTILE), observer.progress)

    def _generate_shop(self, observer: Observer) -> None:
        with _shop_folder(self.workspace) as folder:
            for raw in synthetic.read_shop(folder, users=1_500, items=400, domains=DOMAINS, seed=0):
                ingest(self.workspace, raw, IngestOptions(name=f"synthetic-{raw.domain}"), observer.progress)

    def _fit(self, observer: Observer) -> None:
        """The sum and those of its parts that learn something, on every dataset."""
        for request in (BaselineRequest(PARTS[0]), BaselineRequest(SUM, parts=PARTS)):
            model = make_baseline(self.workspace, request)
            for name in DATASETS:
                train_baseline(self.workspace, model, name, observer)

    def _train(self, observer: Observer) -> None:
        """The variant `final` on all datasets, from `only`, through the door that `st5 train` uses."""
        from engine.encoding.device import choose_device
        from engine.jobs import submit
        from engine.training import variant

        start = open_model(self.workspace, TEXT).name
        request = TrainRequest(TRAINED, load_recipe(RECIPE), DATASETS, start, TRAINED, seed=0)
        check(self.workspace, request)
        if variant.find(self.workspace, request) is not None:
            return

        def train(observer: Observer) -> Model:
            return variant.train(self.workspace, request, self._naming_phases(observer))

        submit.submit_job(
            self.workspace,
            "train",
            train,
            device=lambda: str(choose_device()),
            arguments=["train", TRAINED, "--datasets", ",".join(DATASETS), "--backbone", start, "--recipe", RECIPE],
        )
        if variant.find(self.workspace, request) is None:
            raise TrainingLeftRunning

    def _naming_phases(self, observer: Observer) -> Observer:
        current = ""

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal current
            phase = stage.partition(":")[0]
            if phase in tuple(Phase) and phase != current:
                current = phase
                self._phase_began(phase)
            observer.progress(stage, done, total)

        return replace(observer, progress=progress)

    def _evaluation(self, label: str) -> Callable[[Observer], None]:
        model, text_format = RUNS[label]
        options = EvaluationOptions(sample=SAMPLE, seed=SAMPLE_SEED, text_format=text_format)

        def work(observer: Observer) -> None:
            for name in DATASETS:
                self.runs.append(Run(label, evaluate(self.workspace, model, name, options, observer.progress)))

        return work

    def _map(self, model: str, method: Method) -> Callable[[Observer], None]:
        def work(observer: Observer) -> None:
            from engine.projection.project import project

            project(self.workspace, ProjectionRequest(model, DATASETS, PointKind.ITEMS, method, POINTS), observer)

        return work

    def _store_experiment(self, observer: Observer) -> None:
        """The experiment over what was evaluated; one that was asked for here before is not replaced."""
        definition = load_definition(EXPERIMENT)
        with self.workspace.write() as db:
            if any(stored.name == EXPERIMENT for stored in experiments(db)):
                return
            arguments = checked(db, definition, Arguments(datasets=DATASETS, models=MODELS, sample=SAMPLE))
            put_experiment(
                db, name=EXPERIMENT, definition=definition.text, arguments=arguments.document(),
                code_version=__version__,
            )  # fmt: skip


def gains(db: sqlite3.Connection, runs: list[Run]) -> list[Gain]:
    """Of each dataset; differences are of NDCG@10, seen items masked, and corrected over all of them."""
    of = {(run.label, run.evaluation.dataset): run.evaluation for run in runs}
    pairs = [(of[SUM, name], of[other, name]) for name in DATASETS for other in (POPULARITY, NEAREST)]
    compared = compare_pairs(db, pairs, ComparisonSpec(Slice.ALL, ("ndcg@10",), (Seen.MASK,)))
    found = []
    for name in DATASETS:
        fitted = trained_baseline(db, open_stored(db, SUM), datasets.dataset(db, name)).summary
        mean = evaluations.metric_rows(db, dataset=name, model=SUM, slice_name="all", metric="ndcg@10", seen=Seen.MASK)
        over = [row for row in compared if row.dataset == name]
        found.append(Gain(mean[-1].metric.mean, over, fitted.get("alone", {}), fitted.get("ndcg@10")))
    return found


def examples(db: sqlite3.Connection, runs: list[Run], k: int = 5) -> list[Example]:
    """Three users, one of the films and two of the shop: the event of each dataset that the sum ranks best."""
    return [
        _example(db, {run.label: run.evaluation for run in runs if run.evaluation.dataset == name}, k)
        for name in DATASETS[:3]
    ]


def _example(db: sqlite3.Connection, by_label: dict[str, Evaluation], k: int) -> Example:
    evaluation = by_label[SUM]
    dataset = datasets.dataset(db, evaluation.dataset)
    better = evaluations.rank_column(db, evaluation, "better_masked")
    number = int(evaluations.rank_column(db, evaluation, "event")[int(better.argmin())])
    event = datasets.event(db, dataset.id, number)
    history = datasets.sequence(db, dataset.id, event.sequence).items[: event.length].tolist()
    lists: dict[str, list[tuple[Item, bool]]] = {}
    ranks: dict[str, str] = {}
    for label in (SUM, POPULARITY):
        row = evaluations.rank_row(db, by_label[label], number)
        assert row is not None
        best = row.top_items_masked[0][:k].tolist()
        items = datasets.items_by_id(db, dataset.id, best)
        lists[label] = [(items[item], item == event.item) for item in best]
        ranks[label] = _rank(int(row.better_masked[0]), int(row.tied_masked[0]))
    items = datasets.items_by_id(db, dataset.id, [*history, event.item])
    return Example(
        dataset=dataset.name,
        user=datasets.user_keys(db, dataset.id, [event.user])[event.user],
        history=[items[item].title for item in history[-5:]],
        target=items[event.item].title,
        lists=lists,
        ranks=ranks,
    )


def _rank(better: int, tied: int) -> str:
    """A rank in words: `12`, or `1 to 4` where others have the same score."""
    return str(better + 1) if tied == 0 else f"{better + 1} to {better + tied + 1} (equal scores)"


@contextmanager
def _shop_folder(workspace: Workspace) -> Iterator[Path]:
    """An empty folder of the workspace for the shop's files, removed at the end; a killed demo's is removed first."""
    folder = workspace.folder / "demo-shop"
    with workspace.lock("demo-shop"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
