"""Ratings predicted, and the error measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from store.workspace import Workspace
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import (
    AUTO,
    DEVICE_HINT,
    SETTINGS_HINT,
    JobForm,
    need_datasets,
    option,
    seed_of,
    settings,
)  # fmt: skip

MEANS = (("mean", "of all ratings"), ("user-mean", "of the user's ratings"), ("item-mean", "of the item's ratings"))
LEARNED = (
    ("bias", "the mean, and how far user and item are from it"),
    ("pmf", "factors of users and items"),
    ("biased-mf", "both"),
)
OVER_TEXT = (("ridge", "linear, over the text model's vectors"), ("dense", "a small network over them"))
PREDICTORS = (*MEANS, *LEARNED, *OVER_TEXT)
ONLY = "only"


@dataclass(frozen=True)
class RateForm(JobForm):
    """`st5 rate`."""

    KIND: ClassVar[str] = "rate"
    SUMMARY: ClassVar[str] = "ratings predicted"

    predictor: str = choice("predictor", "bias", PREDICTORS)
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    features: str = choice("features", ONLY, offered="text_models")
    settings: tuple[str, ...] = lines("--set", SETTINGS_HINT)
    seed: str = text("seed", "0")
    device: str = text("device", DEVICE_HINT)

    def shows(self, name: str) -> bool:
        if name == "features":
            return self.predictor in dict(OVER_TEXT)
        return name != "settings" or self.predictor not in dict(MEANS)

    def options(self) -> list[str]:
        return [
            self.predictor,
            *option("--datasets", ",".join(self.datasets)),
            *(option("--features", self.features, ONLY) if self.shows("features") else []),
            *option("--seed", self.seed),
            *(settings(self.settings) if self.shows("settings") else []),
            *option("--device", self.device),
        ]

    def check(self, workspace: Workspace) -> None:
        from engine.rating.predictor import named, settings_of
        from engine.rating.request import RateRequest, check

        predictor = named(self.predictor)
        said = settings_of(predictor, self.settings if self.shows("settings") else ())
        need_datasets(workspace, self.datasets, "predict for")
        features = self.features if self.shows("features") and self.features != ONLY else ""
        request = RateRequest(predictor, said, features, seed_of(self.seed), self.device or AUTO, AUTO)
        check(workspace, request, self.datasets)
