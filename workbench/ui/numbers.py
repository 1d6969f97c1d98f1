"""How numbers and dates look in tables: one width per kind, so that columns line up."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "–"


def count(number: int) -> str:
    """`12101` as `12,101`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1` and `event` as `1 event`, `2` as `2 events`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Bytes as people say them: `812 B`, `1.2 KB`, `34 MB`."""
    value, units = float(number), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 and units[0] != "B" else f"{value:.0f} {units[0]}"


def mean(value: float) -> str:
    """A metric's mean with four decimals: `0.0274`."""
    return f"{value:.4f}"


def interval(low: float, high: float) -> str:
    """An interval of metrics, dense because it stands below the mean: `.0213–.0341`."""
    return f"{short(low)}–{short(high)}"


def short(value: float, decimals: int = 4) -> str:
    """A number without the nought before its point: `.0213`, `1.0134`, `−.0021`; counts with their commas."""
    text = f"{abs(value):,.{decimals}f}"
    sign = "−" if value < 0 and float(f"{value:.{decimals}f}") else ""
    return sign + (text[1:] if text.startswith("0.") else text)


def difference(value: float) -> str:
    """A difference with its sign: `+.0213`, `−.0021`."""
    return short(value) if value < 0 else f"+{short(value)}"


def p_value(p: float) -> str:
    """A p value with three decimals; small ones as `<.001`."""
    return "<.001" if p < 0.001 else short(p, 3)


def score(value: float, decimals: int = 4) -> str:
    """A model's score for an item. Cosines and counts share the column, so large ones lose decimals."""
    if value != value or value in (float("inf"), float("-inf")):
        return NOTHING
    return f"{value:.{decimals}f}" if abs(value) < 100 else f"{value:,.0f}"


def position(value: float) -> str:
    """An expected position, which may be half-way between two: `13.5`, `1,204`."""
    return f"{value:,.1f}" if value % 1 else f"{value:,.0f}"


def rating(value: float | None) -> str:
    """`5.0` as `5`, `4.5` as it is."""
    return NOTHING if value is None or value != value else f"{value:g}"


def day(milliseconds: int | None) -> str:
    """A timestamp as its day in UTC; one outside the calendar has none."""
    if milliseconds is None or milliseconds < 0:
        return NOTHING
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return NOTHING


def moment(iso: str) -> str:
    """A stored moment (ISO 8601, UTC) to the minute."""
    return iso[:16].replace("T", " ")
