"""The count of lines and broken lines of one file, and the error when too many are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources.raw import BROKEN_SHARE_ALLOWED
from store.errors import BadInput

EARLY_REFUSAL = 1000  # so many broken lines are looked at one by one before a hopeless file is given up


@dataclass(frozen=True)
class Rows:
    """Parsed lines. `place(row)` names a row of `frame` for a person: `line 812`."""

    frame: pl.DataFrame
    place: Callable[[int], str]


def counted(unit: str, first: int) -> Callable[[int], str]:
    """Names of rows that stand one after another: `line 812` for row 0 where `first` is 812."""
    return lambda row: f"{unit} {first + row}"


@dataclass
class Tally:
    """Lines seen and broken in `path`, which holds `what` (`reviews`, `meta`, `events`, `items`)."""

    path: Path
    what: str
    lines: int = 0
    broken: int = 0
    first: str = ""

    def break_line(self, place: str, why: str, next_step: str = "") -> None:
        """Count one broken line; the first is named if the file is refused. Raises BadInput once it is hopeless."""
        if not self.broken:
            self.first = f"{self.path} {place}: {why}.{f' {next_step}' if next_step else ''}"
        self.broken += 1
        if self.broken >= EARLY_REFUSAL:
            self._refuse_above_share()

    def finish(self, dropped: Counter[str]) -> None:
        """Add the broken lines to `dropped`, or raise BadInput where more than 1 % are broken or none was there."""
        if not self.lines:
            raise BadInput(f"{self.path}: holds a header and no rows. Check that the download or export finished.")
        self._refuse_above_share()
        if self.broken:
            dropped[f"broken line in {self.what}"] += self.broken

    def _refuse_above_share(self) -> None:
        if self.broken > BROKEN_SHARE_ALLOWED * self.lines:
            raise BadInput(
                f"{self.first} {self.broken:,} of {self.lines:,} lines are broken "
                f"({self.broken / self.lines:.2%}); up to {BROKEN_SHARE_ALLOWED:.0%} would be skipped."
            )
