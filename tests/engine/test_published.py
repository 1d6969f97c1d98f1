"""The thesis' numbers: read off its pages by hand, and found for the right datasets."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from engine.published.thesis import TABLES, category_of, edition_note, published
from store.enums import SplitKind
from store.rows import Dataset


def dataset(name: str, domain: str = "", **changes: object) -> Dataset:
    made = Dataset(
        id=1, name=name, platform="table", domain=domain or name, synthetic=False, source={}, split=SplitKind.GIVEN,
        split_settings={}, timed=True, fingerprint="f", users=1, items=1, interactions=1, events={}, dropped={},
        audit={}, created="2026-01-01",
    )  # fmt: skip
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("table", "category", "metric", "model", "value"),
    [
        ("A.1", "All_Beauty", "hr@10", "pop", 0.0038),  # printed as percentages: 0.38
        ("A.1", "Electronics", "ndcg@50", "st5-final", 0.0071),
        ("A.1", "Movies_and_TV", "ndcg@10", "unisrec-blair", 0.0151),
        ("A.2", "Baby_Products", "ndcg@50", "st5-itempre", 0.0136),
        ("A.3", "Video_Games", "hr@50", "instruction+unstructured", 0.0225),
        ("A.4", "Health_and_Household", "hr@10", "title+description", 0.0036),
        ("5.2", "Yelp_2018", "hr@50", "unisrec-blair", 0.0565),
        ("5.3", "rating", "rmse", "mean", 1.46),  # in stars
        ("5.3", "rating", "mae", "st5-final", 1.061),
        ("C", "Books", "items", "dataset", 824_855),
    ],
)
def test_cells_are_those_on_the_page(table: str, category: str, metric: str, model: str, value: float) -> None:
    assert published(table, category, metric, model) == value


def test_what_the_thesis_does_not_have_is_none() -> None:
    assert published("A.1", "All_Beauty", "hr@10", "bm25") is None
    assert published("A.1", "Industrial_and_Scientific", "hr@10", "pop") is None
    assert published("A.9", "All_Beauty", "hr@10", "pop") is None


def test_the_five_cells_that_the_text_lost_are_the_only_gaps() -> None:
    models = ("st5-only", "st5-nopre", "st5-itempre", "st5-final")
    categories = (
        "All_Beauty", "Baby_Products", "Video_Games", "Movies_and_TV", "Toys_and_Games", "Beauty_and_Personal_Care",
        "Cell_Phones_and_Accessories", "Electronics", "Health_and_Household",
    )  # fmt: skip
    metrics = ("hr@10", "hr@50", "ndcg@10", "ndcg@50")
    cells = [(category, metric, model) for category in categories for metric in metrics for model in models]
    lost = {cell for cell in cells if published("A.2", *cell) is None}
    assert lost == {("Electronics", "ndcg@50", model) for model in models} | {
        ("Health_and_Household", "hr@10", "st5-nopre")
    }


def test_the_data_are_those_beside_the_thesis(shared: Path) -> None:
    rows = list(csv.DictReader((shared / "published_results.csv").open(encoding="utf-8")))
    assert {row["table"] for row in rows} == set(TABLES)
    for row in rows:
        scale = 100 if "@" in row["metric"] else 1
        value = published(row["table"], row["category"], row["metric"], row["model"])
        assert value is not None
        assert value * scale == pytest.approx(float(row["value"]))


@pytest.mark.parametrize(
    ("name", "domain", "category", "note"),
    [
        ("books_2014", "books_2014", "Books", "another edition of the data (2014)"),
        ("video_games_2018", "video_games_2018", "Video_Games", "another edition of the data (2018)"),
        ("all_beauty_2023", "All_Beauty", "All_Beauty", ""),
        ("mine", "All Beauty", "All_Beauty", ""),
        ("yelp", "Yelp", "Yelp_2018", ""),
        ("yelp_2021", "Yelp", "Yelp_2018", "another edition of the data (2021)"),
        ("beauty_2014", "beauty_2014", None, ""),  # Beauty is not Beauty_and_Personal_Care
        ("ml_latest_small", "Movies", None, ""),
    ],
)
def test_a_dataset_is_an_edition_of_a_category(name: str, domain: str, category: str | None, note: str) -> None:
    found = dataset(name, domain)
    assert category_of(found) == category
    assert edition_note(found) == note


def test_a_generated_shop_has_no_published_numbers() -> None:
    assert category_of(dataset("Books", "Books", synthetic=True)) is None
