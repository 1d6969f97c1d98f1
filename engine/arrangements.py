"""The orders in which `st5 experiment order` puts events of one time, and which datasets have such events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from store.enums import SplitKind
from store.rows import Dataset

MARK = "~"  # between the names of a dataset and of an arrangement; no dataset that a user names may have it


class By(StrEnum):
    """What orders the events of a user that share a time."""

    SHUFFLE = "shuffle"
    RISING = "rising"
    FALLING = "falling"
    STRICT = "strict"


@dataclass(frozen=True)
class Arrangement:
    """An order of the events of one time; the seed is that of a shuffle."""

    by: By
    seed: int = 0

    @property
    def words(self) -> str:
        """As tables and protocols say it."""
        return {
            By.SHUFFLE: f"shuffle seed {self.seed}",
            By.RISING: "rising keys",
            By.FALLING: "falling keys",
            By.STRICT: "strict",
        }[self.by]

    def name(self, dataset: str) -> str:
        """What the rearranged dataset is called: `ml-100k~rising`."""
        return f"{dataset}{MARK}{self.by}{self.seed if self.by is By.SHUFFLE else ''}"


SHUFFLES = tuple(Arrangement(By.SHUFFLE, seed) for seed in range(5))
ARRANGEMENTS = (*SHUFFLES, Arrangement(By.RISING), Arrangement(By.FALLING), Arrangement(By.STRICT))


def unfit(dataset: Dataset) -> str:
    """Why a dataset cannot be rearranged, "" where it can: `no events of a user share a time`.

    One that was ingested before ties were counted is taken to have some.
    """
    if not dataset.timed:
        return "it has positions and no times"
    if dataset.split is SplitKind.GIVEN:
        return "its files say the history of each event"
    order = dataset.audit.get("order")
    if isinstance(order, dict) and not order["tied"]:
        return "no events of a user share a time"
    return ""


def refusal(dataset: Dataset, reason: str) -> str:
    """What is said of a dataset that cannot be rearranged."""
    return (
        f"{dataset.name} cannot be rearranged: {reason}, so its order has no other form. Allowed are datasets with "
        f"times that several events of a user share; `st5 datasets {dataset.name}` says what its order is like."
    )
