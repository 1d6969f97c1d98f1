"""What a reader of results asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from store.enums import Seen, Slice

if TYPE_CHECKING:
    from engine.measuring.slices import Condition


class Averaging(StrEnum):
    """Whether every event weighs the same, or every user."""

    EVENT = "event"
    USER = "user"


class Significance(StrEnum):
    """How the p of a paired difference is found."""

    BOOTSTRAP = "bootstrap"
    PERMUTATION = "permutation"


@dataclass(frozen=True)
class ComparisonSpec:
    """Metrics by their names under some seen rules, of events like these, divided by a slice; and how they are read."""

    by: Slice
    metrics: Sequence[str]
    seen: Sequence[Seen]
    where: Sequence[Condition] = ()
    mean: Averaging = Averaging.EVENT
    test: Significance = Significance.BOOTSTRAP
