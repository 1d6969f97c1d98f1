"""Builds small workspaces through the store's public functions: films, two shops, four models, real ranks."""

from __future__ import annotations

import json
import math
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from engine.tuning.request import SearchRequest, parse_tries
from store import jobs
from store.dataset_writer import DatasetDraft, DatasetWriter
from store.datasets import dataset
from store.enums import JobState, Seen, Split, SplitKind
from store.evaluations import EvaluationWriter, evaluation_key
from store.models import model, put_model
from store.rows import Dataset, Evaluation, Metric, Ranks, Search
from store.searches import TrialDraft, fail_trial, finish_trial, put_search, trials
from store.workspace import Workspace

DAY_MS = 86_400_000
START_MS = 1_400_000_000_000  # 2014-05-13
TOP = 50
CUTOFFS = (1, 5, 10, 20, 50)
LENGTHS = (*((n, n, str(n)) for n in range(1, 11)), (11, 20, "11-20"), (21, 50, "21-50"), (51, 10_000, "51+"))

FIRST = ("Silent", "Golden", "Broken", "Northern", "Hidden", "Electric", "Last", "Paper", "Crimson", "Second")
SECOND = ("River", "Harbour", "Garden", "Letters", "Station", "Winter", "Mirror", "Orchard", "Signal", "Coast")
GENRES = ("Drama", "Comedy", "Thriller", "Sci-Fi", "Romance")
MODELS = ("pop", "pop-recent", "last-item", "only")


def build(folder: Path, *, users: int = 60, items: int = 100) -> Workspace:
    """Three datasets; all four models on the first, three on the second, none on the third."""
    workspace = Workspace(folder)
    add_dataset(workspace, "movielens-small", users=users, items=items, seed=1)
    add_dataset(workspace, "shop-garden", users=users // 2, items=items // 2, seed=2, synthetic=True)
    add_dataset(workspace, "shop-kitchen", users=users // 2, items=items // 2, seed=3, synthetic=True)
    for name in MODELS:
        add_model(workspace, name)
        evaluate(workspace, name, "movielens-small")
        if name != "pop-recent":
            evaluate(workspace, name, "shop-garden")
    return workspace


def add_dataset(
    workspace: Workspace,
    name: str,
    *,
    users: int,
    items: int,
    seed: int,
    synthetic: bool = False,
    titles: list[str] | None = None,
    timed: bool = True,
    replace: bool = False,
    audit: dict[str, Any] | None = None,
) -> Dataset:
    """Every user has 4 to 30 items; the last is the test target, the one before the validation target."""
    draw = np.random.default_rng(seed)
    draft = DatasetDraft(
        name=name,
        request=f"{name}-{seed}",
        platform="synthetic" if synthetic else "movielens",
        domain=name,
        synthetic=synthetic,
        source={"files": [f"{name}.data"]},
        split=SplitKind.LEAVE_ONE_OUT,
        split_settings={},
        timed=timed,
    )
    titles = titles or [f"{FIRST[n // 10 % 10]} {SECOND[n % 10]} ({1950 + n % 60})" for n in range(items)]
    counts = {split.value: 0 for split in Split}
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        writer.add(
            "item",
            (
                (n, f"i{n:05d}", title, f"A story about {title.lower()[:80]}.\nSecond line.", GENRES[n % 5],
                 json.dumps({"year": str(1950 + n % 60)}))
                for n, title in enumerate(titles)
            ),
        )  # fmt: skip
        writer.add("user", ((n, f"user{n:05d}") for n in range(users)))
        sequences, events, number = [], [], 0
        for user in range(users):
            length = min(items, int(draw.integers(4, 31)))
            chosen = draw.permutation(items)[:length].astype("<i4")
            times = (START_MS + DAY_MS * (user + np.arange(length) * 9)).astype("<i8")
            ratings = draw.integers(2, 11, length).astype("<f4") / 2
            stamps = times.tobytes() if timed else None
            sequences.append((user, user, length - 2, chosen.tobytes(), stamps, ratings.tobytes()))
            for split, place in ((Split.TRAIN, length - 3), (Split.VALID, length - 2), (Split.TEST, length - 1)):
                stamp = int(times[place]) if timed else None
                events.append(
                    (number, user, user, place, int(chosen[place]), stamp, float(ratings[place]), split.value)
                )
                counts[split.value] += 1
                number += 1
        writer.add("sequence", sequences)
        writer.add("event", events)
        return writer.finish(
            fingerprint=f"fingerprint-{name}-{seed}",
            interactions=sum(len(row[3]) // 4 for row in sequences),
            dropped={"no title": 3},
            audit=audit or {},
            replace=replace,
        )


def add_model(workspace: Workspace, name: str) -> None:
    with workspace.write() as db:
        put_model(
            db,
            name=name,
            kind="text" if name == "only" else "baseline",
            variant=name,
            weights_hash=f"weights-of-{name}",
            code_version="test",
            backbone="all-MiniLM-L6-v2" if name == "only" else "",
        )


def evaluate(
    workspace: Workspace,
    name: str,
    dataset_name: str,
    *,
    sample: int = 0,
    history: str = "structured",
    split: Split = Split.TEST,
) -> Evaluation:
    """Rank the catalogue with scores drawn per model (pop: one score per item, with ties) and store everything."""
    with workspace.write() as db:
        own = dataset(db, dataset_name)
        events = [
            (row["event"], row["user"], row["item"], row["length"], np.frombuffer(row["items"], "<i4"))
            for row in db.execute(
                "SELECT e.event, e.user, e.item, e.length, s.items FROM event e JOIN sequence s ON"
                " s.dataset_id = e.dataset_id AND s.sequence = e.sequence"
                " WHERE e.dataset_id = ? AND e.split = ? ORDER BY e.event",
                (own.id, split),
            )
        ]
        events = events[:sample] if sample else events
        protocol = {"candidates": "full catalogue", "ties": "expected", "sample": sample, "sample_seed": 0}
        scorer = model(db, name)
        if scorer.kind == "text":
            protocol |= {"history": history, "item_text": "title", "window": 255}
        ranks, rows = _rank(name, own, events, history)
        key = evaluation_key(scorer, own, split, protocol)
        with EvaluationWriter(
            db, key=key, model=scorer, dataset=own, split=split, protocol=protocol, candidates=own.items
        ) as writer:
            writer.add(ranks)
            return writer.finish(_metrics(own, rows), seconds=1.5, device="cpu")


def add_search(workspace: Workspace, *, dataset: str = "movielens-small") -> Search:
    """Four trials of sasrec: two done, one failed, one waiting."""
    request = SearchRequest("sasrec", dataset, parse_tries(["epochs=20", "hidden=64,128", "learning-rate=1e-3,3e-4"]))
    drafts = [TrialDraft(f"sasrec-tune-{n:08x}", one, 0) for n, one in enumerate(request.combinations(), 1)]
    with workspace.write() as db:
        search = put_search(
            db, key=f"search-{dataset}", model="sasrec", dataset=dataset, request=request.document(),
            metric="ndcg@10", seen=Seen.MASK, trials=drafts, code_version="test",
        )  # fmt: skip
        first, second, third, _ = trials(db, search)
        for trial in (first, second):
            put_model(
                db, name=trial.model, kind="baseline", variant="sasrec", weights_hash=f"weights-of-{trial.model}",
                code_version="test", seed=0, trial=True,
            )  # fmt: skip
        fail_trial(db, third, "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", 3.25)
    for trial in (first, second):  # the draw of scores depends on the length of a word
        found = evaluate(workspace, trial.model, dataset, split=Split.VALID, history="x" * trial.number)
        with workspace.write() as db:
            finish_trial(db, trial, found, 10.0 + trial.number)
    return search


def add_job(workspace: Workspace, words: str, *, resumes: int | None = None) -> int:
    """A job as `st5 …` would add it, queued; returns its number."""
    arguments = shlex.split(words)
    with workspace.write() as db:
        return jobs.add_job(db, kind=arguments[0], arguments=arguments, folder="/work", resumes=resumes).id


def run_job(workspace: Workspace, number: int, *, device: str = "cpu", seconds: float = 0.0) -> None:
    """Let the job start and run for so long, without a process: it belongs to another host."""
    with workspace.write() as db:
        assert jobs.claim(db, number, 4711, "elsewhere")
        assert jobs.set_running(db, number, device)
        jobs.beat(db, number, seconds)


def add_jobs(workspace: Workspace) -> None:
    """One job of every state that lasts, and on top one that trains its second phase."""
    finished = (
        ("evaluate only pop --datasets movielens-small", JobState.SUCCEEDED, "2 models on 1 dataset", 0, 75.0),
        ("train nopre --datasets shop-garden --name small", JobState.FAILED, "loss is NaN at step 120", 1, 43.0),
        ("train itempre --datasets shop-garden", JobState.CANCELLED, "cancelled", 3, 3700.0),
        ("baseline last-item --datasets shop-kitchen", JobState.LOST, "the worker was killed", None, 9.0),
    )
    for words, state, message, code, seconds in finished:
        number = add_job(workspace, words)
        run_job(workspace, number, seconds=seconds)
        with workspace.write() as db:
            jobs.finish(db, number, state, message, code, seconds)
    number = add_job(workspace, "train final --datasets movielens-small,shop-garden --recipe demo", resumes=3)
    run_job(workspace, number, seconds=750.0)
    with workspace.write() as db:
        for phase, first, last in (("item-description-1f", 0.0, 300.0), ("sequence-item-2e", 300.0, 750.0)):
            points = [
                (phase, name, step, value(step), first + (last - first) * step / 430)
                for step in range(10, 431, 10)
                for name, value in (
                    ("loss", lambda s: 3.5 * math.exp(-s / 150) + 0.1 * math.sin(s)),
                    ("learning rate", lambda s: 1e-4 * (1 - s / 1000)),
                    ("pairs/s", lambda s: 151.0),
                )
            ]
            points += [(phase, f"ndcg@10{end}", s, 0.02 + s / 20_000 + more, first) for s in (100, 200, 300, 400)
                       for end, more in (("", 0.0), (" averaged", 0.003))]  # fmt: skip
            jobs.add_points(db, number, points)
        jobs.advance(db, number, stage="sequence-item", done=430, total=1000, seconds=750.0)
        jobs.add_event(db, number, "phase", "item-description is finished: loss 0.2312")
        jobs.add_event(db, number, "validation", "sequence-item, step 400: ndcg@10 0.0400, ndcg@10 averaged 0.0430")
        jobs.add_event(db, number, "checkpoint", "sequence-item, step 400 of 1000")
    write_log(workspace, number, [f"step {step} of 1000" for step in range(10, 431, 10)])
    waiting = add_job(workspace, "train nopre --datasets shop-kitchen --recipe modern")
    with workspace.write() as db:
        jobs.wait(db, waiting, f"cpu held by job {number} of shop")


def write_log(workspace: Workspace, number: int, lines: list[str]) -> Path:
    """Append lines to the log of a job."""
    path = workspace.jobs / str(number) / "run.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def _rank(name: str, own: Dataset, events: list, history: str) -> tuple[Ranks, list]:
    draw = np.random.default_rng([MODELS.index(name) if name in MODELS else 9, len(history), own.items])
    popularity = np.round(draw.gamma(2.0, 2.0, own.items)).astype(np.float32)
    columns: dict[str, list] = {field: [] for field in Ranks.__dataclass_fields__}
    rows = []
    for event, user, target, length, sequence in events:
        taste = popularity if name == "pop" else draw.random(own.items).astype(np.float32) + 0.02 * popularity
        if name != "pop" and draw.random() < 0.3:
            taste[target] += 0.8
        seen = np.zeros(own.items, bool)
        seen[sequence[:length]] = True
        others = np.arange(own.items) != target
        unseen = others & ~seen
        pairs = [int((taste[others] > taste[target]).sum()), int((taste[others] == taste[target]).sum())]
        masked = [int((taste[unseen] > taste[target]).sum()), int((taste[unseen] == taste[target]).sum())]
        columns["event"].append(event)
        columns["visible"].append(min(length, 12))
        for field, value in zip(("better", "tied", "better_masked", "tied_masked"), pairs + masked, strict=True):
            columns[field].append(value)
        columns["score"].append(taste[target])
        for field, scores in (("", taste), ("_masked", np.where(seen & others, -np.inf, taste))):
            best = np.argsort(-scores, kind="stable")[:TOP]
            full = np.full(TOP, -1)
            full[: len(best)] = np.where(np.isneginf(scores[best]), -1, best)
            values = np.full(TOP, -np.inf)
            values[: len(best)] = scores[best]
            columns[f"top_items{field}"].append(full)
            columns[f"top_scores{field}"].append(values)
        rows.append((user, length, target, {"keep": pairs, "mask": masked}))
    floats = ("score", "top_scores", "top_scores_masked")
    arrays = {f: np.array(v, np.float32 if f in floats else np.int32) for f, v in columns.items()}
    return Ranks(**arrays), rows


def _metrics(own: Dataset, rows: list) -> list[Metric]:
    slices = {("all", "all"): rows, ("domain", own.domain): rows}
    for low, high, label in LENGTHS:
        slices["history-length", label] = [row for row in rows if low <= row[1] <= high]
    for place, genre in enumerate(GENRES):
        slices["category", genre] = [row for row in rows if row[2] % 5 == place]
    found = []
    for (name, value), part in slices.items():
        if not part:
            continue
        for metric in [*(f"hr@{k}" for k in CUTOFFS), *(f"ndcg@{k}" for k in CUTOFFS), "mrr"]:
            for seen in ("keep", "mask"):
                values = np.array([_value(metric, *row[3][seen]) for row in part])
                mean, half = float(values.mean()), 1.96 * float(values.std()) / math.sqrt(len(values))
                low, high = max(0.0, mean - half), min(1.0, mean + half)
                people = len({row[0] for row in part})
                found.append(
                    Metric(name, value, metric, seen, len(part), people, mean, low, high, mean, low, high, mean, mean)
                )
    return found


@cache
def _value(metric: str, better: int, tied: int) -> float:
    places = np.arange(better + 1, better + tied + 2)
    if metric == "mrr":
        return float((1 / places).mean())
    kind, cut = metric.split("@")
    gains = np.ones(len(places)) if kind == "hr" else 1 / np.log2(places + 1)
    return float(np.where(places <= int(cut), gains, 0.0).mean())
