"""How times are written: the values of --timestamp-format. Light enough for a form to ask."""

from __future__ import annotations

import re
from enum import StrEnum

from store.errors import BadInput, unknown


class TimestampFormat(StrEnum):
    """How the order column of a file is written; ISO covers dates as text in all the common forms."""

    AUTO = "auto"
    S = "s"
    MS = "ms"
    US = "us"
    NS = "ns"
    ISO = "iso"
    POSITION = "position"


UNITS = {TimestampFormat.S: 1, TimestampFormat.MS: 10**3, TimestampFormat.US: 10**6, TimestampFormat.NS: 10**9}
UNIT_NAMES = {
    TimestampFormat.S: "seconds",
    TimestampFormat.MS: "milliseconds",
    TimestampFormat.US: "microseconds",
    TimestampFormat.NS: "nanoseconds",
}
METAVAR = "auto|s|ms|us|ns|iso|position|PATTERN"
EXAMPLE_PATTERN = "%d/%m/%Y %H:%M"
_DIRECTIVE = re.compile(r"%(?:[-_0]?[aAbBCdDeFHIjklmMpPrRsSTuUVwWyYzZ%]|\.f|#z|:z)")
_DATED = re.compile(r"%[-_0]?(?:F|D|s|Y|y)")


def checked_format(written: str) -> str:
    """`written` if it is a `TimestampFormat` or a pattern as of strftime (`%d/%m/%Y`); otherwise BadInput."""
    if "%" not in written:
        if written not in list(TimestampFormat):
            known = [one.value for one in TimestampFormat]
            step = f'Pass one of them, or a pattern such as "{EXAMPLE_PATTERN}", as --timestamp-format.'
            raise unknown("timestamp format", written, known, step)
        return written
    if "%" in _DIRECTIVE.sub("", written):
        raise BadInput(
            f'--timestamp-format "{written}": a % is followed by a letter that stands for no part of a date. '
            f'Known are %Y %y %m %d %b %H %I %M %S %p %z and more, as in "{EXAMPLE_PATTERN}".'
        )
    if not _DATED.search(written):
        raise BadInput(
            f'--timestamp-format "{written}": the pattern has no year (%Y). Write it as "{EXAMPLE_PATTERN}".'
        )
    return written
