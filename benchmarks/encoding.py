"""Sentences per second beside `SentenceTransformer.encode` with its defaults, on real titles and histories.

Both read the same catalogue and histories of industrial_scientific_2018, part after part in turn, so that whatever
else the machine does hits both; ours includes making and tokenising the sentences.
"""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "industrial_scientific_2018"
PARTS = 6
GOALS = {"bf16": 2.4, "fp32": 1.2}  # times the library's sentences per second, by the precision this device is fast at
COSINE_GOAL = 0.999


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` takes every twentieth sentence."""
    if not DATA.is_dir():
        return [_row("encoding: skipped, no real data beside the project", 0.0, "")]
    from engine.encoding.backbone import embedded_backbone
    from engine.encoding.encoder import load
    from engine.text.sentences import Template

    titles, histories = _read()
    ours = load(embedded_backbone())
    theirs = load(embedded_backbone(), precision="fp32").model
    renderer = ours.renderer(Template())
    bodies = [f"Title: {title}" for title in titles]
    rng = np.random.default_rng(0)
    items, users = rng.permutation(len(bodies)), rng.permutation(len(histories))
    if quick:
        items, users = items[::20], users[::20]
    _warm_up(ours, theirs, renderer, bodies)
    seconds = {"ours": 0.0, "theirs": 0.0}
    sentences, tokens, worst = 0, 0, 1.0
    for part in range(PARTS):
        chosen = [bodies[item] for item in items[part::PARTS]]
        read = [histories[user] for user in users[part::PARTS]]
        started = time.perf_counter()
        rendered = [*renderer.texts(chosen), *renderer.histories(bodies, read)]
        vectors = ours.encode_all(rendered)
        seconds["ours"] += time.perf_counter() - started
        texts = [sentence.text for sentence in rendered]
        started = time.perf_counter()
        reference = theirs.encode(texts, show_progress_bar=False)
        seconds["theirs"] += time.perf_counter() - started
        worst = min(worst, float((vectors * reference).sum(axis=1).min()))
        sentences += len(rendered)
        tokens += sum(len(sentence.ids) for sentence in rendered)
    ratio = seconds["theirs"] / seconds["ours"]
    goal = GOALS[ours.precision]
    return [
        _row(f"encoding in {ours.precision}, times SentenceTransformer.encode", ratio, "×", goal, ratio >= goal),
        _row("  ours", sentences / seconds["ours"], "sentences/s"),
        _row("  SentenceTransformer.encode", sentences / seconds["theirs"], "sentences/s"),
        _row("  sentences", sentences, ""),
        _row("  mean length", tokens / sentences, "tokens"),
        _row("  smallest cosine to its fp32 vectors", worst, "", COSINE_GOAL, worst >= COSINE_GOAL),
    ]


def _read() -> tuple[list[str], list[list[int]]]:
    """Titles, and each user's items but the last, oldest first."""
    with gzip.open(DATA / "items.jsonl.gz", "rt") as lines:
        titles = [json.loads(line)["title"] for line in lines]
    histories: dict[str, list[int]] = {}
    with gzip.open(DATA / "interactions.csv.gz", "rt") as events:
        next(events)
        for event in events:
            user, item, _ = event.split(",")
            histories.setdefault(user, []).append(int(item))
    return titles, [items[:-1] for items in histories.values()]


def _warm_up(ours: Any, theirs: Any, renderer: Any, bodies: list[str]) -> None:
    sentences = renderer.texts(bodies[:32])
    ours.encode_all(sentences)
    theirs.encode([sentence.text for sentence in sentences], show_progress_bar=False)


def _row(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}
