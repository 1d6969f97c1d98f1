"""Where our numbers contradict the thesis': published A above B, and here B significantly above A."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from statistics import NormalDist

from engine.experiments.sheet import Cell, Outcome, Row, Sheet
from engine.measuring.highlighting import CONFIDENCE, LEVEL, holm
from engine.report.cells import number

WIDTH = 2 * NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # standard errors in an interval


@dataclass(frozen=True)
class _Pair:
    """Two columns of one row; the thesis has `upper` ahead of `lower`. tested: what the table's own test says, if it
    compared the two."""

    outcome: Outcome
    sheet: Sheet
    row: Row
    upper: int
    lower: int

    @property
    def cells(self) -> tuple[Cell, Cell]:
        upper, lower = self.row.cells[self.upper], self.row.cells[self.lower]
        assert upper is not None
        assert lower is not None
        return upper, lower

    @property
    def opposite(self) -> bool:
        upper, lower = self.cells
        return lower.value < upper.value if self.sheet.lower_is_better else lower.value > upper.value

    @property
    def tested(self) -> bool | None:
        """The paired test of the table, which compares with the best; None where neither is the best."""
        upper, lower = self.cells
        return upper.significant if lower.place == 1 else None

    @property
    def p(self) -> float:
        """Two-sided, from the two intervals as if they were independent; 1 if missing.

        Two models over the same events agree on what is easy, so their difference varies less than this supposes.
        """
        spans = [(cell.high - cell.low) / WIDTH for cell in self.cells if None not in (cell.low, cell.high)]  # type: ignore[operator]
        if len(spans) < 2 or not any(spans):
            return 1.0
        upper, lower = self.cells
        return math.erfc(abs(upper.value - lower.value) / math.hypot(*spans) / math.sqrt(2))


def discrepancies(outcomes: Iterable[Outcome], editions: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """A sentence that says what was compared, and one for each two columns that are significantly the other way round.

    editions: by dataset, the note that its data are another edition than the thesis'.
    """
    pairs = [pair for outcome in outcomes for sheet in outcome.sheets for pair in _pairs(outcome, sheet)]
    if not pairs:
        return "No two numbers here have published counterparts to compare.", ()
    corrected = holm([pair.p if pair.opposite and pair.tested is None else 1.0 for pair in pairs])
    found = [
        pair
        for pair, p in zip(pairs, corrected, strict=True)
        if pair.opposite and (p < LEVEL if pair.tested is None else pair.tested)
    ]
    opposite = sum(pair.opposite for pair in pairs)
    compared = (
        f"Pairs of numbers shown here of which the thesis says which is the better: {len(pairs):,}. "
        f"The other way round here: {opposite:,}; significantly so: {len(found):,} "
        f"(at {100 * LEVEL:g} %: against the best of a row by the table's own paired test, other pairs by "
        "their intervals with Holm's correction over all pairs)."
    )
    return compared, tuple(_sentences(found, editions))


def _pairs(outcome: Outcome, sheet: Sheet) -> Iterator[_Pair]:
    for row in sheet.rows:
        said = [(place, cell.published) for place, cell in enumerate(row.cells) if cell and cell.published is not None]
        for (upper, high), (lower, low) in permutations(said, 2):
            if low is not None and high is not None and (high < low if sheet.lower_is_better else high > low):
                yield _Pair(outcome, sheet, row, upper, lower)


def _sentences(contrary: list[_Pair], editions: Mapping[str, str]) -> Iterator[str]:
    """One sentence per table, dataset and two columns, with all the metrics in which they are turned round."""
    groups: dict[tuple[str, str, str, str, str], list[_Pair]] = {}
    for pair in contrary:
        names = pair.sheet.columns[pair.upper], pair.sheet.columns[pair.lower]
        key = (pair.outcome.title, pair.sheet.title, _dataset(pair), *names)
        groups.setdefault(key, []).append(pair)
    for (outcome, sheet, dataset, upper, lower), pairs in groups.items():
        where = ", ".join(part for part in (dataset, editions.get(dataset, "")) if part)
        table = sheet if outcome in sheet else f"{outcome}: {sheet}"
        yield (
            f"{where or 'All data'}. {table}: the thesis has “{upper}” ahead of “{lower}”, here “{lower}” is "
            f"significantly ahead of “{upper}”. {'; '.join(_numbers(pair, dataset) for pair in pairs)}."
        )


def _dataset(pair: _Pair) -> str:
    return next((label for label in pair.row.labels if label in pair.sheet.fingerprints), "")


def _numbers(pair: _Pair, dataset: str) -> str:
    """`ndcg@10 0.0312 against 0.0201 (thesis 0.0049 against 0.0119)`, the one that is ahead here first."""
    upper, lower = pair.cells
    digits = pair.sheet.decimals
    ours, theirs = (
        f"{number(a, digits)} against {number(b, digits)}"
        for a, b in ((lower.value, upper.value), (lower.published or 0.0, upper.published or 0.0))
    )
    what = " ".join(label for label in pair.row.labels if label != dataset)
    return f"{what} {ours} (thesis {theirs})".strip()
