"""A model's settings searched on the valid events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from store.workspace import Workspace
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import DEVICE_HINT, MOST, FormHints, JobForm, need_datasets, option, seed_of, whole
from workbench.ui.numbers import counted

if TYPE_CHECKING:
    from engine.registry import ModelSpec
    from engine.tuning.request import SearchRequest

FIRST = "item-knn"
ONLY, RECIPE = "only", "modern"


@dataclass(frozen=True)
class TuneForm(JobForm):
    """`st5 tune`."""

    KIND: ClassVar[str] = "tune"
    SUMMARY: ClassVar[str] = "a model's settings, searched on valid"

    model: str = choice("model", FIRST, offered="tunable")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    tries: tuple[str, ...] = lines("--try", "key=value,value, one a line")
    trials: str = text("trials", "every combination; else so many at random")
    features: str = choice("features", ONLY, offered="text_models")
    backbone: str = text("backbone", "a folder, a name on the hub or a model; else the embedded one")
    recipe: str = choice("recipe", RECIPE, offered="recipes")
    seed: str = text("seed", "0")
    sample: str = text("sample", "all valid events")
    device: str = text("device", DEVICE_HINT)

    @property
    def spec(self) -> ModelSpec | None:
        """What the registry says of a baseline; None for a text model."""
        from engine.registry import baselines

        return baselines().get(self.model)

    def shows(self, name: str) -> bool:
        spec = self.spec
        shown = {
            "features": spec is not None and spec.vectors,
            "backbone": spec is None,
            "recipe": spec is None,
            "seed": spec is None or spec.random or bool(self.trials),
        }
        return shown.get(name, True)

    def options(self) -> list[str]:
        own = [self.model, *option("--datasets", ",".join(self.datasets))]
        own += [word for tried in self.tries for word in ("--try", tried)]
        own += option("--trials", self.trials)
        for name, default in (("features", ONLY), ("backbone", ""), ("recipe", RECIPE), ("seed", "")):
            own += option(f"--{name}", getattr(self, name), default) if self.shows(name) else []
        return [*own, *option("--sample", self.sample), *option("--device", self.device)]

    def check(self, workspace: Workspace) -> None:
        from engine.tuning.plan import plan

        need_datasets(workspace, self.datasets, "search on")
        for dataset in self.datasets:
            plan(workspace, self._request(dataset))

    def hints(self, workspace: Workspace) -> FormHints:
        request = self._request("")
        size = request.size if request.tries else 0
        done_message = min(request.trials, size) if request.trials else size
        return FormHints(
            {"trials": f"{counted(done_message, 'trial')} of {counted(size, 'combination')}"} if size else {}
        )

    def _request(self, dataset: str) -> SearchRequest:
        from engine.tuning.request import SearchRequest, parse_tries

        shown = {name: getattr(self, name) if self.shows(name) else "" for name in ("features", "backbone", "recipe")}
        return SearchRequest(
            self.model,
            dataset,
            parse_tries(self.tries),
            trials=whole("trials", self.trials, 0, MOST),
            seed=seed_of(self.seed) if self.shows("seed") and self.seed else None,
            sample=whole("sample", self.sample, 0, MOST),
            features="" if shown["features"] == ONLY else shown["features"],
            backbone=shown["backbone"],
            recipe="" if shown["recipe"] == RECIPE else shown["recipe"],
        )
