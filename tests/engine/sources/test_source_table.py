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
    ("values", "orders", "timed", "unit"),
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
    tmp_path: Path, items: Path, values: list[str], orders: list[int], timed: bool, unit: str
) -> None:
    rows = "".join(f"u,i1,{value}\n" for value in values)
    raw = table.read(events_csv(tmp_path, "user_id,item_id,timestamp\n" + rows), items)
    assert raw.interactions.collect()["order"].to_list() == orders
    assert (raw.timed, raw.settings) == (timed, {"timestamp_format": unit})


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


@pytest.mark.parametrize(
    "header",
    ["user_id,item_id,timestamp", "\ufeffuser_id,item_id,timestamp", "sep=,\nuser_id,item_id,timestamp",
     '"user_id","item_id","timestamp"', "user_id:token,item_id:token,timestamp:float"],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", "  "])
def test_separators_are_told_by_the_header(tmp_path: Path, items: Path, header: str, separator: str) -> None:
    if header.startswith('"') and len(separator) > 1:
        pytest.skip("no quotes around fields there")
    if header.startswith("sep=") and len(separator) > 1:
        pytest.skip("sep= names one character")
    path = tmp_path / "events.txt"
    text = f"{header}\nu1,i1,1500000000\nu2,i1,1500000001\n"
    path.write_text(text.replace(",", separator), encoding="utf-8")
    assert table.read(path, items).interactions.collect()["user"].to_list() == ["u1", "u2"]


def test_a_file_without_a_header_says_so(tmp_path: Path, items: Path) -> None:
    for line in ("u0,i27,1500000000,5", "12,34,2017-07-14 02:40:00", "u0\ti1\t5.0", "AF3XKJ7QWERT B004LLIKVU"):
        events = events_csv(tmp_path, f"{line}\n{line}\n")
        with pytest.raises(
            BadInput, match=r'No column "user_id".* Line 1 was taken for the header; if ".*" in it is data'
        ):
            table.read(events, items)


def test_a_column_twice_matters_only_where_it_is_asked_for(tmp_path: Path, items: Path) -> None:
    events = events_csv(tmp_path, "user_id,x,item_id,x,timestamp\nu,1,i1,2,1500000000\n")
    assert table.read(events, items).interactions.collect().row(0)[:2] == ("u", "i1")
    with pytest.raises(BadInput, match=r'the column "x" occurs twice \(columns 2 and 4\). Rename one'):
        table.read(events, items, Columns(rating="x"))
    events = events_csv(tmp_path, "user_id,item_id,user_id\nu,i1,v\n")
    with pytest.raises(BadInput, match=r'the column "user_id" occurs twice'):
        table.read(events, items)


def test_ratings_that_are_no_numbers_are_read_counted_or_refused(tmp_path: Path, items: Path) -> None:
    events = tmp_path / "events.csv"

    def write(ratings: list[str]) -> None:
        events.write_text("user_id;item_id;rating\n" + "".join(f"u;i1;{rating}\n" for rating in ratings))

    write(["4,5", " 3.5 ", "1e0", "", "nan", "None"])
    assert table.read(events, items).interactions.collect()["rating"].to_list() == [4.5, 3.5, 1.0, None, None, None]
    write(["5"] * 198 + ["good", "bad"])
    raw = table.read(events, items)
    assert (raw.interactions.collect().height, raw.dropped) == (200, {"note: unreadable rating taken as unknown": 2})
    write(["5"] * 97 + ["good", "bad", "so so"])
    with pytest.raises(BadInput) as error:
        table.read(events, items)
    assert str(error.value).endswith(
        'events.csv line 99: rating "good" is not a number. Pass --rating COLUMN if another column holds the rating, '
        "or --rating none to leave it out. 3 of 100 cannot be read (3.00%); up to 1% would be taken as unknown."
    )
    raw = table.read(events, items, Columns(rating="none"))
    assert raw.interactions.collect()["rating"].null_count() == 100


STRUCTURED = {  # what a cell or a field holds, and the category and the description that it becomes
    "list": (["Music", "Jazz"], "Music|Jazz", "Music, Jazz"),
    "paths": ([["Music", "Jazz"], ["CDs"]], "Music|Jazz", "Music, Jazz, CDs"),
    "objects": (
        [{"id": 16, "name": "Animation"}, {"id": 35, "name": "Comedy"}],
        "Animation|Comedy",
        "Animation, Comedy",
    ),
    "counts": ({"fantasy": 31, "romance": 4}, "fantasy|romance", "fantasy: 31, romance: 4"),
    "object": ({"kind": "CD", "by": None}, "CD", "kind: CD"),
    "quotes": (['Kids\' "Toys"', "a\nb"], 'Kids\' "Toys"|a\nb', 'Kids\' "Toys", a\nb'),
    "empty": ([], None, None),
    "missing": (["nan", None, " "], None, None),
}


@pytest.mark.parametrize("name", STRUCTURED)
@pytest.mark.parametrize("late", [0, 300])
@pytest.mark.parametrize("form", ["json", "python", "json cells", "python cells", "parquet"])
def test_lists_and_objects_become_text(tmp_path: Path, name: str, late: int, form: str) -> None:
    value, category, description = STRUCTURED[name]
    plain = [{"item_id": f"p{n}", "title": f"P {n}", "category": "A", "description": "B"} for n in range(late)]
    rows = [*plain, {"item_id": "i1", "title": "One", "category": value, "description": value}]
    items = tmp_path / {"json": "i.jsonl", "python": "i.json", "parquet": "i.parquet"}.get(form, "i.csv")
    if form == "json":
        items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif form == "python":
        items.write_text("".join(f"{row}\n" for row in rows))
    elif form == "parquet":
        if late:
            pytest.skip("a column of Parquet has one type")
        pl.DataFrame(rows[-1:], strict=False).write_parquet(items)
    else:
        shown = json.dumps if form == "json cells" else str
        cells = [{key: one if isinstance(one, str) else shown(one) for key, one in row.items()} for row in rows]
        pl.DataFrame(cells).write_csv(items)
    raw = table.read(events_csv(tmp_path, "user_id,item_id\nu,i1\n"), items)
    assert raw.items.collect().rows()[-1][:4] == ("i1", "One", description, category)
    assert not raw.dropped


def test_a_list_that_cannot_be_read_is_counted_or_refused(tmp_path: Path) -> None:
    events, items = events_csv(tmp_path, "user_id,item_id\nu,i1\n"), tmp_path / "items.tsv"
    good = [f"i{n}\tFilm {n}\t['Drama']" for n in range(199)]
    items.write_text("item_id\ttitle\tgenres\n" + "\n".join([*good, "x\tX\t['Kids' Toys']"]) + "\n")
    raw = table.read(events, items)
    assert raw.dropped["note: unreadable genres taken as unknown"] >= 1
    assert raw.items.collect()["category"].to_list() == ["Drama"] * 199 + [None]
    items.write_text("item_id\ttitle\tgenres\n" + "\n".join([*good[:9], "x\tX\t['Kids' Toys']"]) + "\n")
    with pytest.raises(BadInput, match=r"items.tsv line 11: genres .* is a list or an object that cannot be read"):
        table.read(events, items)


def test_titles_in_brackets_stay_and_words_for_nothing_do_not(tmp_path: Path) -> None:
    titles = [
        "[REC]",
        "[1408]",
        "{Proof}",
        "Null Island",
        "NaN",
        "nan",
        "None",
        "NULL",
        "null",
        "<NA>",
        "\\N",
        " ",
        "N/A",
    ]
    kept = ["[REC]", "[1408]", "{Proof}", "Null Island", *[None] * 8, "N/A"]
    events, items = events_csv(tmp_path, "user_id,item_id\nu,0\n"), tmp_path / "items.tsv"
    items.write_text("item_id\ttitle\n" + "".join(f"{n}\t{title}\n" for n, title in enumerate(titles)))
    assert table.read(events, items).items.collect()["title"].to_list() == kept


@pytest.mark.parametrize("name", ["categories", "genres", "genre", "main_category"])
def test_the_category_is_recognised_and_said(tmp_path: Path, name: str) -> None:
    events, items = events_csv(tmp_path, "user_id,item_id\nu,i1\n"), tmp_path / "items.csv"
    items.write_text(f"item_id,title,{name},price\ni1,One,Drama|Crime,5\n")
    raw = table.read(events, items)
    assert raw.items.collect()["category"].to_list() == ["Drama|Crime"]
    assert raw.notes == (
        f"items.csv: the column {name} is taken as the category (--category names another).",
        "items.csv: not read: price.",
    )
    assert table.read(events, items, Columns(category="none")).items.collect()["category"].to_list() == [None]
    items.write_text(f"item_id,title,{name},category\ni1,One,Drama,Film\n")
    assert table.read(events, items).items.collect()["category"].to_list() == ["Film"]


def test_a_parquet_column_that_is_no_text_is_named_and_the_file_not_called_damaged(tmp_path: Path, items: Path) -> None:
    events = tmp_path / "events.parquet"
    pl.DataFrame({"user_id": [b"u1", b"\xff\xfe"], "item_id": ["i1", "i1"]}).write_parquet(events)
    with pytest.raises(BadInput, match=r'the column "user_id" \(Binary\) cannot be read as text') as error:
        table.read(events, items)
    assert "damaged" not in str(error.value)


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
