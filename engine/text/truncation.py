"""How much of a dataset's texts a model gets to read: titles cut, and items that histories lose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.encoding.backbone import embedded_backbone
from engine.text.plain_tokenizer import PlainTokenizer
from engine.text.prompts import Prompts
from engine.text.sentences import Renderer, Template, describe
from store import datasets
from store.enums import Split
from store.errors import BadInput
from store.models import models
from store.rows import Dataset
from store.workspace import Workspace

SAMPLE = 2_000  # items and histories looked at, drawn with seed 0: enough for a percent, quick enough for a listing


@dataclass(frozen=True)
class Truncation:
    """What a tokenizer and length leave of a sample of a dataset, in the default template.

    items_cut: share of items whose text is cut. histories_short: share of test histories that lose items.
    mean_length, mean_kept: items per history before and after.
    """

    model: str
    tokens: int
    items: int
    items_cut: float
    histories: int
    histories_short: float
    mean_length: float
    mean_kept: float


def truncation(workspace: Workspace, dataset: Dataset) -> list[Truncation]:
    """One line per distinct tokenizer, length and prompts of the stored text models, or for the embedded backbone."""
    folders: dict[tuple[str, int, Prompts], tuple[str, Path, int, Prompts]] = {}
    with workspace.read() as db:
        for model in models(db):
            if model.kind == "text" and (workspace.folder / model.folder).is_dir():
                length, prompts = model.recipe["length"], Prompts.of(model.recipe)
                found = (model.name, workspace.folder / model.folder, length, prompts)
                folders.setdefault((model.tokenizer_hash, length, prompts), found)
    if not folders:
        try:
            folder = Path(embedded_backbone())
        except BadInput:
            return []
        folders["", 256, Prompts()] = ("embedded backbone", folder, 256, Prompts())
    return [_measure(workspace, dataset, *found) for found in folders.values()]


def _measure(
    workspace: Workspace, dataset: Dataset, model: str, folder: Path, length: int, prompts: Prompts
) -> Truncation:
    renderer = Renderer(PlainTokenizer(folder), length, Template(), prompts)
    draw = np.random.default_rng(0)
    with workspace.read() as db:
        items = datasets.items(db, dataset.id)
        count = datasets.count_events(db, dataset.id, Split.TEST)
        rows = np.sort(draw.choice(count, min(SAMPLE, count), replace=False))
        events = datasets.events(db, dataset.id, Split.TEST, rows)
    bodies = [describe(item, renderer.template.item_text) for item in items]
    chosen = draw.choice(len(bodies), min(SAMPLE, len(bodies)), replace=False)
    sentences = renderer.texts([bodies[place] for place in chosen])
    histories = [events.history(row).tolist() for row in range(len(events))]
    kept = np.array([sentence.kept for sentence in renderer.histories(bodies, histories)]) if histories else np.zeros(0)
    lengths = np.array([len(history) for history in histories])
    return Truncation(
        model=model,
        tokens=length,
        items=len(sentences),
        items_cut=float(np.mean([sentence.cut for sentence in sentences])),
        histories=len(histories),
        histories_short=float((kept < lengths).mean()) if histories else 0.0,
        mean_length=float(lengths.mean()) if histories else 0.0,
        mean_kept=float(kept.mean()) if histories else 0.0,
    )
