"""A model to compare with, made and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from store import datasets as dataset_store
from store.enums import Split
from store.errors import BadInput
from store.workspace import Workspace
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import (
    DEVICE_HINT,
    MOST,
    SETTINGS_HINT,
    JobForm,
    need_datasets,
    option,
    seed_of,
    settings,
    whole,
)  # fmt: skip

if TYPE_CHECKING:
    from engine.registry import ModelSpec

FIRST = "pop"
ONLY = "only"


@dataclass(frozen=True)
class BaselineForm(JobForm):
    """`st5 baseline`."""

    KIND: ClassVar[str] = "baseline"
    SUMMARY: ClassVar[str] = "a model to compare with"

    baseline: str = choice("baseline", FIRST, offered="baselines")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    features: str = choice("features", ONLY, offered="text_models")
    parts: tuple[str, ...] = marks("parts", offered="models")
    settings: tuple[str, ...] = lines("--set", SETTINGS_HINT)
    name: str = text("name", "the baseline's")
    seed: str = text("seed", "0")
    sample: str = text("sample", "all events")
    device: str = text("device", DEVICE_HINT)

    @property
    def spec(self) -> ModelSpec | None:
        """What the registry says of the chosen kind; None where no installed package has it."""
        from engine.registry import baselines

        return baselines().get(self.baseline)

    def shows(self, name: str) -> bool:
        spec = self.spec
        shown = {
            "features": spec is not None and spec.vectors,
            "parts": spec is not None and spec.parts and not spec.made_of,
            "settings": spec is not None and spec.settings is not None,
            "name": spec is not None and spec.settings is not None,
            "seed": spec is not None and spec.random,
        }
        return shown.get(name, True)

    def options(self) -> list[str]:
        own = [self.baseline, *option("--datasets", ",".join(self.datasets))]
        if self.shows("features"):
            own += option("--features", self.features, ONLY)
        if self.shows("parts"):
            own += option("--parts", ",".join(self.parts))
        if self.shows("settings"):
            own += [*settings(self.settings), *option("--name", self.name)]
        if self.shows("seed"):
            own += option("--seed", self.seed)
        return [*own, *option("--sample", self.sample), *option("--device", self.device)]

    def check(self, workspace: Workspace) -> None:
        from engine.baselines.request import BaselineRequest, check_baseline

        need_datasets(workspace, self.datasets, "evaluate on")
        whole("sample", self.sample, 0, MOST)
        features = self.features if self.shows("features") and self.features != ONLY else ""
        changed = self.shows("settings")
        name, said = (self.name, self.settings) if changed else ("", ())
        seed = seed_of(self.seed) if self.shows("seed") else None
        parts = self.parts if self.shows("parts") else ()
        spec = check_baseline(workspace, BaselineRequest(self.baseline, features, name, seed, said, parts))
        if not spec.trained:
            return
        with workspace.read() as db:
            for dataset in (dataset_store.dataset(db, name) for name in self.datasets):
                if not dataset.events.get(Split.TRAIN):
                    raise BadInput(f"{dataset.name} has no train events, so nothing can be learned from it.")
