"""A shop whose users go round the same items, and sequence models trained on it."""

from __future__ import annotations

from pathlib import Path

from engine.baselines.request import BaselineRequest, check_baseline
from engine.baselines.trained import train_baseline
from engine.evaluation import evaluate
from engine.models import make_baseline
from engine.protocol import EvaluationOptions
from store import evaluations
from store.enums import Split
from store.rows import Ranks, TrainedBaseline
from store.workspace import Workspace
from tests.small_shop import TEST, TRAIN, add
from tests.training_shop import Watcher

VALID = Split.VALID
ITEMS, LENGTH = 8, 6
WORDS = ("lamp", "chair", "table", "pencil", "kettle", "bicycle", "violin", "window")
QUICK = ("hidden=16", "inner=32", "dropout=0.1", "learning-rate=0.01", "window=3", "batch=16")
FP32 = EvaluationOptions(device="cpu", precision="fp32")


def cycle(folder: Path, *, valid: bool = True, cold: int = 0) -> Workspace:
    """After item n comes n + 1, and 0 after the last. Two users begin with each item.

    cold: how many more items there are, which no user has.
    """
    workspace = Workspace(folder)
    marks = ((1, TRAIN), (2, TRAIN), (3, TRAIN), (LENGTH - 2, VALID if valid else TRAIN), (LENGTH - 1, TEST))
    histories = [
        (f"u{user}", tuple((user + step) % ITEMS for step in range(LENGTH)), marks) for user in range(2 * ITEMS)
    ]
    titles = [*WORDS, *(f"cold {n}" for n in range(cold))]
    add(workspace, "cycle", titles, ["Things"] * len(titles), histories)
    return workspace


def trained_baseline(
    workspace: Workspace,
    kind: str = "sasrec",
    *settings: str,
    seed: int = 0,
    features: str = "",
    watcher: Watcher | None = None,
    name: str = "",
    on: str = "cycle",
) -> TrainedBaseline:
    """A baseline with the quick settings and these on top, checked and trained on the CPU."""
    request = BaselineRequest(kind, features, name, seed, (*QUICK, *settings))
    check_baseline(workspace, request)
    model = make_baseline(workspace, request)
    return train_baseline(workspace, model, on, (watcher or Watcher()).observer, device="cpu")


def ranks(workspace: Workspace, model: str) -> Ranks:
    with workspace.read() as db:
        return evaluations.ranks(db, evaluate(workspace, model, "cycle", FP32))


class Stopping(Watcher):
    """Asks to stop at a target of an epoch."""

    def _stop(self) -> bool:
        return self.stop_phase in self.progress[0] and self.progress[1] >= self.stop_step
