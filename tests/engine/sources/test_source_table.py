"""Any table: CSV, Parquet and json lines give the same interactions and items."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import table
from engine.sources.table import Columns
from store.errors import BadInput

ITEMS = "item_id,title\ni1,One\n"


def events_csv(folder: Path, content: str) -> Path:
    path = folder / "events.csv"
    path.write_text(content)
    return path


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text(ITEMS)
    return path


EVENT_ROWS = pl.DataFrame(
    {
        "user_id": ["007", "u2", "u2"],
        "item_id": ["000215949X", "i2", "i1"],
        "rating": [5.0, None, 2.5],
        "timestamp": [1_500_000_000_000, 1_400_000_000_000, 1_600_000_000_123],
    }
)
ITEM_ROWS = pl.DataFrame(
    {
        "item_id": ["000215949X", "i1"],
        "title": ['A "quoted", title', None],
        "description": ["line one\nline two \\ x", ""],
        "brand": [None, "Acme"],
        "category": ["A|B", None],
    }
)
WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "txt": lambda frame, path: frame.write_csv(path, separator=";"),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "jsonl": lambda frame, path: frame.write_ndjson(path),
}


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(suffix, compress) for suffix in WRITERS for compress in (False, True) if suffix != "parquet" or not compress],
)
def test_every_format_reads_the_same(tmp_path: Path, suffix: str, compress: bool) -> None:
    events, items = tmp_path / f"events.{suffix}", tmp_path / f"items.{suffix}"
    WRITERS[suffix](EVENT_ROWS, events)
    WRITERS[suffix](ITEM_ROWS, items)
    if compress:
        for path in (events, items):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        events, items = tmp_path / f"events.{suffix}.gz", tmp_path / f"items.{suffix}.gz"
    raw = table.read(events, items)
    interactions = raw.interactions.collect()
    assert interactions.schema == {"user": pl.String, "item": pl.String, "order": pl.Int64, "rating": pl.Float32}
    assert interactions.rows() == [
        ("007", "000215949X", 1_500_000_000_000, 5.0),
        ("u2", "i2", 1_400_000_000_000, None),
        ("u2", "i1", 1_600_000_000_123, 2.5),
    ]
    assert raw.items.collect().rows() == [
        ("000215949X", 'A "quoted", title', "line one\nline two \\ x", "A|B", None),
        ("i1", None, None, None, '{"brand":"Acme"}'),
    ]
    assert (raw.platform, raw.domain, raw.timed, raw.files) == ("table", "events", True, (events, items))


@pytest.mark.parametrize(
    ("values", "orders", "timed", "found"),
    [
        (["1500000000", "1500000001"], [1_500_000_000_000, 1_500_000_001_000], True, "s"),
        (["1500000000.0", "1.5e9"], [1_500_000_000_000, 1_500_000_000_000], True, "s"),
        (["1500000000000", "1400000000000"], [1_500_000_000_000, 1_400_000_000_000], True, "ms"),
        (["7", "3"], [7, 3], False, "position"),
        # 2017-07-14 02:40:00 UTC is 1,500,000,000 s; its midnight is 9,600 s before
        (["2017-07-14", "2017-07-15"], [1_499_990_400_000, 1_500_076_800_000], True, "iso"),
        (["2017-07-14 02:40:00.5", "2017-07-14T02:41"], [1_500_000_000_500, 1_500_000_060_000], True, "iso"),
        (["2017-07-14T04:40:00+02:00", "2017-07-14T02:40:00Z"], [1_500_000_000_000] * 2, True, "iso"),
    ],
)
def test_auto_tells_the_unit(
    tmp_path: Path, items: Path, values: list[str], orders: list[int], timed: bool, found: str
) -> None:
    rows = "".join(f"u,i1,{value}\n" for value in values)
    raw = table.read(events_csv(tmp_path, "user_id,item_id,timestamp\n" + rows), items)
    assert raw.interactions.collect()["order"].to_list() == orders
    assert (raw.timed, raw.settings) == (timed, {"timestamp_format": found})


def test_a_column_called_position_is_one_whatever_its_size(tmp_path: Path, items: Path) -> None:
    raw = table.read(events_csv(tmp_path, "user_id,item_id,position\nu,i1,1500000000000\n"), items)
    assert not raw.timed
    assert raw.interactions.collect()["order"].to_list() == [1_500_000_000_000]


def test_without_an_order_the_file_order_is_the_position(tmp_path: Path, items: Path) -> None:
    raw = table.read(events_csv(tmp_path, "user_id,item_id\nu,i1\n,i1\nu,i1\n"), items)
    assert not raw.timed
    assert raw.interactions.collect()["order"].to_list() == [0, 2]
    assert raw.dropped == {"event without user or item": 1}


def test_an_explicit_format_wins(tmp_path: Path, items: Path) -> None:
    for written, value, order, timed in (
        ("ms", "1500000000123", 1_500_000_000_123, True),
        ("s", "1500000000", 1_500_000_000_000, True),
        ("position", "1500000000", 1_500_000_000, False),
        ("%d.%m.%y", "14.07.17", 1_499_990_400_000, True),
    ):
        events = events_csv(tmp_path, f"user_id,item_id,timestamp\nu,i1,{value}\n")
        raw = table.read(events, items, timestamp_format=written)
        assert raw.interactions.collect()["order"].to_list() == [order]
        assert raw.timed is timed
    with pytest.raises(BadInput, match='No timestamp format "sec"'):
        table.read(events, items, timestamp_format="sec")


def test_a_date_where_milliseconds_are_expected_names_line_value_and_option(tmp_path: Path, items: Path) -> None:
    rows = "u,i1,1600000000000\n" * 810 + "u,i1,2023-12-01\n" * 20
    events = events_csv(tmp_path, "user_id,item_id,timestamp\n" + rows)
    with pytest.raises(BadInput) as error:
        table.read(events, items, timestamp_format="ms")
    assert str(error.value).endswith(
        'events.csv line 812: timestamp "2023-12-01" is a date, not a number of milliseconds. Pass --timestamp-format '
        "auto or iso. 20 of 830 lines are broken (2.41%); up to 1% would be skipped."
    )
    with pytest.raises(BadInput, match=r'line 812: timestamp "2023-12-01" is a date, .* like the others'):
        table.read(events, items)


def test_few_unreadable_timestamps_are_skipped_and_counted(tmp_path: Path, items: Path) -> None:
    rows = "u,i1,1600000000000\n" * 200 + "u,i1,soon\nu,i1,\n"
    raw = table.read(events_csv(tmp_path, "user_id,item_id,timestamp\n" + rows), items)
    assert raw.interactions.collect().height == 200
    assert raw.dropped == {"broken line in events": 1, "event without timestamp": 1}


def test_a_second_too_large_for_milliseconds_is_broken_and_never_wraps(tmp_path: Path, items: Path) -> None:
    events = events_csv(tmp_path, "user_id,item_id,timestamp\nu,i1,9223372036854775807\n")
    with pytest.raises(BadInput, match=r"is 292277026596-12-04 15:30:07 in seconds; times from 1990"):
        table.read(events, items, timestamp_format="s")


def test_columns_by_name(tmp_path: Path) -> None:
    events, items = tmp_path / "events.csv", tmp_path / "items.jsonl"
    events.write_text("who,what,when,stars\nu,i1,5,3\n")
    lines = [{"what": "i1", "name": "One", "text": ["long", "text"], "kind": ["A", "B"], "features": ["x", "y"]}]
    items.write_text("".join(json.dumps(line) + "\n" for line in lines))
    columns = Columns("who", "what", "when", "stars", "name", "text", "kind")
    raw = table.read(events, items, columns, domain="Mine")
    assert raw.interactions.collect().rows() == [("u", "i1", 5, 3.0)]
    assert raw.items.collect().rows() == [("i1", "One", "long, text", "A|B", '{"features":"x, y"}')]
    assert raw.domain == "Mine"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (Columns(user="user"), 'events.csv: No column "user". Did you mean user_id'),
        (Columns(order="tim"), 'events.csv: No column "tim". Did you mean timestamp'),
        (Columns(rating="stars"), "Pass the column as --rating COLUMN"),
        (Columns(title="titel"), 'items.csv: No column "titel". Did you mean title'),
        (Columns(description="text"), "Pass the column as --description COLUMN"),
        (Columns(item="timestamp"), 'items.csv: No column "timestamp"'),
    ],
)
def test_a_column_that_is_not_there_offers_the_nearest(
    tmp_path: Path, items: Path, columns: Columns, words: str
) -> None:
    events = events_csv(tmp_path, "user_id,item_id,timestamp\nu,i1,5\n")
    with pytest.raises(BadInput) as error:
        table.read(events, items, columns)
    assert words in str(error.value)


def test_items_without_a_title_column(tmp_path: Path, items: Path) -> None:
    events = events_csv(tmp_path, "user_id,item_id\nu,i1\n")
    items.write_text("item_id,name\ni1,One\n")
    with pytest.raises(BadInput, match=r'No column "title".*--title COLUMN'):
        table.read(events, items)


def test_parquet_types_become_text_and_times(tmp_path: Path, items: Path) -> None:
    events = tmp_path / "events.parquet"
    pl.DataFrame(
        {
            "user_id": [1.0, 2.0, None],
            "item_id": pl.Series(["i1", "i2", "i1"], dtype=pl.Categorical),
            "timestamp": [datetime(2017, 7, 14, 2, 40, 1, 500_000, tzinfo=UTC)] * 3,
            "day": [date(2017, 7, 14)] * 3,
        }
    ).write_parquet(events)
    raw = table.read(events, items)
    assert raw.interactions.collect().rows() == [
        ("1", "i1", 1_500_000_001_500, None),
        ("2", "i2", 1_500_000_001_500, None),
    ]
    assert raw.timed
    assert raw.dropped == {"event without user or item": 1}
    assert table.read(events, items, Columns(order="day")).interactions.collect()["order"][0] == 1_499_990_400_000


def test_damaged_and_misnamed_parquet(tmp_path: Path, items: Path) -> None:
    events = tmp_path / "events.parquet"
    EVENT_ROWS.write_parquet(events)
    events.write_bytes(events.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"events.parquet: the Parquet file is damaged"):
        table.read(events, items)
    events.write_text("user_id,item_id\nu,i1\n")
    with pytest.raises(BadInput, match=r"is no Parquet file"):
        table.read(events, items)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.text('a0 ,"é', max_size=4), st.text("b1;\n", max_size=4), st.integers(-(10**12), 10**13)),
        min_size=1,
        max_size=30,
    )
)
def test_any_rows_are_the_same_from_csv_parquet_and_json_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("table")
    (folder / "items.csv").write_text(ITEMS)
    frame = pl.DataFrame(
        [("u", "i1", 5), *rows], schema={"user_id": pl.String, "item_id": pl.String, "position": pl.Int64}, orient="row"
    )
    results = []
    for suffix in ("csv", "parquet", "jsonl"):
        WRITERS[suffix](frame, folder / f"events.{suffix}")
        raw = table.read(folder / f"events.{suffix}", folder / "items.csv")
        results.append((raw.interactions.collect().rows(), raw.dropped))
    kept = [(user.strip(), item.strip(), order, None) for user, item, order in rows if user.strip() and item.strip()]
    assert results[0][0] == [("u", "i1", 5, None), *kept]
    assert results[0] == results[1] == results[2]
