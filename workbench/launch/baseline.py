"""A model to compare with, made and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from store import datasets as dataset_store
from store.errors import BadInput
from store.words import Split
from store.workspace import Workspace
from workbench.launch.draft import (
    DEVICE_HINT,
    MOST,
    SETTINGS_HINT,
    Draft,
    need_datasets,
    option,
    seed_of,
    settings,
    whole,
)  # fmt: skip
from workbench.launch.field import choice, lines, marks, text

BASELINES = ("pop", "pop-recent", "last-item", "bm25", "sasrec", "unisrec")
OVER_TEXT = ("last-item", "unisrec")  # take the vectors of a text model
TRAINED = ("sasrec", "unisrec")  # learn weights of their own
ONLY = "only"


@dataclass(frozen=True)
class BaselineDraft(Draft):
    """`st5 baseline`."""

    KIND: ClassVar[str] = "baseline"
    SUMMARY: ClassVar[str] = "a model to compare with"

    baseline: str = choice("baseline", BASELINES[0], BASELINES, offered="baselines")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    features: str = choice("features", ONLY, offered="text_models")
    settings: tuple[str, ...] = lines("--set", SETTINGS_HINT)
    name: str = text("name", "the baseline's")
    seed: str = text("seed", "0")
    sample: str = text("sample", "all events")
    device: str = text("device", DEVICE_HINT)

    def shows(self, name: str) -> bool:
        if name == "features":
            return self.baseline in OVER_TEXT
        return self.baseline in TRAINED or name not in ("settings", "name", "seed")

    def options(self) -> list[str]:
        own = [self.baseline, *option("--datasets", ",".join(self.datasets))]
        if self.baseline in OVER_TEXT:
            own += option("--features", self.features, ONLY)
        if self.baseline in TRAINED:
            own += [*settings(self.settings), *option("--name", self.name), *option("--seed", self.seed)]
        return [*own, *option("--sample", self.sample), *option("--device", self.device)]

    def check(self, workspace: Workspace) -> None:
        from engine.baselines.request import BaselineRequest, check_baseline

        need_datasets(workspace, self.datasets, "evaluate on")
        whole("sample", self.sample, 0, MOST)
        features = self.features if self.baseline in OVER_TEXT and self.features != ONLY else ""
        if self.baseline not in TRAINED:
            check_baseline(workspace, BaselineRequest(self.baseline, features))
            return
        request = BaselineRequest(self.baseline, features, self.name, seed_of(self.seed), self.settings)
        check_baseline(workspace, request)
        with workspace.read() as db:
            for dataset in (dataset_store.dataset(db, name) for name in self.datasets):
                if not dataset.events.get(Split.TRAIN):
                    raise BadInput(f"{dataset.name} has no train events, so nothing can be learned from it.")
