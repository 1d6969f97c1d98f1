"""What tests of training share: a small generated shop, requests for it, and a watcher in a job's place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.progress import Observer
from engine.training.recipe import load_recipe
from engine.training.request import TrainRequest, check
from engine.training.variant import train
from store.rows import Model
from store.workspace import Workspace
from tests.program import Program

# Three datasets of some 100 train and a dozen valid and test events each, with descriptions.
CAMERAS, GAMES, KITCHEN = "shop-Cameras", "shop-Games", "shop-Kitchen"

# Eight steps of eight pairs, validated and kept after every second one. The rate makes random weights move.
SMALL = {
    "pairs": 64,
    "batch": 8,
    "learning-rate": 0.003,
    "validate-every": 2,
    "validation-events": 40,
    "log-every": 1,
    "average": 0,
    "cached": "false",
}


def make_shop(folder: Path) -> Workspace:
    """A new workspace with the three datasets."""
    made = Program(folder)("ingest", "synthetic", "--users", "60", "--items", "40", "--name", "shop")
    assert made.code == 0, made.err
    return Workspace(folder)


def copied(workspace: Workspace, folder: Path) -> Workspace:
    """The same workspace once more, for a test that changes it."""
    return Workspace(Path(shutil.copytree(workspace.folder, folder)))


def small(**changed: Any) -> list[str]:
    """The small recipe as `--set` options; names with underscores for hyphens."""
    values = SMALL | {name.replace("_", "-"): value for name, value in changed.items()}
    return [word for key, value in values.items() for word in ("--set", f"{key}={str(value).lower()}")]


def request(
    variant: str,
    backbone: Path,
    datasets: Sequence[str] = (CAMERAS,),
    *,
    name: str = "",
    seed: int = 0,
    overrides: Sequence[str] = (),
    **changed: Any,
) -> TrainRequest:
    """What `st5 train` asks for with the small recipe; `overrides`: further `KEY=VALUE`."""
    recipe = load_recipe("modern", [*small(**changed)[1::2], *overrides])
    return TrainRequest(variant, recipe, tuple(datasets), str(backbone), name or variant, seed, "cpu")


@dataclass
class Watcher:
    """Sees what a job would store; asks to stop at an optimizer step of a phase, the first one that it comes to."""

    stop_phase: str = ""
    stop_step: int = 0
    events: list[tuple[str, str]] = field(default_factory=list)
    points: list[tuple[str, int, dict[str, float]]] = field(default_factory=list)
    progress: tuple[str, int, int] = ("", 0, 0)

    @property
    def observer(self) -> Observer:
        return Observer(self._progress, self._record, self._tell, self._stop)

    def curve(self, name: str) -> dict[int, float]:
        """A series of the only phase, by step."""
        return {step: values[name] for _, step, values in self.points if name in values}

    def messages(self, kind: str) -> list[str]:
        return [message for found, message in self.events if found == kind]

    def _progress(self, stage: str, done: int, total: int) -> None:
        self.progress = (stage, done, total)

    def _record(self, phase: str, step: int, values: Mapping[str, float]) -> None:
        self.points.append((phase, step, dict(values)))

    def _tell(self, kind: str, message: str) -> None:
        self.events.append((kind, message))

    def _stop(self) -> bool:
        return self.progress[0] == self.stop_phase and self.progress[1] >= self.stop_step


def trained(workspace: Workspace, wanted: TrainRequest, watcher: Watcher | None = None) -> Model:
    """The model of a request, checked and trained in this process."""
    check(workspace, wanted)
    return train(workspace, wanted, (watcher or Watcher()).observer)


def checkpoints(workspace: Workspace) -> list[int]:
    """The steps of all complete checkpoints of a workspace, in order."""
    found = workspace.phases.glob("*/checkpoints/checkpoint-*/trainer_state.json")
    return sorted(int(path.parent.name.removeprefix("checkpoint-")) for path in found)
