"""The one reader of times: numbers in any unit and dates in any common form, as the store's milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from engine.sources.timestamp_format import EXAMPLE_PATTERN, UNIT_NAMES, UNITS, TimestampFormat, checked_format

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # the web's shops and ratings are younger
FUTURE = timedelta(days=365)  # clocks go wrong by hours, units by factors of 1,000
SAMPLE = 10_000
POSITIONS_BELOW = 10**8  # as seconds this is 1973; as positions more events than any user has
DIGITS = 9  # of a fraction that are read
WEEKDAY = r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]? +"
ZONE_BEFORE_YEAR = r" ([+-]\d{4}|UTC|GMT) (\d{4})$"  # as Twitter writes it: Fri Jul 14 02:40:00 +0000 2017
ZONE_NAME = r"(?i)(\d|m) ?(?:utc|gmt|z)$"
OFFSET = r"(:\d\d(?:[.,]\d+)?(?: [AaPp][Mm]| \d{4})?) ?([+-])(\d\d):?(\d\d)?$"
FRACTION = r"(:\d\d)[.,](\d+)"
# A date's shape, digits as 9 and words as A, four digits as Y; `?` marks day and month in an order of the file's own.
DATES = {
    "Y-9-9": "%Y-%m-%d",
    "Y/9/9": "%Y/%m/%d",
    "Y.9.9": "%Y.%m.%d",
    "Y-9": "%Y-%m",
    "9.9.Y": "%d.%m.%Y",
    "9/9/Y": "?/%Y",
    "9-9-Y": "?-%Y",
    "9 A Y": "%d %B %Y",
    "9. A Y": "%d. %B %Y",
    "9-A-Y": "%d-%B-%Y",
    "9/A/Y": "%d/%B/%Y",
    "Y-A-9": "%Y-%B-%d",
    "A 9, Y": "%B %d, %Y",
    "A 9 Y": "%B %d %Y",
    "9 9, Y": "%m %d, %Y",  # Amazon's reviewTime
}
TIMES = {"": "", "9:9": "%H:%M", "9:9:9": "%H:%M:%S", "9:9 A": "%I:%M %p", "9:9:9 A": "%I:%M:%S %p"}
SHAPES = {
    f"{date}{joint if time else ''}{time}": f"{date_pattern}{joint if time else ''}{time_pattern}"
    for date, date_pattern in DATES.items()
    for time, time_pattern in TIMES.items()
    for joint in (" ", ", ", ":", " at ")
} | {
    "A 9 9:9:9 Y": "%B %d %H:%M:%S %Y",  # ctime
    "99999999": "%Y%m%d",
    "999999999999": "%Y%m%d%H%M",
    "99999999999999": "%Y%m%d%H%M%S",
    "99999999 999999": "%Y%m%d %H%M%S",
    "99999999 9:9:9": "%Y%m%d %H:%M:%S",
    "99999999 9:9": "%Y%m%d %H:%M",
}
EXPECTED_DATE = "no date of a known form (2023-01-31, 2023-01-31 12:00:00, 2023-01-31T12:00:00Z, 31 Jan 2023 …)"


@dataclass(frozen=True)
class Moments:
    """`order` int64: ms since 1970 or a position, null where unreadable. `fraction` int32: ns within the ms."""

    order: pl.Series
    fraction: pl.Series | None = None


@dataclass
class TimeReader:
    """Reads one column of times, block by block; what the first block with values holds decides for all.

    written: a `TimestampFormat` or a pattern of strftime. column: what the file calls it. `positions`: whether auto
    takes small integers as positions. Times before 1990 or more than a year ahead are not read: `trouble` says why.
    """

    written: str = TimestampFormat.AUTO
    column: str = "timestamp"
    positions: bool = False
    detected: TimestampFormat | None = None
    _patterns: list[str] = field(default_factory=list)
    _month_first: bool | None = None
    _latest: datetime = field(default_factory=lambda: datetime.now(UTC) + FUTURE)

    def __post_init__(self) -> None:
        checked_format(self.written)
        if "%" in self.written:
            self.detected = TimestampFormat.ISO
        elif self.written != TimestampFormat.AUTO:
            self.detected = TimestampFormat(self.written)

    @property
    def timed(self) -> bool:
        """Whether the column holds times and not positions."""
        return self.detected is not TimestampFormat.POSITION

    @property
    def recorded(self) -> dict[str, str]:
        """What a dataset records of the format: nothing where the reader told it by itself."""
        return {} if self.written == TimestampFormat.AUTO else {"timestamp_format": str(self.written)}

    def read(self, texts: pl.Series) -> Moments:
        """Texts (null: missing) as moments; null where a text is no such time, or not from 1990 to a year ahead."""
        if texts.null_count() == len(texts):
            return Moments(pl.Series(texts.name, [None], pl.Int64).new_from_index(0, len(texts)))
        if self.detected is None:
            self.detected = self._decided(_sample(texts))
        if self.detected is TimestampFormat.ISO:
            moments = self._dates(texts)
            return Moments(self._plausible(moments.order, TimestampFormat.MS), moments.fraction)
        whole, rest = numbers(texts)
        if self.detected is TimestampFormat.POSITION:
            return Moments(whole if rest is None else whole.zip_with(rest == 0, _nothing()))
        return _in_milliseconds(self._plausible(whole, self.detected), rest, self.detected)

    def trouble(self, text: str) -> tuple[str, str]:
        """Why `text` was not read, and the next step."""
        shown = f'{self.column} "{text if len(text) <= 40 else text[:40] + "…"}"'
        series = pl.Series([text])
        if self.detected is TimestampFormat.POSITION:
            step = "pass --timestamp-format auto" if self.written != TimestampFormat.AUTO else "write times as dates"
            return f"{shown} is no whole number, as positions are", f"Repair the line, or {step}."
        if self.detected is not None and self.detected in UNITS:
            whole = numbers(series)[0].item()
            if whole is not None:
                return f"{shown} is {_date(whole, self.detected)} in {UNIT_NAMES[self.detected]}; {self._range()}", (
                    self._better(whole, self.detected)
                )
            is_date = TimeReader(TimestampFormat.ISO)._dates(series).order.item() is not None
            what = f"{'a date, ' if is_date else ''}not a number of {UNIT_NAMES[self.detected]}"
            if is_date and self.written != TimestampFormat.AUTO:
                return f"{shown} is {what}", "Pass --timestamp-format auto or iso."
            return f"{shown} is {what}{' like the others' if is_date else ''}", "Repair or remove the line."
        if "%" not in self.written and self._month_first is None and _numeric_dates(_normal(series)["text"])[0].count():
            return (
                f"{shown} may begin with the day or with the month",
                'Pass --timestamp-format "%d/%m/%Y" or "%m/%d/%Y", with %H:%M:%S where a time follows.',
            )
        moment = replace(self, _patterns=list(self._patterns))._dates(series).order.item()
        if moment is not None:
            return f"{shown} is {_date(moment, TimestampFormat.MS)}; {self._range()}", "Repair or remove the line."
        if "%" in self.written:
            return f'{shown} is not written as "{self.written}"', "Pass another pattern as --timestamp-format."
        if numbers(series)[0].count():
            if self.written == TimestampFormat.ISO:
                return f"{shown} is {EXPECTED_DATE}", "Pass --timestamp-format auto, s or ms: it is a number."
            return f"{shown} is a number, not a date like the others", "Repair or remove the line."
        what = "neither a number nor a date" if self.written == TimestampFormat.AUTO else EXPECTED_DATE
        return f"{shown} is {what}", f'Pass a pattern, such as --timestamp-format "{EXAMPLE_PATTERN}".'

    def _decided(self, sample: pl.Series) -> TimestampFormat:
        """What most of the sample is. Times of the four units are so far apart that the middle value tells."""
        whole, _ = numbers(sample)
        dates = self._plausible(self._dates(sample).order, TimestampFormat.MS)
        whole = whole.filter(whole != 0)  # a time that is not known
        unit = self._unit(whole)
        if unit is not None and 2 * self._plausible(whole, unit).count() >= whole.count():
            return unit
        if 2 * dates.count() > len(sample):  # 20170714 is a date, and counts above every position
            return TimestampFormat.ISO
        if not numbers(sample)[0].count() or self._dates(sample).order.count() > whole.count():
            return TimestampFormat.ISO
        middle = float(whole.median() or 0)  # type: ignore[arg-type]
        if self.positions and middle < POSITIONS_BELOW:
            return TimestampFormat.POSITION
        return unit or self._nearest(middle)

    def _unit(self, whole: pl.Series) -> TimestampFormat | None:
        middle = whole.median()
        for unit in UNITS:
            earliest, latest = self._bounds(unit)
            if middle is not None and earliest <= middle <= latest:  # type: ignore[operator]
                return unit
        return None

    def _nearest(self, middle: float) -> TimestampFormat:
        """The unit in which the value is least far from the times expected."""

        def distance(unit: TimestampFormat) -> float:
            earliest, latest = self._bounds(unit)
            return max(earliest / max(middle, 1.0), middle / latest)

        return min(UNITS, key=distance)

    def _bounds(self, unit: TimestampFormat) -> tuple[int, int]:
        return int(EARLIEST.timestamp()) * UNITS[unit], int(self._latest.timestamp()) * UNITS[unit]

    def _plausible(self, whole: pl.Series, unit: TimestampFormat) -> pl.Series:
        earliest, latest = self._bounds(unit)
        inside = whole.is_between(earliest, latest)
        return whole if inside.all() and not whole.null_count() else whole.zip_with(inside, _nothing())

    def _range(self) -> str:
        return f"times from {EARLIEST:%Y} to {self._latest:%Y-%m-%d} are expected"

    def _better(self, whole: int, unit: TimestampFormat) -> str:
        for other in UNITS:
            earliest, latest = self._bounds(other)
            if other is not unit and earliest <= whole <= latest:
                if self.written != TimestampFormat.AUTO:
                    return f"Pass --timestamp-format {other} or auto."
                return f"Others are in {UNIT_NAMES[unit]}, this would be in {UNIT_NAMES[other]}: repair the line."
        return "Repair the line, or pass --timestamp-format position if the numbers only order events."

    def _dates(self, texts: pl.Series) -> Moments:
        if "%" in self.written:
            moment = _parsed(texts.str.strip_chars(), self.written)
            return Moments(moment.dt.epoch("ms"), _nanoseconds(moment))
        if self._patterns:  # most files write all their times alike, and need nothing more
            order = _parsed(texts, self._patterns[0]).dt.epoch("ms")
            if order.null_count() == texts.null_count():
                return Moments(order)
        frame = _normal(texts)
        plain = frame["text"]
        order = pl.Series(texts.name, [None], pl.Int64).new_from_index(0, len(texts))
        for pattern in self._patterns:
            order = order.zip_with(order.is_not_null(), _parsed(plain, pattern).dt.epoch("ms"))
            if order.null_count() == texts.null_count():
                break
        open_rows = (order.is_null() & plain.is_not_null()).arg_true()
        if len(open_rows):
            order = order.scatter(open_rows, self._by_shape(plain.gather(open_rows)))
        fraction = frame["fraction"]
        order = order - frame["offset"] * 60_000 + fraction // 1_000_000
        return Moments(order, (fraction % 1_000_000).cast(pl.Int32) if (fraction != 0).any() else None)

    def _by_shape(self, plain: pl.Series) -> pl.Series:
        """Dates as ms by their shapes; a pattern that reads something is kept for the blocks to come."""
        order = pl.Series(plain.name, [None], pl.Int64).new_from_index(0, len(plain))
        shapes = _shapes(plain)
        for shape in set(shapes.unique()) & SHAPES.keys():
            pattern = SHAPES[shape]
            rows = (shapes == shape).arg_true()
            values = plain.gather(rows)
            if pattern.startswith("?"):
                pattern = self._in_order(pattern, values)
            if not pattern:
                continue
            moments = _parsed(values, pattern).dt.epoch("ms")
            if moments.count() and pattern not in self._patterns and len(self._patterns) < 8:
                self._patterns.append(pattern)
            order = order.scatter(rows, moments)
        return order

    def _in_order(self, pattern: str, values: pl.Series) -> str:
        """The pattern with day and month put in; empty where no value tells which comes first."""
        if self._month_first is None:
            first, second = _numeric_dates(values)
            day_first, month_first = bool((first > 12).any()), bool((second > 12).any())
            if day_first == month_first:
                return ""
            self._month_first = month_first
        mark = pattern[1]
        return (f"%m{mark}%d" if self._month_first else f"%d{mark}%m") + pattern[1:]


def numbers(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Text as whole part (int64, exact) and the fraction in 1e-9 (int64; None where all are whole); null for no number.

    `881250949.0`, `1500000000,25` and `1.5E+09` are numbers.
    """
    plain = texts.str.strip_chars()
    whole = plain.cast(pl.Int64, strict=False)
    if whole.null_count() == texts.null_count():
        return whole, None
    rows = (whole.is_null() & plain.is_not_null()).arg_true()
    others = plain.gather(rows).to_frame("text")
    parts = pl.col("text").str.extract_groups(r"^([+-]?\d{1,18})[.,](\d*)$").struct
    value = pl.when(pl.col("text").str.contains(r"^[+-]?\d+(?:\.\d*)?[eE][+-]?\d+$")).then(
        pl.col("text").cast(pl.Decimal(38, DIGITS), strict=False)  # exact, as a float would not be
    )
    digits = (parts[1] + "0" * DIGITS).str.slice(0, DIGITS).cast(pl.Int64, strict=False)
    read = others.select(
        whole=pl.coalesce(parts[0].cast(pl.Int64, strict=False), value.floor().cast(pl.Int64, strict=False)),
        rest=pl.coalesce(digits, ((value - value.floor()) * 10**DIGITS).cast(pl.Int64, strict=False), pl.lit(0)),
    )
    rest = pl.Series("rest", [0], pl.Int64).new_from_index(0, len(texts)).scatter(rows, read["rest"])
    return whole.scatter(rows, read["whole"]), rest


def _sample(texts: pl.Series) -> pl.Series:
    values = texts.drop_nulls()
    return values.gather_every(max(1, len(values) // SAMPLE))


def _in_milliseconds(whole: pl.Series, rest: pl.Series | None, unit: TimestampFormat) -> Moments:
    """Plausible numbers of a unit as ms and the ns within them; `rest` are billionths of the unit."""
    finer = rest is not None and bool((rest != 0).any())
    rest = rest if rest is not None and finer else pl.Series("rest", [0], pl.Int64).new_from_index(0, len(whole))
    if unit is TimestampFormat.S:
        order, fraction = whole * 1000 + rest // 10**6, rest % 10**6
    elif unit is TimestampFormat.MS:
        order, fraction = whole, rest // 1000
    else:
        steps = UNITS[unit] // 1000  # of the unit in a ms
        order, fraction = whole // steps, whole % steps * (10**6 // steps) + rest * (10**6 // steps) // 10**9
        finer = True
    return Moments(order, fraction.fill_null(0).cast(pl.Int32) if finer and (fraction != 0).any() else None)


def _normal(texts: pl.Series) -> pl.DataFrame:
    """`text` without weekday, fraction and offset; `fraction` in ns, `offset` in minutes east of UTC."""
    text = (
        pl.col("text")
        .str.strip_chars()
        .str.replace(r"\[[^\]]*\]$", "")
        .str.replace_all(r"\s+", " ")
        .str.replace(WEEKDAY, "")
        .str.replace(r"^(\d{4}-?\d\d?-?\d\d?)[Tt](\d)", "${1} ${2}")
        .str.replace(ZONE_BEFORE_YEAR, " ${2} ${1}")
        .str.replace(ZONE_NAME, "${1}")
    )
    zone = pl.col("text").str.extract_groups(OFFSET).struct
    minutes = zone[2].cast(pl.Int64, strict=False) * 60 + zone[3].cast(pl.Int64, strict=False).fill_null(0)
    offset = pl.when(zone[1] == "-").then(-minutes).otherwise(minutes).fill_null(0)
    digits = pl.col("text").str.extract(FRACTION, 2)
    fraction = (digits + "0" * DIGITS).str.slice(0, DIGITS).cast(pl.Int64, strict=False).fill_null(0)
    return (
        texts.rename("text")
        .to_frame()
        .with_columns(text)
        .with_columns(offset=offset, text=pl.col("text").str.replace(OFFSET, "${1}"))
        .with_columns(fraction=fraction, text=pl.col("text").str.replace(FRACTION, "${1}"))
    )


def _shapes(plain: pl.Series) -> pl.Series:
    expr = (
        pl.col(plain.name)
        .str.replace_all(r"(?i)\bat\b", "@")
        .str.replace_all(r"(?i)[a-z]+\.?", "A")
        .str.replace_all("@", "at", literal=True)
        .str.replace_all(r"[0-9]", "9")
        .str.replace_all(r"\b9999\b", "Y")
        .str.replace_all(r"\b99(A?)\b", "9${1}")
        .str.replace_all("9A", "9 A", literal=True)
    )
    return plain.to_frame().select(expr).to_series()


def _numeric_dates(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The first and the second number of dates such as 07/14/2017; null for other texts."""
    parts = pl.col("text").str.extract_groups(r"^(\d\d?)[/-](\d\d?)[/-]\d{4}").struct
    frame = values.rename("text").to_frame().select(a=parts[0].cast(pl.Int64), b=parts[1].cast(pl.Int64))
    return frame["a"], frame["b"]


def _parsed(texts: pl.Series, pattern: str) -> pl.Series:
    """Texts as datetimes (UTC, µs); null where they are not written so."""
    try:
        return texts.str.to_datetime(pattern, strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return pl.Series(texts.name, [None], pl.Datetime("us")).new_from_index(0, len(texts))


def _nanoseconds(moments: pl.Series) -> pl.Series | None:
    fraction = (moments.dt.epoch("us") % 1000 * 1000).fill_null(0).cast(pl.Int32)
    return fraction if (fraction != 0).any() else None


def _nothing() -> pl.Series:
    return pl.Series([None], dtype=pl.Int64)


def _date(value: int, unit: TimestampFormat) -> str:
    """A number of a unit as a date, of any year."""
    return str(np.datetime64(value // UNITS[unit], "s")).replace("T", " ")
