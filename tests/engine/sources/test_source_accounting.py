"""Rows stored and rows dropped by reason are as many as the records of the file, for every reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.ingest import IngestOptions, ingest
from engine.sources import amazon23, movielens, table, yelp
from engine.sources.source_data import SourceData
from store.enums import SplitKind
from store.workspace import Workspace

RECORDS = 500  # so that five of them may be broken
ITEMS = 300
Event = tuple[str, str, str, str]  # user, item, rating, seconds since 1970

EVENTS: list[Event] = [
    (f"u{n % 50}", f"i{n % ITEMS}", str(n % 5 + 1), str(1_500_000_000 + 1000 * n)) for n in range(RECORDS)
]
EVENTS[10] = ("", "i1", "3", "1500000000")  # without user
EVENTS[20] = ("u1", "", "3", "1500000000")  # without item
EVENTS[30] = ("u1", "i3", "3", "")  # without time
EVENTS[40] = ("u1", "i4", "3", "soon")  # with a time that is none
EVENTS[50] = ("u1", "i4", "3", "17")  # with a time in 1970
EVENTS[60] = ("u1", "elsewhere", "3", "1500000000")  # of an item that is not in the catalogue
EVENTS[70] = EVENTS[71]  # twice
EVENTS[80] = ("u1", "i5", "good", "1500000001")  # with a rating that is none, and stays
TITLES = {f"i{n}": f"Film {n}" for n in range(ITEMS)}
TITLES["i7"] = ""
TITLES["i8"] = "nan"
TITLES["i9"] = 'The "Best" film'
TITLES["i10"] = '"Heroes'
TITLES["i11"] = "var aPageStart = (new Date()).getTime();"
TITLES["i12"] = '"Low'
REPEATED = [*TITLES.items(), ("i20", "Film 20 again"), ("", "without key")]


def objects(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [json.dumps(row) for row in rows]


def write(path: Path, lines: Iterable[str], *, broken: str, header: str = "") -> Path:
    """The lines with two broken ones and some blank ones between."""
    body = list(lines)
    body[90:90] = [broken]
    body[190:190] = ["", broken, ""]
    path.write_text("\n".join(([header] if header else []) + body) + "\n")
    return path


def csv_row(fields: Iterable[str]) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' if '"' in field or "," in field else field for field in fields)


def table_csv(folder: Path) -> SourceData:
    events = write(folder / "e.csv", map(",".join, EVENTS), broken="a,b", header="user_id,item_id,rating,timestamp")
    items = write(folder / "i.csv", map(csv_row, REPEATED), broken="a,b,c", header="item_id,title")
    return table.read(events, items)


def table_tsv(folder: Path) -> SourceData:
    events = write(
        folder / "e.tsv", map("\t".join, EVENTS), broken="a\tb", header="user_id\titem_id\trating\ttimestamp"
    )
    items = write(folder / "i.tsv", map("\t".join, REPEATED), broken="a\tb\tc", header="item_id\ttitle")
    return table.read(events, items)


def table_json(folder: Path) -> SourceData:
    names = ("user_id", "item_id", "rating", "timestamp")
    events = write(folder / "e.jsonl", objects(dict(zip(names, row, strict=True)) for row in EVENTS), broken="{")
    items = write(folder / "i.jsonl", objects({"item_id": k, "title": t} for k, t in REPEATED), broken="[1]")
    return table.read(events, items)


def table_python(folder: Path) -> SourceData:
    names = ("user_id", "item_id", "rating", "timestamp")
    events = write(folder / "e.json", (str(dict(zip(names, row, strict=True))) for row in EVENTS), broken="{'a': ")
    items = write(folder / "i.json", (str({"item_id": k, "title": t}) for k, t in REPEATED), broken="{'a'}")
    return table.read(events, items)


def table_parquet(folder: Path) -> SourceData:
    names = ["user_id", "item_id", "rating", "timestamp"]
    broken = [("u2", "i2", "1", "x"), ("u2", "i2", "1", "y")]  # a row of Parquet is broken only by its time
    pl.DataFrame([*EVENTS, *broken], schema=names, orient="row").write_parquet(folder / "e.parquet")
    twice = [*REPEATED, ("", "x"), ("", "y")]
    pl.DataFrame(twice, schema=["item_id", "title"], orient="row").write_parquet(folder / "i.parquet")
    return table.read(folder / "e.parquet", folder / "i.parquet")


def movielens_csv(folder: Path) -> SourceData:
    write(folder / "ratings.csv", map(",".join, EVENTS), broken="a,b", header="userId,movieId,rating,timestamp")
    rows = (csv_row((key, title, "Drama")) for key, title in REPEATED)
    write(folder / "movies.csv", rows, broken="a,b", header="movieId,title,genres")
    return movielens.read(folder)


def movielens_dat(folder: Path) -> SourceData:
    write(folder / "ratings.dat", map("::".join, EVENTS), broken="a::b")
    write(folder / "movies.dat", (f"{key}::{title}::Drama" for key, title in REPEATED), broken="a::b")
    return movielens.read(folder)


def movielens_100k(folder: Path) -> SourceData:
    write(folder / "u.data", map("\t".join, EVENTS), broken="a\tb")
    flags = "|".join(["1"] * 19)
    write(folder / "u.item", (f"{key}|{title}||||{flags}" for key, title in REPEATED), broken="a|b")
    return movielens.read(folder)


def atomic(folder: Path) -> SourceData:
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    write(folder / "x.inter", map("\t".join, EVENTS), broken="a\tb", header=header)
    write(folder / "x.item", map("\t".join, REPEATED), broken="a", header="item_id:token\ttitle:token_seq")
    return movielens.read(folder)


def amazon_raw(folder: Path) -> SourceData:
    names = ("user_id", "parent_asin", "rating", "timestamp")
    reviews = write(folder / "r.jsonl", objects(dict(zip(names, row, strict=True)) for row in EVENTS), broken="no")
    meta = write(folder / "m.jsonl", objects({"parent_asin": k, "title": t} for k, t in REPEATED), broken="5")
    return amazon23.read_raw(reviews, meta, "D")


def amazon_benchmark(folder: Path) -> SourceData:
    header = "user_id,parent_asin,rating,timestamp,history"
    files = []
    for part, rows in (("train", EVENTS), ("valid", EVENTS[:0]), ("test", EVENTS[:0])):
        good = [",".join((*row, "i2 i3")) for row in rows] or ["u1,i5,3,1500000001,i2"]
        path = folder / f"D.{part}.csv"
        if rows:
            write(path, good, broken="a,b", header=header)
        else:
            path.write_text("\n".join([header, *good]) + "\n")
        files.append(path)
    meta = write(folder / "m.jsonl", objects({"parent_asin": k, "title": t} for k, t in REPEATED), broken="5")
    return amazon23.read_benchmark(files[0], files[1], files[2], meta, "D")


def yelp_lines(folder: Path) -> SourceData:
    names = ("user_id", "business_id", "stars", "date")
    review = write(folder / "r.json", objects(dict(zip(names, row, strict=True)) for row in EVENTS), broken="{")
    business = write(folder / "b.json", objects({"business_id": k, "name": t} for k, t in REPEATED), broken="{")
    return yelp.read(business, review)


@pytest.mark.parametrize(
    ("source", "more"),
    [
        (table_csv, 0),
        (table_tsv, 0),
        (table_json, 0),
        (table_python, 0),
        (table_parquet, 0),
        (movielens_csv, 0),
        (movielens_dat, 0),
        (movielens_100k, 0),
        (atomic, 0),
        (amazon_raw, 0),
        (amazon_benchmark, 2),  # a line each in valid and test
        (yelp_lines, 0),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_stored_and_dropped_rows_are_all_records(
    tmp_path: Path, source: Callable[[Path], SourceData], more: int
) -> None:
    raw = source(tmp_path)
    split = None if raw.given_split else SplitKind.LEAVE_ONE_OUT
    dataset = ingest(Workspace(tmp_path / "workspace"), raw, IngestOptions("x", split=split))
    ratings = (
        "event ",
        "rating ",
        "review ",
        "interaction ",
        "broken line in events",
        "broken line in r",
        "broken line in t",
    )
    dropped = {reason: n for reason, n in dataset.dropped.items() if not reason.startswith(("note", "history"))}
    gone = {reason: n for reason, n in dropped.items() if reason.startswith(ratings) and "empty history" not in reason}
    assert dataset.interactions + sum(gone.values()) == RECORDS + 2 + more, dropped
    assert (
        dataset.dropped["note: unreadable " + ("stars" if source is yelp_lines else "rating") + " taken as unknown"]
        == 1
    )
    items = {
        reason: n
        for reason, n in dropped.items()
        if reason.startswith(("item ", "broken line in items", "broken line in meta", "broken line in businesses"))
    }
    assert dataset.items + sum(items.values()) == len(REPEATED) + 2, dropped
    assert items["item with page code as title"] == 1
    assert items["item without title"] == 2  # the empty one and "nan"
    assert items["item key repeated"] == 1
