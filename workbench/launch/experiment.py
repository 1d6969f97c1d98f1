"""One of the thesis' tables or figures, with whatever it still needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from store.errors import BadInput
from store.workspace import Workspace
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import LARGEST_SEED, MOST, FormHints, JobForm, option, settings, whole
from workbench.ui.numbers import counted

if TYPE_CHECKING:
    from engine.experiments.arguments import Arguments
    from engine.experiments.definition import Definition

NO, YES = "no", "yes"
TRAINING = ((NO, "what needs training is left out"), (YES, "train the variants that are not there yet"))


@dataclass(frozen=True)
class ExperimentForm(JobForm):
    """`st5 experiment`."""

    KIND: ClassVar[str] = "experiment"
    SUMMARY: ClassVar[str] = "a table or figure of the thesis"

    name: str = choice("which", "main", offered="experiments")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    train: str = choice("train", NO, TRAINING)
    backbone: str = text("backbone", "a folder, a name on the hub or a model; else the embedded one")
    recipe: str = text("recipe", "its own: st5 recipes lists them")
    settings: tuple[str, ...] = lines("--set", "key=value of the recipe, NAME.key=value of a baseline")
    models: str = text("models", "its own; else names, comma-separated")
    seeds: str = text("seeds", "0; several, comma-separated, are averaged")
    sample: str = text("sample", "its own; 0 takes all events")

    def shows(self, name: str) -> bool:
        return name != "recipe" or self.train == YES

    def options(self) -> list[str]:
        return [
            self.name,
            *option("--datasets", ",".join(self.datasets)),
            *(["--train"] if self.train == YES else []),
            *option("--backbone", self.backbone),
            *(option("--recipe", self.recipe) if self.shows("recipe") else []),
            *settings(self.settings),
            *option("--models", self.models),
            *option("--seeds", self.seeds),
            *option("--sample", self.sample),
        ]

    def check(self, workspace: Workspace) -> None:
        self._request(workspace)

    def hints(self, workspace: Workspace) -> FormHints:
        from engine.experiments.context import ExperimentContext
        from engine.experiments.steps import Readiness, steps

        definition, arguments = self._request(workspace)
        with workspace.read() as db:
            missing = steps(ExperimentContext(db, definition, arguments))
        held = sum(step.readiness is Readiness.HELD for step in missing)
        runs = f"{counted(len(missing) - held, 'command')} to run" if len(missing) > held else "nothing to run"
        return FormHints({"train": f"{runs}, {held} left out because they need training" if held else runs})

    def _request(self, workspace: Workspace) -> tuple[Definition, Arguments]:
        from engine.experiments.arguments import Arguments
        from engine.experiments.definition import load_definition
        from engine.experiments.request import checked

        definition = load_definition(self.name)
        sample = whole("sample", self.sample, 0, MOST) if self.sample else None
        seeds = tuple(whole("seeds", seed, 0, LARGEST_SEED) for seed in _parts(self.seeds)) or (0,)
        arguments = Arguments(
            datasets=self.datasets,
            models=tuple(_parts(self.models)),
            backbone=self.backbone,
            recipe=self.recipe if self.shows("recipe") else "",
            seeds=seeds,
            sample=sample,
            settings=self.settings,
            train=self.train == YES,
        )
        if not workspace.exists():
            raise BadInput("There is no dataset yet: choose demo or one of ingest in the first line; each brings some.")
        with workspace.read() as db:
            return definition, checked(db, definition, arguments)


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
