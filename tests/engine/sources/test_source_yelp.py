"""Yelp's official json lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.sources import yelp
from store.errors import BadInput


def test_businesses_and_reviews(tmp_path: Path) -> None:
    business, review = tmp_path / "business.json", tmp_path / "review.json"
    objects: list[dict[str, object]] = [
        {
            "business_id": "b-1",
            "name": "Café Uno",
            "address": "1 Main St",
            "city": "Tampa",
            "state": "FL",
            "attributes": {"WiFi": "free"},
            "categories": "Coffee & Tea, Food",
            "hours": None,
        },
        {"business_id": "b2", "name": "Old", "address": "", "city": "Reno", "categories": ["Bars", "Pubs"]},
        {"business_id": "b3", "name": "Bare", "categories": None, "attributes": None},
    ]
    business.write_text("".join(json.dumps(one) + "\n" for one in objects))
    reviews = [
        {"user_id": "u", "business_id": "b-1", "stars": 4.0, "date": "2018-07-07 22:09:11", "text": "x"},
        {"user_id": "u", "business_id": "b2", "stars": 1, "date": "2018-07-07"},
        {"user_id": "u", "business_id": None, "stars": 1, "date": "2018-07-07"},
    ]
    review.write_text("".join(json.dumps(one) + "\n" for one in reviews))
    raw = yelp.read(business, review)
    rows = raw.items.collect().rows()
    assert [row[:4] for row in rows] == [
        ("b-1", "Café Uno", "Coffee & Tea, Food", "Coffee & Tea"),
        ("b2", "Old", "Bars, Pubs", "Bars"),
        ("b3", "Bare", None, None),
    ]
    assert [json.loads(row[4]) for row in rows] == [
        {"name": "Café Uno", "categories": "Coffee & Tea, Food", "address": "1 Main St, Tampa, FL"},
        {"name": "Old", "categories": "Bars, Pubs", "address": "Reno"},
        {"name": "Bare"},
    ]
    # 2018-07-07 22:09:11 UTC = 1,531,001,351 s; its midnight is 22 · 3,600 + 9 · 60 + 11 = 79,751 s before
    assert raw.interactions.collect().rows() == [
        ("u", "b-1", 1_531_001_351_000, 4.0),
        ("u", "b2", 1_530_921_600_000, 1.0),
    ]
    assert raw.dropped == {"review without user or item": 1}
    assert raw.timed


def test_dates_that_are_none_name_the_line(tmp_path: Path) -> None:
    business, review = tmp_path / "business.json", tmp_path / "review.json"
    business.write_text('{"business_id": "b", "name": "B"}\n')
    review.write_text('{"user_id": "u", "business_id": "b", "date": "07/07/2018"}\n')
    with pytest.raises(BadInput, match=r'review.json line 1: date "07/07/2018" may begin with the day or with'):
        yelp.read(business, review)


def test_the_two_files_swapped(tmp_path: Path) -> None:
    business, review = tmp_path / "business.json", tmp_path / "review.json"
    business.write_text('{"business_id": "b", "name": "B"}\n')
    review.write_text('{"user_id": "u", "business_id": "b", "date": "2018-07-07"}\n')
    with pytest.raises(BadInput, match=r'business.json: No field "user_id"'):
        yelp.read(review, business)
