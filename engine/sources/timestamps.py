"""Timestamps and positions as the files write them, turned into the store's milliseconds or positions."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from store.errors import BadInput

# Seconds reach 1e8 in 1973 and 1e11 in the year 5138; milliseconds reach 1e11 in 1973 and 1e14 in 5138.
SECONDS_FROM, MILLISECONDS_FROM, MICROSECONDS_FROM = 1e8, 1e11, 1e14
LARGEST_SECONDS = 2**63 // 1000
ISO_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M%#z",
)


class TimestampFormat(StrEnum):
    """How the order column of a file is written."""

    AUTO = "auto"
    MS = "ms"
    S = "s"
    ISO = "iso"
    POSITION = "position"


EXPECTED = {
    TimestampFormat.AUTO: "neither an integer nor an ISO date",
    TimestampFormat.MS: "not an integer of milliseconds",
    TimestampFormat.S: "not an integer of seconds",
    TimestampFormat.ISO: "not an ISO date (2023-01-31 or 2023-01-31T12:00:00Z)",
    TimestampFormat.POSITION: "not an integer position",
}


def integers(texts: pl.Series) -> pl.Series:
    """Text as int64; `881250949.0` and `1e9` count as integers; null where there is no number."""
    stripped = texts.str.strip_chars()
    whole = stripped.cast(pl.Int64, strict=False)
    if whole.null_count() == texts.null_count():
        return whole
    return whole.zip_with(whole.is_not_null(), stripped.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))


def iso_milliseconds(texts: pl.Series) -> pl.Series:
    """ISO dates and times as int64 ms since 1970, UTC where no offset is given; null where there is none."""
    plain = texts.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d)[Tt]", "${1} ").str.replace(r"[zZ]$", "+00:00")
    found = pl.Series(texts.name, [None], dtype=pl.Int64).new_from_index(0, len(texts))
    for pattern in ISO_FORMATS:
        moment = plain.str.to_datetime(pattern, strict=False, time_unit="us")
        found = found.zip_with(found.is_not_null(), moment.dt.epoch("ms"))
        if found.null_count() == texts.null_count():
            break
    return found


def convert(texts: pl.Series, written: TimestampFormat) -> pl.Series:
    """Text as int64 in the store's unit (ms, or a position); null where it is not written as `written` says."""
    if written is TimestampFormat.ISO:
        return iso_milliseconds(texts)
    numbers = integers(texts)
    if written is TimestampFormat.S:
        fits = numbers.abs() <= LARGEST_SECONDS
        return numbers.zip_with(fits, pl.Series([None], dtype=pl.Int64)) * 1000
    return numbers


def looks_iso(texts: pl.Series) -> bool:
    """Whether more of the values are dates than integers."""
    head = texts.head(10_000)
    return bool(iso_milliseconds(head).count() > integers(head).count())


def unit_of(median: float, place: str) -> TimestampFormat:
    """What integers with this median are: ms, s or positions. BadInput where they are finer than milliseconds."""
    if median >= MICROSECONDS_FROM:
        raise BadInput(
            f"{place}: its middle value {median:.0f} is no time in milliseconds or seconds before the year 5138. "
            "Divide microseconds by 1,000 first, or pass --timestamp-format position if it only orders events."
        )
    if median >= MILLISECONDS_FROM:
        return TimestampFormat.MS
    return TimestampFormat.S if median >= SECONDS_FROM else TimestampFormat.POSITION
