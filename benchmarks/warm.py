"""Editing a history of 12 items and ranking 20,000 again, with the embedded backbone kept warm in its own process.

`python -m benchmarks.warm [--quick]` prints the rows that `run` returns. Times are what the workbench waits: from the
question to the answer, pipes included, without its own rest of 150 ms after the last key. The catalogue's vectors are
random, for encoding them would take minutes and an edit does not care.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Split, SplitKind
from store.rows import Evaluation
from store.workspace import Workspace

if TYPE_CHECKING:
    from workbench.users.inference_process import InferenceProcess

ITEMS = 20_000
LENGTH = 12  # items of the history; some 15 tokens each, so that the model's 256 are nearly full
EDITS = 40
GOAL_MS = 150.0
WORDS = ("adjustable", "steel", "wireless", "compact", "garden", "mixer", "heavy", "duty", "lamp", "oak", "set", "blue")


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` makes a quarter of the edits."""
    from engine.evaluation import evaluate
    from engine.models import make_only
    from engine.protocol import EvaluationOptions
    from workbench.users.inference_process import InferenceProcess

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        _shop(workspace)
        make_only(workspace, name="only", backbone="")
        _vectors(workspace)
        evaluation = evaluate(workspace, "only", "shop", EvaluationOptions(device="cpu"))
        process = InferenceProcess(workspace.folder)
        try:
            return _rows(process, evaluation, EDITS // 4 if quick else EDITS)
        finally:
            process.end()


def _rows(process: InferenceProcess, evaluation: Evaluation, edits: int) -> list[dict[str, Any]]:
    from engine.inference.messages import Ranking, RankRequest, Reasons, WhyRequest

    draw = np.random.default_rng(0)
    history = draw.choice(ITEMS, LENGTH, replace=False).tolist()
    answers: Queue[Any] = Queue()

    def ask(make: Callable[[int], Any], kind: type) -> tuple[Any, float]:
        started = time.perf_counter()
        process.ask(make, answers.put)
        while not isinstance(answer := answers.get(timeout=600), kind):
            if hasattr(answer, "words"):
                raise RuntimeError(answer.words)
        return answer, 1000 * (time.perf_counter() - started)

    def ranking(entries: list[int | str]) -> tuple[Any, float]:
        return ask(lambda n: RankRequest(n, evaluation.key, tuple(entries), 7, 50), Ranking)

    def reasons(item: int) -> float:
        return ask(lambda n: WhyRequest(n, evaluation.key, tuple(history), item, LENGTH), Reasons)[1]

    first, warming = ranking(history)
    took = []
    for edit in range(edits):
        place = edit % LENGTH
        entries = [*history[:place], *history[place + 1 :]]
        if edit % 3 == 0:
            entries.insert(place, f"{WORDS[edit % len(WORDS)]} number {edit}")
        took.append(ranking(entries)[1])
    why = [reasons(item) for item in range(3)]
    size = f"{LENGTH} items of history, {ITEMS:,} items, MiniLM"
    return [
        _row(f"an edit: {size}", median(took), "ms", GOAL_MS),
        _row("  the slowest but one of twenty", float(np.quantile(took, 0.95)), "ms"),
        _row(f"why an item: {LENGTH} histories in one batch", median(why), "ms"),
        _row("until the model is warm", warming / 1000, "s"),
        _row("memory of the process", first.memory / 1e6, "MB"),
    ]


def _shop(workspace: Workspace) -> None:
    """One user with one test event, and a catalogue of titles of about twelve words."""
    draw = np.random.default_rng(0)
    draft = DatasetDraft(
        name="shop", request="shop", platform="synthetic", domain="shop", synthetic=True, source={},
        split=SplitKind.GIVEN, split_settings={}, timed=False,
    )  # fmt: skip
    chosen = np.arange(LENGTH + 1, dtype="<i4")
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        titles = (f"{' '.join(draw.choice(WORDS, 11))} {n}" for n in range(ITEMS))
        writer.add("item", ((n, f"i{n}", title, "", "", "{}") for n, title in enumerate(titles)))
        writer.add("user", [(0, "u0")])
        writer.add("sequence", [(0, 0, LENGTH, chosen.tobytes(), None, None)])
        writer.add("event", [(0, 0, 0, LENGTH, LENGTH, None, None, Split.TEST)])
        writer.finish(fingerprint="shop", interactions=LENGTH + 1, dropped={}, audit={}, replace=False)


def _vectors(workspace: Workspace) -> None:
    """Random unit vectors for the catalogue, under the keys of its sentences."""
    from engine.models import open_encoder, open_model
    from engine.text.sentences import ItemText, Template, describe
    from store import datasets, embeddings

    encoder = open_encoder(workspace, open_model(workspace, "only"), device="cpu")
    with workspace.write() as db:
        items = datasets.items(db, datasets.dataset(db, "shop").id)
        texts = encoder.renderer(Template()).uncut([describe(item, ItemText.TITLE) for item in items])
        vectors = np.random.default_rng(0).standard_normal((len(texts), encoder.dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        step = embeddings.block_rows(encoder.dimension)
        for start in range(0, len(texts), step):
            keys = [embeddings.sentence_key(text) for text in texts[start : start + step]]
            embeddings.add_block(db, encoder.name, keys, vectors[start : start + step])


def _row(name: str, value: float, unit: str, goal: float | None = None) -> dict[str, Any]:
    met = None if goal is None else value <= goal
    return {"name": name, "value": round(value, 1), "unit": unit, "goal": goal, "met": met}


if __name__ == "__main__":
    for row in run(quick="--quick" in sys.argv):
        verdict = "" if row["met"] is None else f"  goal ≤ {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<70} {row['value']:>8.1f} {row['unit']}{verdict}")
