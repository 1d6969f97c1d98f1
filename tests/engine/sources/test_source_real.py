"""The real datasets beside the project, each read whole."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.sources import amazon23, movielens, table
from engine.sources.source_data import SourceData

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"real data absent: {DATA} is not on this machine"),
]


def counts(raw: SourceData) -> tuple[int, int, int]:
    """Users, items of the catalogue, interactions."""
    interactions = raw.interactions.collect()
    return interactions["user"].n_unique(), raw.items.collect().height, interactions.height


def objects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.mark.parametrize(
    ("name", "expected", "timed"),
    [
        ("industrial_scientific_2018", (8_317, 4_344, 58_492), False),
        ("beauty_2014", (22_363, 12_101, 198_502), False),
        ("video_games_2018", (50_546, 16_859, 440_264), False),
        ("books_2014", (37_692, 23_348, 66_991), True),
    ],
)
def test_tables(name: str, expected: tuple[int, int, int], timed: bool) -> None:
    raw = table.read(DATA / name / "interactions.csv.gz", DATA / name / "items.jsonl.gz")
    assert counts(raw) == expected
    assert raw.timed is timed
    assert not raw.dropped


def test_books_are_in_seconds_and_keep_the_zeros_of_their_keys() -> None:
    folder = DATA / "books_2014"
    raw = table.read(folder / "interactions.csv.gz", folder / "items.jsonl.gz")
    assert raw.interactions.collect().row(0) == ("A00190263S0ITOM6NWF9F", "0451468287", 1_382_918_400_000, 5.0)
    assert raw.items.collect()["key"][0] == "0001055178"


def test_the_benchmark() -> None:
    folder = DATA / "all_beauty_2023"
    train, valid, test = (folder / f"All_Beauty.{split}.csv.gz" for split in ("train", "valid", "test"))
    raw = amazon23.read_benchmark(train, valid, test, folder / "meta_All_Beauty.jsonl.gz", "All_Beauty")
    assert counts(raw) == (253, 356, 2_535)
    frame = raw.interactions.collect()
    assert frame["history"].null_count() == 0
    lines = [len(gzip.decompress(path.read_bytes()).splitlines()) - 1 for path in (train, valid, test)]
    assert [(frame["split"] == split).sum() for split in ("train", "valid", "test")] == lines


def test_raw_reviews_and_meta() -> None:
    folder = DATA / "gift_cards_2018"
    raw = amazon23.read_raw(folder / "Gift_Cards.jsonl.gz", folder / "meta_Gift_Cards.jsonl.gz", "Gift_Cards")
    assert counts(raw) == (458, 1_547, 2_972)
    parsed = objects(folder / "Gift_Cards.jsonl.gz")
    assert raw.interactions.collect().rows() == [
        (one["user_id"], one["parent_asin"], one["timestamp"], one["rating"]) for one in parsed
    ]
    metas = objects(folder / "meta_Gift_Cards.jsonl.gz")
    items = raw.items.collect()
    assert items["key"].to_list() == [one["parent_asin"] for one in metas]
    joined = [", ".join(text for text in one["description"] if text.strip()) or None for one in metas]
    assert items["description"].to_list() == joined


def test_the_complete_field_set_of_raw_lines() -> None:
    folder = DATA / "amazon23_raw_lines"
    raw = amazon23.read_raw(folder / "review_sample.jsonl", folder / "meta_sample.jsonl", "Handmade_Products")
    assert counts(raw) == (2, 5, 2)
    items = raw.items.collect()
    assert items["title"].null_count() == 0
    assert "Jewelry" in items["category"].to_list()
    assert all("brand" in json.loads(fields) for fields in items["fields"].drop_nulls())


def test_movielens() -> None:
    raw = movielens.read(DATA / "ml_latest_small")
    assert counts(raw) == (610, 9_742, 100_836)
    titles = raw.items.collect()["title"].to_list()
    assert "The American President (1995)" in titles
    assert "The City of Lost Children (La Cité des enfants perdus) (1995)" in titles
