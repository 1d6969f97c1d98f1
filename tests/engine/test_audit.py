"""The audit of texts."""

from __future__ import annotations

import polars as pl

from engine.preparation.duplicates import duplicates


def test_items_of_one_title_are_counted_in_groups() -> None:
    items = pl.DataFrame(
        {"key": list("abcdefg"), "title": ["Gift Card", "Mug", "Gift Card", "Mug", "Gift Card", "Lamp", "gift card"]}
    )
    assert duplicates(items) == {
        "groups": 2,
        "items": 5,
        "largest": 3,
        "examples": [
            {"title": "Gift Card", "items": 3, "keys": ["a", "c", "e"]},
            {"title": "Mug", "items": 2, "keys": ["b", "d"]},
        ],
    }


def test_when_titles_are_long_or_many_the_examples_stay_short() -> None:
    items = pl.DataFrame(
        {
            "key": [str(i) for i in range(40)],
            "title": ["x" * 100_000] * 10 + [f"t{i // 2}" for i in range(30)],
        }
    )
    found = duplicates(items)
    assert (found["groups"], found["items"], found["largest"]) == (16, 40, 10)
    assert len(found["examples"]) == 5
    assert found["examples"][0]["title"] == "x" * 199 + "…"
    assert found["examples"][0]["keys"] == ["0", "1", "2"]


def test_when_there_are_no_items() -> None:
    empty = pl.DataFrame(schema={"key": pl.String, "title": pl.String})
    assert duplicates(empty) == {"groups": 0, "items": 0, "largest": 0, "examples": []}
