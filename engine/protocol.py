"""The rules that a number was made under; every evaluation carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.kinds import ONLY
from engine.reading import Reading
from engine.text.prompts import Prompts
from engine.text.sentences import ItemText
from store import models as stored_models
from store.errors import BadInput
from store.records import Dataset, Model, TrainedBaseline
from store.words import Split, Ties
from store.workspace import Workspace

LAST_ITEM = "last-item"  # the one baseline that reads sentences when it is evaluated


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate and how.

    sample: number of events drawn at random with `seed` (0 = all). shuffle: seed of the order in which histories are
    read, None for their own. device and precision: `auto`, or a name.
    """

    split: Split = Split.TEST
    sample: int = 0
    seed: int = 0
    reading: Reading = field(default_factory=Reading)
    shuffle: int | None = None
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.sample < 0:
            raise BadInput(f"--sample {self.sample}: allowed are 0 (all events) and above.")


def without_effect(workspace: Workspace, models: Sequence[str], options: EvaluationOptions) -> list[str]:
    """What these options ask of an evaluation that will not change it, a sentence each."""
    sentences = []
    if options.seed and not options.sample:
        sentences.append(f"--seed {options.seed} changes nothing without --sample, which it draws.")
    with workspace.read() as db:
        stored = {name: stored_models.find_model(db, name) for name in models}
    reads = any(
        name in (ONLY, LAST_ITEM) if model is None else model.kind == "text" or model.variant == LAST_ITEM
        for name, model in stored.items()
    )
    for option, value in (("--history", options.reading.history), ("--item-text", options.reading.item_text)):
        if value is not None and not reads:
            sentences.append(f"{option} {value} changes nothing for {', '.join(models)}: no text model is among them.")
    return sentences


def protocol(
    model: Model,
    dataset: Dataset,
    reader: Model | None,
    options: EvaluationOptions,
    events: int,
    precision: str,
    trained: TrainedBaseline | None = None,
) -> dict[str, Any]:
    """The rules as stored with an evaluation.

    reader: the text model whose vectors are compared or learned from, if any; trained: the weights of a baseline that
    has its own for each dataset. A sample as large as the split is the whole split. Events of one time in the order of
    the file are not named, so that evaluations of before keep their keys.
    """
    rules: dict[str, Any] = {"candidates": "full catalogue", "ties": "expected over random order", "top": 50}
    if 0 < options.sample < events:
        rules |= {"sample": options.sample, "sample_seed": options.seed}
    if options.shuffle is not None:
        rules |= {"shuffled": options.shuffle}
    if dataset.same_time != Ties.FILE:
        rules |= {"same_time": dataset.same_time}
    if trained is not None:
        rules |= {"newest": trained.settings["window"], "weights": trained.weights_hash}
        if reader is not None:
            rules |= {"item_text": ItemText.TITLE.value, "features": reader.weights_hash}
            rules |= Prompts.of(reader.recipe).document()
    elif reader is not None:
        template = options.reading.of(reader)
        rules |= {
            "history": "newest item" if model.variant == "last-item" else template.history.value,
            "structured": template.history.structured,
            "item_text": template.item_text.value,
            "window": reader.recipe["length"],
            "precision": precision,
            "weights": reader.weights_hash,
            "tokenizer": reader.tokenizer_hash,
            **Prompts.of(reader.recipe).document(),
        }
    elif model.variant == "bm25":
        rules |= {"item_text": ItemText.TITLE.value}
    return rules
