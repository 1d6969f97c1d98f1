"""Builds small workspaces through the store's public functions: films, two shops, four models, real ranks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.datasets import dataset
from store.evaluations import EvaluationWriter, evaluation_key
from store.models import model, put_model
from store.records import Dataset, Evaluation, Metric, Ranks
from store.words import Split, SplitKind
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
            audit={},
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
    workspace: Workspace, name: str, dataset_name: str, *, sample: int = 0, history: str = "structured"
) -> Evaluation:
    """Rank the catalogue with scores drawn per model (pop: one score per item, with ties) and store everything."""
    with workspace.write() as db:
        own = dataset(db, dataset_name)
        events = [
            (row["event"], row["user"], row["item"], row["length"], np.frombuffer(row["items"], "<i4"))
            for row in db.execute(
                "SELECT e.event, e.user, e.item, e.length, s.items FROM event e JOIN sequence s ON"
                " s.dataset_id = e.dataset_id AND s.sequence = e.sequence"
                " WHERE e.dataset_id = ? AND e.split = 'test' ORDER BY e.event",
                (own.id,),
            )
        ]
        events = events[:sample] if sample else events
        protocol = {"candidates": "full catalogue", "ties": "expected", "sample": sample, "sample_seed": 0}
        if name == "only":
            protocol |= {"history": history, "item_text": "title", "window": 255}
        ranks, rows = _rank(name, own, events, history)
        scorer = model(db, name)
        key = evaluation_key(scorer, own, Split.TEST, protocol)
        with EvaluationWriter(
            db, key=key, model=scorer, dataset=own, split=Split.TEST, protocol=protocol, candidates=own.items
        ) as writer:
            writer.add(ranks)
            return writer.finish(_metrics(own, rows), seconds=1.5, device="cpu")


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


def _value(metric: str, better: int, tied: int) -> float:
    places = np.arange(better + 1, better + tied + 2)
    if metric == "mrr":
        return float((1 / places).mean())
    kind, cut = metric.split("@")
    gains = np.ones(len(places)) if kind == "hr" else 1 / np.log2(places + 1)
    return float(np.where(places <= int(cut), gains, 0.0).mean())
