"""What is marked in every table of results, and when: best, second, and what does not differ from the best.

`st5 results`, `st5 experiment`, the report and the workbench take levels, sign and legend from here. Importing it costs
nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

LEVEL = 0.05  # a p value below it, after Holm's correction, is called significant
CONFIDENCE = 0.95  # of every interval
FEW_EVENTS = 30  # fewer say too little: such cells are shown with their n, and without marks

ALIKE = "≈"
LEGEND = f"{ALIKE} not significantly different from the best"
TEST = f"paired bootstrap over users, Holm over the table, p ≥ {LEVEL:g}"
INTERVAL = f"{100 * CONFIDENCE:g} % interval"
FEW = f"Numbers over fewer than {FEW_EVENTS} events have no marks."


def cell_ranks(values: Sequence[float | None], n: int | None, *, lower_is_better: bool = False) -> list[int]:
    """1 for the best of the values, 2 for the second, else 0.

    n: events behind the values, None if they are not counts of events. Equal values share a place; nothing is the best
    of equal values, or of fewer than FEW_EVENTS events. None is a missing value.

    `cell_ranks([0.1, 0.3, None, 0.2], 100)` is `[0, 1, 0, 2]`.
    """
    levels = sorted({value for value in values if value is not None}, reverse=not lower_is_better)
    if len(levels) < 2 or (n is not None and n < FEW_EVENTS):
        return [0] * len(values)
    return [0 if value is None or value not in levels[:2] else levels.index(value) + 1 for value in values]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p values that are read together, in their order.

    `holm([0.01, 0.04, 0.03])` is `[0.03, 0.06, 0.06]`.
    """
    corrected = [1.0] * len(p)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        least = max(least, p[place] * (len(p) - rank))
        corrected[place] = min(1.0, least)
    return corrected


def not_significant(p: Mapping[Key, float]) -> frozenset[Key]:
    """The tests of one table that are not significant after Holm's correction over all of them.

    p: one value for each distinct pair that was tested, as `compare_with_best` gives them.
    """
    return frozenset(key for key, corrected in zip(p, holm(list(p.values())), strict=True) if corrected >= LEVEL)
