"""The rules that a number was made under; every evaluation carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.registry import ONLY, baselines, spec_of
from engine.text.prompts import Prompts
from engine.text.sentences import ItemText
from engine.text_format import TextFormat
from store import models as stored_models
from store.enums import Split, Ties
from store.errors import BadInput
from store.rows import Dataset, Model, TrainedBaseline
from store.workspace import Workspace


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate and how.

    sample: number of events drawn at random with `seed` (0 = all). shuffle: seed of the order in which histories are
    read, None for their own. device and precision: `auto`, or a name.
    """

    split: Split = Split.TEST
    sample: int = 0
    seed: int = 0
    text_format: TextFormat = field(default_factory=TextFormat)
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
        name == ONLY or (name in baselines() and baselines()[name].reads_sentences)
        if model is None
        else spec_of(model).reads_sentences
        for name, model in stored.items()
    )
    for option, value in (("--history", options.text_format.history), ("--item-text", options.text_format.item_text)):
        if value is not None and not reads:
            sentences.append(f"{option} {value} changes nothing for {', '.join(models)}: no text model is among them.")
    return sentences


@dataclass(frozen=True)
class Measured:
    """What is evaluated, as the rules of its kind of model see it.

    reader: the text model whose vectors are compared or learned from, if any; precision: what it encodes in; trained:
    the weights of a model that has its own for each dataset.
    """

    model: Model
    dataset: Dataset
    reader: Model | None
    text_format: TextFormat
    precision: str
    trained: TrainedBaseline | None = None


def protocol(measured: Measured, options: EvaluationOptions, events: int) -> dict[str, Any]:
    """The rules as stored with an evaluation, of a split with so many events.

    A sample as large as the split is the whole split. Events of one time in the order of the file are not named, so
    that evaluations of before keep their keys.
    """
    rules: dict[str, Any] = {"candidates": "full catalogue", "ties": "expected over random order", "top": 50}
    if 0 < options.sample < events:
        rules |= {"sample": options.sample, "sample_seed": options.seed}
    if options.shuffle is not None:
        rules |= {"shuffled": options.shuffle}
    if measured.dataset.same_time != Ties.FILE:
        rules |= {"same_time": measured.dataset.same_time}
    return rules | spec_of(measured.model).protocol(measured)


def sentences_read(measured: Measured) -> dict[str, Any]:
    """The rules of a model that reads histories as sentences."""
    reader = measured.reader
    assert reader is not None
    template = measured.text_format.of(reader)
    return {
        "history": template.history.value,
        "structured": template.history.structured,
        "item_text": template.item_text.value,
        "window": reader.recipe["length"],
        "precision": measured.precision,
        "weights": reader.weights_hash,
        "tokenizer": reader.tokenizer_hash,
        **Prompts.of(reader.recipe).document(),
    }


def newest_item_read(measured: Measured) -> dict[str, Any]:
    """The rules of a model for which the sentence of the newest item stands for the history."""
    return sentences_read(measured) | {"history": "newest item"}


def item_titles(measured: Measured) -> dict[str, Any]:
    """The rule of a model that reads titles and nothing else of an item."""
    return {"item_text": ItemText.TITLE.value}


def weights_used(measured: Measured) -> dict[str, Any]:
    """The rules of a model with weights of its own for each dataset, and the text vectors that those read."""
    assert measured.trained is not None
    rules: dict[str, Any] = {"weights": measured.trained.weights_hash}
    if measured.reader is not None:
        rules |= {"item_text": ItemText.TITLE.value, "features": measured.reader.weights_hash}
        rules |= Prompts.of(measured.reader.recipe).document()
    return rules


def window_read(measured: Measured) -> dict[str, Any]:
    """The rules of a model with such weights that reads the newest items of a history."""
    assert measured.trained is not None
    settings = measured.trained.settings
    rules = weights_used(measured) | {"newest": settings["window"]}
    return rules | ({"whitening": settings["whitening"]} if "whitening" in settings else {})
