"""The count of lines and broken lines of one file, and the error when too many are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from engine.sources.source_data import BROKEN_SHARE_ALLOWED
from store.errors import BadInput

EARLY_REFUSAL = 1000  # so many broken lines are looked at one by one before a hopeless file is given up


@dataclass(frozen=True)
class Rows:
    """Parsed lines. `place(row)` names a row of `frame` for a person: `line 812`."""

    frame: pl.DataFrame
    location: Callable[[int], str]


def counted(unit: str, first: int) -> Callable[[int], str]:
    """Names of rows that stand one after another: `line 812` for row 0 where `first` is 812."""
    return lambda row: f"{unit} {first + row}"


@dataclass
class LineStats:
    """Lines seen and broken in `path`, which holds `what` (`reviews`, `meta`, `events`, `items`)."""

    path: Path
    what: str
    lines: int = 0
    broken: int = 0
    first: str = ""
    _unread: dict[str, tuple[int, str]] = field(default_factory=dict)

    def record_bad_line(self, location: str, why: str, next_step: str = "") -> None:
        """Count one broken line; the first is named if the file is refused. Raises BadInput once it is hopeless."""
        if not self.broken:
            self.first = f"{self.path} {location}: {why}.{f' {next_step}' if next_step else ''}"
        self.broken += 1
        if self.broken >= EARLY_REFUSAL:
            self._refuse_above_share()

    def leave_unread(self, column: str, rows: Rows, values: pl.Series, unreadable: pl.Series, why: str) -> None:
        """Count the values of `column` at `unreadable` (bool), whose rows stay without them; the first is named.

        why: what is wrong with each, then the next step, as in `is not a number. Pass …`.
        """
        if not unreadable.any():
            return
        count, first = self._unread.get(column, (0, ""))
        if not first:
            row = int(unreadable.arg_max())  # type: ignore[arg-type]
            value = str(values[row])
            shown = value if len(value) <= 40 else f"{value[:40]}…"
            first = f'{self.path} {rows.location(row)}: {column} "{shown}" {why}'
        self._unread[column] = (count + int(unreadable.sum()), first)

    def finish(self, dropped: Counter[str]) -> None:
        """Add broken lines and unread values to `dropped`; BadInput where either is above 1 %, or no line was there."""
        if not self.lines:
            raise BadInput(f"{self.path}: holds a header and no rows. Check that the download or export finished.")
        self._refuse_above_share()
        if self.broken:
            dropped[f"broken line in {self.what}"] += self.broken
        for column, (count, first) in self._unread.items():
            if count > BROKEN_SHARE_ALLOWED * self.lines:
                raise BadInput(
                    f"{first} {count:,} of {self.lines:,} cannot be read ({count / self.lines:.2%}); up to "
                    f"{BROKEN_SHARE_ALLOWED:.0%} would be taken as unknown."
                )
            dropped[f"note: unreadable {column} taken as unknown"] += count

    def _refuse_above_share(self) -> None:
        if self.broken > BROKEN_SHARE_ALLOWED * self.lines:
            raise BadInput(
                f"{self.first} {self.broken:,} of {self.lines:,} lines are broken "
                f"({self.broken / self.lines:.2%}); up to {BROKEN_SHARE_ALLOWED:.0%} would be skipped."
            )
