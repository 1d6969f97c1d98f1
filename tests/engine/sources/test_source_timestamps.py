"""The one reader of times: every unit and every common form comes out as the same millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources.timestamp_format import TimestampFormat, checked_format
from engine.sources.timestamps import Moments, TimeReader
from store.errors import BadInput

MOMENT = 1_500_000_000_000  # 2017-07-14 02:40:00 UTC
MIDNIGHT = MOMENT - (2 * 3600 + 40 * 60) * 1000


def read(*texts: str | None, written: str = "auto", positions: bool = False) -> tuple[TimeReader, Moments]:
    reader = TimeReader(written, positions=positions)
    return reader, reader.read(pl.Series(list(texts), dtype=pl.String))


@pytest.mark.parametrize(
    "text",
    [
        "1500000000",
        "1500000000.0",
        "1.5E+09",
        "1.5000e9",
        "1500000000000",
        "1500000000000.0",
        "1500000000000000",
        "1500000000000000000",
        "1.5e18",
        "2017-07-14 02:40:00",
        " 2017-07-14  02:40 ",
        "2017-07-14T02:40:00",
        "2017-07-14t02:40:00z",
        "2017-07-14T02:40:00.000Z",
        "2017-07-14 02:40:00 UTC",
        "2017-07-14 02:40:00 GMT",
        "2017-07-14 02:40:00+00:00",
        "2017-07-14T04:40:00+02:00",
        "2017-07-13T19:40:00-0700",
        "2017-07-13 19:40:00 -07",
        "2017-07-14T02:40:00Z[UTC]",
        "2017/07/14 02:40:00",
        "2017.07.14 02:40",
        "20170714024000",
        "20170714T024000Z",
        "201707140240",
        "14.07.2017 02:40",
        "07/14/2017 02:40",
        "7/14/2017 2:40:00 AM",
        "14/07/2017 02:40:00",
        "14-07-2017 02:40",
        "Fri, 14 Jul 2017 02:40:00 +0000",
        "Fri, 14 Jul 2017 02:40:00 GMT",
        "14 Jul 2017 02:40:00 +0000",
        "Fri Jul 14 02:40:00 2017",
        "Fri Jul 14 02:40:00 +0000 2017",
        "Thu Jul 13 19:40:00 -0700 2017",
        "Friday, July 14, 2017 2:40 AM",
        "Jul 14, 2017, 2:40:00 AM",
        "14/Jul/2017:02:40:00 +0000",
    ],
)
def test_a_moment_is_the_same_however_it_is_written(text: str) -> None:
    reader, moments = read(text)
    assert (moments.order.to_list(), moments.fraction, reader.timed) == ([MOMENT], None, True)


@pytest.mark.parametrize(
    "text",
    ["2017-07-14", "2017/7/14", "20170714", "07/14/2017", "14.07.2017", "14 July 2017", "Jul 14, 2017", "14-Jul-2017",
     "07 14, 2017", "2017-Jul-14"],
)  # fmt: skip
def test_a_day_alone_is_its_midnight(text: str) -> None:
    assert read(text)[1].order.to_list() == [MIDNIGHT]


def test_integers_stay_exact_and_fractions_keep_their_order() -> None:
    # 2⁵³ is about 9.0e15, so a float holds no ns of 2017 to better than 256
    orders = {
        "1500000000123456789": 456_789,
        "1500000000123456.789": 456_789,
        "1500000000123.456789": 456_789,
        "1500000000.123456789": 456_789,
        "1500000000,123456789": 456_789,
        "2017-07-14 02:40:00.123456789": 456_789,
        "2017-07-14T02:40:00,123456789Z": 456_789,
    }
    for text, fraction in orders.items():
        _, moments = read(text)
        assert moments.order.to_list() == [MOMENT + 123], text
        assert moments.fraction is not None
        assert moments.fraction.to_list() == [fraction], text


@given(
    seconds=st.lists(st.integers(631_152_000, 1_700_000_000), min_size=1, max_size=20),
    nanoseconds=st.integers(0, 10**9 - 1),
)
def test_every_unit_reads_the_same(seconds: list[int], nanoseconds: int) -> None:
    whole = [f"{second * 10**9 + nanoseconds}" for second in seconds]
    expected = [(second * 1000 + nanoseconds // 10**6, nanoseconds % 10**6) for second in seconds]
    for digits in (9, 6, 3, 0):  # after the point: s, ms, µs, ns
        texts = [f"{text[:-digits]}.{text[-digits:]}" if digits else text for text in whole]
        moments = TimeReader().read(pl.Series(texts))
        fraction = moments.fraction.to_list() if moments.fraction is not None else [0] * len(texts)
        assert list(zip(moments.order.to_list(), fraction, strict=True)) == expected


def test_small_integers_are_positions_where_these_are_allowed() -> None:
    reader, moments = read("7", "3", positions=True)
    assert (reader.timed, moments.order.to_list()) == (False, [7, 3])
    reader, moments = read("7", "3")
    assert (reader.timed, moments.order.to_list()) == (True, [None, None])


def test_the_order_of_day_and_month_is_told_by_a_day_above_twelve() -> None:
    second_of_january, first_of_february = (int(datetime(2017, m, d, tzinfo=UTC).timestamp()) * 1000
                                            for m, d in ((1, 2), (2, 1)))  # fmt: skip
    assert read("01/02/2017", "01/13/2017")[1].order[0] == second_of_january
    assert read("01/02/2017", "13/01/2017")[1].order[0] == first_of_february
    assert read("01/02/2017", written="%d/%m/%Y")[1].order[0] == first_of_february
    reader, moments = read("01/02/2017", "12/12/2017")
    assert moments.order.to_list() == [None, None]
    why, step = reader.trouble("01/02/2017")
    assert why == 'timestamp "01/02/2017" may begin with the day or with the month'
    assert '--timestamp-format "%d/%m/%Y" or "%m/%d/%Y"' in step


@pytest.mark.parametrize(
    ("text", "written", "why", "step"),
    [
        ("1500000000000", "s", "is 49503-02-10 02:40:00 in seconds; times from 1990 to", "--timestamp-format ms"),
        ("1500000000", "ms", "is 1970-01-18 08:40:00 in milliseconds", "--timestamp-format s "),
        ("1500000000000000", "ms", "is 49503-02-10 02:40:00 in milliseconds", "--timestamp-format us "),
        ("10000000000", "auto", "is 2286-11-20 17:46:40 in seconds", "--timestamp-format position"),
        ("-5", "auto", "is 1969-12-31 23:59:55 in seconds", "--timestamp-format position"),
        ("2017-07-14", "ms", "is a date, not a number of milliseconds", "--timestamp-format auto or iso"),
        ("1500000000", "iso", "is no date of a known form", "--timestamp-format auto, s or ms"),
        ("1970-01-02", "auto", "is 1970-01-02 00:00:00; times from 1990 to", "Repair or remove the line"),
        ("3017-07-14", "iso", "is 3017-07-14 00:00:00; times from 1990 to", "Repair or remove the line"),
        ("2017-13-45", "auto", "is neither a number nor a date", "Pass a pattern"),
        ("soon", "auto", "is neither a number nor a date", "Pass a pattern"),
        ("soon", "s", "is not a number of seconds", "Repair or remove the line"),
        ("14.07.17", "%d/%m/%Y", 'is not written as "%d/%m/%Y"', "Pass another pattern"),
    ],
)
def test_what_is_not_read_says_what_it_is_and_what_to_do(text: str, written: str, why: str, step: str) -> None:
    reader, moments = read(text, written=written)
    assert moments.order.to_list() == [None]
    found = reader.trouble(text)
    assert f'timestamp "{text}" {why}' in found[0]
    assert step in found[1]


def test_times_reach_from_1990_to_a_year_from_now() -> None:
    now = datetime.now(UTC)
    inside = [datetime(1990, 1, 1, tzinfo=UTC), now, now + timedelta(days=360)]
    outside = [datetime(1989, 12, 31, tzinfo=UTC), now + timedelta(days=370)]
    texts = [str(int(moment.timestamp())) for moment in (*inside, *outside)]
    assert read(*texts)[1].order.is_null().to_list() == [False] * 3 + [True] * 2


def test_one_block_decides_for_the_next_ones() -> None:
    reader, _ = read(None, "1500000000000", None)
    assert reader.detected is TimestampFormat.MS
    assert reader.read(pl.Series(["1500000000", "1500000000001"])).order.to_list() == [None, MOMENT + 1]
    why, step = reader.trouble("1500000000")
    assert "is 1970-01-18 08:40:00 in milliseconds" in why
    assert "Others are in milliseconds, this would be in seconds" in step


@pytest.mark.parametrize("written", ["isso", "%Q", "%d/%m", "%"])
def test_a_format_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(BadInput, match="format"):
        checked_format(written)


def test_numbers_with_an_exponent_are_as_exact_as_others() -> None:
    """As floats the two would be one time."""
    _, moments = read("1.500000000123456788E+18", "1.500000000123456789E+18")
    assert moments.order.to_list() == [MOMENT + 123] * 2
    assert moments.fraction is not None
    assert moments.fraction.to_list() == [456_788, 456_789]
