"""Figures of a dataset's order. They take seconds, so they are measured at the first request and stored."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any

from store.dataset_figures import figures
from store.rows import Dataset

KEY_PROBE, RULES = ("key probe", 3), ("sequential rules", 1)  # name, and version of the measurement
LOWER_KEY = 0.3  # what counts of a candidate whose key is lower than the last item's
# Klenitskiy et al. 2024, "Does It Look Sequential?" (arXiv 2408.12008): their thresholds of a rule.
SUPPORT = 5  # times that the one item comes right after the other
CONFIDENCE = 0.1  # share of the first item's occurrences that the second comes right after


@dataclass(frozen=True)
class KeyProbe:
    """NDCG@10 of item-knn, plain and with lower keys held back, and their paired difference.

    plain has the 95 % interval plain_low, plain_high; gain is held back less plain, with low and high, clustered by
    user. A dataset that does not tell targets by key has a gain below 0.
    """

    events: int
    users: int
    plain: float
    plain_low: float
    plain_high: float
    held_back: float
    gain: float
    low: float
    high: float

    @property
    def fails(self) -> bool:
        """Whether holding lower keys back wins, beyond chance."""
        return self.low > 0

    @property
    def words(self) -> str:
        """The numbers and what they mean, in one line."""
        found = (
            f"item-knn has NDCG@10 {self.plain:.4f}, and {self.held_back:.4f} where candidates of a lower key "
            f"than the last item's count {LOWER_KEY:g} ({self.gain:+.4f} [{self.low:+.4f}, {self.high:+.4f}], "
            f"{self.events:,} events)"
        )
        return f"{found}: keys give targets away" if self.fails else found


@dataclass(frozen=True)
class Rules:
    """How many pairs of items follow each other often, as the sequences are and shuffled with seeds 0, 1, …"""

    as_they_are: int
    shuffled: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Rules of the shuffled sequences, the mean over the seeds."""
        return sum(self.shuffled) / len(self.shuffled)

    @property
    def kept(self) -> float | None:
        """The share of the rules that shuffling leaves; None where there is no rule."""
        return self.mean / self.as_they_are if self.as_they_are else None

    @property
    def words(self) -> str:
        """The numbers in one line."""
        kept = "" if self.kept is None else f" ({self.kept:.0%})"
        return (
            f"{self.as_they_are:,} pairs follow each other {SUPPORT} times and more, in {CONFIDENCE:.0%} and more of "
            f"the first item's occurrences; {self.mean:,.1f} once histories are shuffled{kept}"
        )


@dataclass(frozen=True)
class OrderFigures:
    """What is stored; known says whether both were measured. A dataset without test events has no probe."""

    probe: KeyProbe | None = None
    rules: Rules | None = None
    known: bool = False

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Name and words of each figure that there is."""
        both = (("key probe", self.probe), ("sequential rules", self.rules))
        return [(name, one.words) for name, one in both if one is not None]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        probe, rules = self.probe, self.rules
        return {
            "key_probe": None if probe is None else asdict(probe) | {"fails": probe.fails},
            "sequential_rules": None if rules is None else asdict(rules) | {"kept": rules.kept},
        }


def stored_figures(db: sqlite3.Connection, dataset: Dataset) -> OrderFigures:
    """What was measured of a dataset's order so far."""
    found = figures(db, dataset.id)
    probe, rules = found.get(KEY_PROBE), found.get(RULES)
    return OrderFigures(
        KeyProbe(**probe) if probe else None,
        Rules(rules["as_they_are"], tuple(rules["shuffled"])) if rules else None,
        known=KEY_PROBE in found and RULES in found,
    )
