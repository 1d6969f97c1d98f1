"""A text model, trained or as its backbone is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from store.workspace import Workspace
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import (
    AUTO,
    DEVICE_HINT,
    FormHints,
    JobForm,
    need_datasets,
    option,
    seed_of,
    settings,
)  # fmt: skip

if TYPE_CHECKING:
    from engine.training.recipe import Recipe
    from engine.training.request import TrainRequest

ONLY = "only"
VARIANTS = (ONLY, "nopre", "itempre", "final")
POOLINGS = (
    (AUTO, "what the backbone says"),
    ("cls", "the first token's vector: BLaIR, SimCSE"),
    ("mean", "the mean of all tokens' vectors"),
)


@dataclass(frozen=True)
class TrainForm(JobForm):
    """`st5 train`."""

    KIND: ClassVar[str] = "train"
    SUMMARY: ClassVar[str] = "a text model"

    variant: str = choice("variant", "nopre", VARIANTS)
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    backbone: str = text("backbone", "a folder or a name on the hub; else the embedded one", names_path=True)
    pooling: str = choice("pooling", AUTO, POOLINGS)
    recipe: str = choice("recipe", "modern", offered="recipes")
    settings: tuple[str, ...] = lines("--set", "key=value or phase.key=value, one a line")
    name: str = text("name", "the variant's")
    seed: str = text("seed", "0")
    device: str = text("device", DEVICE_HINT)

    @property
    def is_job(self) -> bool:
        return self.variant != ONLY

    @property
    def done_message(self) -> str:
        return f"Model {self.name or self.variant} is made; it has no job."

    def shows(self, name: str) -> bool:
        if name == "pooling":
            return not self.is_job and bool(self.backbone)
        return self.is_job or name not in ("datasets", "recipe", "settings", "seed")

    def options(self) -> list[str]:
        own = [self.variant]
        if self.is_job:
            own += option("--datasets", ",".join(self.datasets))
        own += option("--backbone", self.backbone)
        if self.shows("pooling"):
            own += option("--pooling", self.pooling, AUTO)
        if self.is_job:
            own += ["--recipe", self.recipe, *settings(self.settings)]
        own += option("--name", self.name)
        return own + (option("--seed", self.seed) if self.is_job else []) + option("--device", self.device)

    def check(self, workspace: Workspace) -> None:
        from engine.training.request import check

        self._recipe().chain(self.variant)
        if self.is_job:
            need_datasets(workspace, self.datasets, "train on")
        check(workspace, self._request())

    def hints(self, workspace: Workspace) -> FormHints:
        recipe = self._recipe()
        names = {"variant": tuple((name, "") for name in recipe.chains)}
        if self.variant not in recipe.chains:
            return FormHints(choices=names)
        phases = " → ".join(phase.value for phase in recipe.chain(self.variant))
        return FormHints({"variant": phases or "nothing is trained"}, names)

    def warning(self, workspace: Workspace) -> str:
        from engine.training.request import warnings

        return " ".join(warnings(workspace, self._request())) if self.is_job else ""

    def _request(self) -> TrainRequest:
        from engine.training.request import TrainRequest

        chosen = self.datasets if self.is_job else ()
        pooling = self.pooling if self.shows("pooling") and self.pooling != AUTO else ""
        seed = seed_of(self.seed) if self.is_job else 0
        name = self.name or self.variant
        return TrainRequest(
            self.variant, self._recipe(), chosen, self.backbone, name, seed, self.device or AUTO, pooling
        )

    def _recipe(self) -> Recipe:
        from engine.training.recipe import load_recipe

        return load_recipe(self.recipe, self.settings if self.is_job else ())
