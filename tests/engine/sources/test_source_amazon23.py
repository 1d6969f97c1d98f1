"""Amazon Reviews'23: the raw json lines and the benchmark's CSV files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.sources import amazon23
from store.errors import BadInput

REVIEW: dict[str, Any] = {
    "rating": 5.0,
    "title": "t",
    "text": "x",
    "images": [{"small_image_url": "u"}],
    "asin": "B1",
    "parent_asin": "P1",
    "user_id": "U1",
    "timestamp": 1616156351887,
    "helpful_vote": 1,
    "verified_purchase": True,
}
META: dict[str, Any] = {
    "main_category": "Handmade",
    "title": "Silver ring",
    "average_rating": 4.5,
    "features": ["Sturdy", "Light"],
    "description": ["First part.", "Second part."],
    "price": None,
    "images": [],
    "videos": [],
    "store": "Acme",
    "categories": ["Handmade Products", "Jewelry", "Rings"],
    "details": {"Department": "Women"},
    "parent_asin": "000215949X",
    "bought_together": None,
}


def write(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    return path


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    return write(tmp_path / "meta_D.jsonl", META)


def test_an_item_has_joined_lists_a_category_and_further_texts(tmp_path: Path, meta: Path) -> None:
    raw = amazon23.read_raw(write(tmp_path / "D.jsonl", REVIEW), meta, "D")
    (item,) = raw.items.collect().to_dicts()
    assert item["key"] == "000215949X"
    assert item["title"] == "Silver ring"
    assert item["description"] == "First part., Second part."
    assert item["category"] == "Jewelry"
    assert json.loads(item["fields"]) == {
        "brand": "Acme",
        "features": "Sturdy, Light",
        "categories": "Handmade Products, Jewelry, Rings",
    }
    assert (raw.platform, raw.domain, raw.timed, raw.given_split) == ("amazon23", "D", True, False)


def test_what_items_lack_is_null_and_the_category_falls_back(tmp_path: Path) -> None:
    reviews = write(tmp_path / "D.jsonl", REVIEW)
    metas = write(
        tmp_path / "meta_D.jsonl",
        {"parent_asin": "a", "title": None, "main_category": "Books", "description": [], "categories": ["One"]},
        {"parent_asin": "b", "title": "", "main_category": None, "description": "plain", "price": "from 3.99"},
        {"parent_asin": "c", "title": 1984, "categories": [], "features": [], "store": None, "price": 5.5},
        {"parent_asin": "", "title": "nobody's"},
    )
    raw = amazon23.read_raw(reviews, metas, "Domain")
    assert raw.items.collect().rows() == [
        ("a", None, None, "Books", '{"categories":"One"}'),
        ("b", None, "plain", "Domain", None),
        ("c", "1984", None, "Domain", None),
    ]
    assert raw.dropped == {"item without key": 1}


def test_reviews_keep_file_order_and_duplicates(tmp_path: Path, meta: Path) -> None:
    reviews = write(
        tmp_path / "D.jsonl",
        REVIEW,
        REVIEW,
        {**REVIEW, "timestamp": 1516156351887, "rating": 0.0},
        {**REVIEW, "rating": None, "parent_asin": "0007"},
    )
    assert amazon23.read_raw(reviews, meta, "D").interactions.collect().rows() == [
        ("U1", "P1", 1616156351887, 5.0),
        ("U1", "P1", 1616156351887, 5.0),
        ("U1", "P1", 1516156351887, 0.0),
        ("U1", "0007", 1616156351887, None),
    ]


def test_few_negative_times_are_counted_and_more_are_refused(tmp_path: Path, meta: Path) -> None:
    reviews = write(tmp_path / "D.jsonl", *[REVIEW] * 199, {**REVIEW, "timestamp": -5})
    raw = amazon23.read_raw(reviews, meta, "D")
    assert raw.interactions.collect().height == 199
    assert raw.dropped == {"broken line in reviews": 1}
    reviews = write(tmp_path / "D.jsonl", *[REVIEW] * 9, {**REVIEW, "timestamp": -5})
    with pytest.raises(BadInput, match=r'line 10: timestamp "-5" is 1969-12-31 23:59:59 in milliseconds'):
        amazon23.read_raw(reviews, meta, "D")


def test_reviews_in_seconds_are_told_by_their_size(tmp_path: Path, meta: Path) -> None:
    reviews = write(tmp_path / "D.jsonl", {**REVIEW, "timestamp": 1616156351})
    assert amazon23.read_raw(reviews, meta, "D").interactions.collect()["order"].to_list() == [1_616_156_351_000]


@pytest.mark.parametrize("name", ["sort_timestamp", "sortTimestamp"])
def test_older_dumps_call_the_timestamp_otherwise(tmp_path: Path, meta: Path, name: str) -> None:
    old = {key: value for key, value in REVIEW.items() if key != "timestamp"} | {name: 1500000000123}
    raw = amazon23.read_raw(write(tmp_path / "D.jsonl", old), meta, "D")
    assert raw.interactions.collect()["order"].to_list() == [1500000000123]


def test_rows_without_user_item_or_time_are_counted(tmp_path: Path, meta: Path) -> None:
    reviews = write(
        tmp_path / "D.jsonl",
        REVIEW,
        {**REVIEW, "user_id": None},
        {**REVIEW, "parent_asin": " "},
        {**REVIEW, "timestamp": None},
    )
    raw = amazon23.read_raw(reviews, meta, "D")
    assert raw.interactions.collect().height == 1
    assert raw.dropped == {"review without user or item": 2, "review without timestamp": 1}


def test_broken_lines_of_both_files_are_counted(tmp_path: Path, meta: Path) -> None:
    reviews = tmp_path / "D.jsonl"
    reviews.write_text((json.dumps(REVIEW) + "\n") * 150 + '{"rating": 5.0, "ti\n')
    raw = amazon23.read_raw(reviews, meta, "D")
    assert raw.dropped == {"broken line in reviews": 1}
    meta.write_text(json.dumps(META) + "\noops\n")
    with pytest.raises(BadInput, match=r"meta_D.jsonl line 2: broken JSON .* 1 of 2 lines are broken"):
        amazon23.read_raw(reviews, meta, "D")


def test_swapped_files_are_refused(tmp_path: Path, meta: Path) -> None:
    reviews = write(tmp_path / "D.jsonl", REVIEW)
    with pytest.raises(BadInput, match=r'No field "user_id".*Is this the right file'):
        amazon23.read_raw(meta, reviews, "D")


def test_no_usable_review_at_all(tmp_path: Path, meta: Path) -> None:
    reviews = write(tmp_path / "D.jsonl", {**REVIEW, "user_id": ""})
    with pytest.raises(BadInput, match=r"no usable review .1 review without user or item"):
        amazon23.read_raw(reviews, meta, "D")


ROWS = {
    "train": "U1,P1,3.0,1500000000000,\nU1,000215949X,5.0,1600000000000,P1\n",
    "valid": "U1,P3,4.0,1630000000000,P1 000215949X\n",
    "test": "U1,P4,2.0,1660000000000,P1 000215949X P3\n",
}


def benchmark(folder: Path, header: str, compress: bool = False) -> list[Path]:
    paths = []
    for split, rows in ROWS.items():
        path = folder / f"D.{split}.csv"
        content = (header + rows).encode()
        path.write_bytes(gzip.compress(content) if compress else content)
        paths.append(path)
    return paths


@pytest.mark.parametrize("header", ["", "user_id,parent_asin,rating,timestamp,history\n"])
@pytest.mark.parametrize("compress", [False, True])
def test_the_benchmark_with_and_without_header(tmp_path: Path, meta: Path, header: str, compress: bool) -> None:
    train, valid, test = benchmark(tmp_path, header, compress)
    raw = amazon23.read_benchmark(train, valid, test, meta, "D")
    assert raw.given_split
    frame = raw.interactions.collect()
    assert frame.columns == ["user", "item", "order", "rating", "split", "history"]
    assert frame.rows() == [
        ("U1", "P1", 1500000000000, 3.0, "train", []),
        ("U1", "000215949X", 1600000000000, 5.0, "train", ["P1"]),
        ("U1", "P3", 1630000000000, 4.0, "valid", ["P1", "000215949X"]),
        ("U1", "P4", 1660000000000, 2.0, "test", ["P1", "000215949X", "P3"]),
    ]
    assert raw.files == (train, valid, test, meta)


def test_a_benchmark_with_other_columns_offers_the_nearest(tmp_path: Path, meta: Path) -> None:
    train, valid, test = benchmark(tmp_path, "user_id,parent_asn,rating,timestamp,history\n")
    with pytest.raises(BadInput, match=r'D.train.csv: No column "parent_asin". Did you mean parent_asn'):
        amazon23.read_benchmark(train, valid, test, meta, "D")
    train, valid, test = benchmark(tmp_path, "user,item\n")
    with pytest.raises(BadInput, match=r"neither the header user_id,parent_asin"):
        amazon23.read_benchmark(train, valid, test, meta, "D")
