"""Models ranked on datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from store import datasets as dataset_store
from store import models as model_store
from store.errors import BadInput
from store.workspace import Workspace
from workbench.launch.field import choice, marks, text
from workbench.launch.job_form import DEVICE_HINT, MOST, JobForm, need_datasets, option, seed_of, whole

TRAINED = "as trained"  # the command's own default: what the model was trained on
HISTORIES = (
    TRAINED,
    "structured",
    "unstructured",
    "instruction+structured",
    "instruction+unstructured",
    "newest-first",
    "unordered",
)
ITEM_TEXTS = (TRAINED, "title", "title+description", "fields")
SPLITS = ("test", "valid", "train")


@dataclass(frozen=True)
class EvaluateForm(JobForm):
    """`st5 evaluate`."""

    KIND: ClassVar[str] = "evaluate"
    SUMMARY: ClassVar[str] = "models on datasets"

    models: tuple[str, ...] = marks("models", offered="models")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    split: str = choice("split", SPLITS[0], SPLITS)
    sample: str = text("sample", "all events")
    seed: str = text("seed", "0: which events the sample takes")
    history: str = choice("history", TRAINED, HISTORIES)
    item_text: str = choice("item text", TRAINED, ITEM_TEXTS)
    device: str = text("device", DEVICE_HINT)

    def shows(self, name: str) -> bool:
        return name != "seed" or bool(self.sample)

    def options(self) -> list[str]:
        return [
            *self.models,
            *option("--datasets", ",".join(self.datasets)),
            *option("--split", self.split, SPLITS[0]),
            *option("--sample", self.sample),
            *(option("--seed", self.seed) if self.sample else []),
            *option("--history", self.history, TRAINED),
            *option("--item-text", self.item_text, TRAINED),
            *option("--device", self.device),
        ]

    def warning(self, workspace: Workspace) -> str:
        from engine.protocol import EvaluationOptions, without_effect
        from engine.text.sentences import HistoryFormat, ItemText
        from engine.text_format import TextFormat

        history = None if self.history == TRAINED else HistoryFormat(self.history)
        item_text = None if self.item_text == TRAINED else ItemText(self.item_text)
        options = EvaluationOptions(text_format=TextFormat(history, item_text))
        return " ".join(without_effect(workspace, self.models, options))

    def check(self, workspace: Workspace) -> None:
        from engine.baselines.stored import trained_baseline
        from engine.registry import made_on_first_use, spec_of, stored_model

        if not self.models:
            raise BadInput("Choose at least one model (Space marks it).")
        need_datasets(workspace, self.datasets, "evaluate on")
        whole("sample", self.sample, 0, MOST)
        seed_of(self.seed if self.sample else "")
        with workspace.read() as db:
            found = [dataset_store.dataset(db, name) for name in self.datasets]
            for name in self.models:
                stored = model_store.find_model(db, name)
                if stored is None and name not in made_on_first_use():
                    stored_model(db, name)  # says which there are
                elif stored is not None and spec_of(stored).trained:
                    for dataset in found:
                        trained_baseline(db, stored, dataset)
