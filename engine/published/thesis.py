"""The numbers that the thesis published, by table, category, metric and model, for orientation beside our own.

`thesis.csv` holds its tables A.1–A.4, 5.1–5.3 and C.1. Five cells of A.2 are not there because the text is damaged in
those places: Electronics ndcg@50 (all four models) and Health_and_Household hr@10 of st5-nopre.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files

from store.rows import Dataset

TABLES = ("A.1", "A.2", "A.3", "A.4", "5.1", "5.2", "5.3", "C")
MODELS = {  # the thesis' names by our models' variants
    "pop": "pop",
    "sasrec": "sasrec",
    "unisrec": "unisrec-blair",
    "only": "st5-only",
    "nopre": "st5-nopre",
    "itempre": "st5-itempre",
    "final": "st5-final",
}
AMAZON_YEAR = "2023"  # the thesis' edition of the reviews; a category with a year of its own (Yelp_2018) says so


def published(table: str, category: str, metric: str, model: str) -> float | None:
    """The published number of a cell, None where the thesis has none.

    hr and ndcg are fractions (printed as percentages there), rmse and mae are in stars, Appendix C are counts.
    `published("A.1", "All_Beauty", "hr@10", "pop")` is `0.0038`.
    """
    return _cells().get((table, category, metric, model))


def category_of(dataset: Dataset) -> str | None:
    """The thesis' category that a dataset is an edition of, by its domain or else its name; None if missing.

    Case and a trailing year do not matter: books_2014 is Books, yelp is Yelp_2018. Generated shops are never one.
    """
    if dataset.synthetic:
        return None
    categories = {_bare(category): category for category in _categories()}
    return categories.get(_bare(dataset.domain)) or categories.get(_bare(dataset.name))


def edition_note(dataset: Dataset) -> str:
    """`another edition of the data (2014)`, or nothing where it is the data that the thesis read (or none of it)."""
    category = category_of(dataset)
    if category is None:
        return ""
    own = _year(dataset.name) or _year(dataset.domain)
    return "" if own in ("", _year(category) or AMAZON_YEAR) else f"another edition of the data ({own})"


@cache
def _cells() -> dict[tuple[str, str, str, str], float]:
    text = files("engine.published").joinpath("thesis.csv").read_text(encoding="utf-8")
    found = {}
    for row in csv.DictReader(text.splitlines()):
        value = float(row["value"])
        if row["metric"].startswith(("hr@", "ndcg@")):
            value = round(value / 100, 6)  # two decimals of a percentage; dividing alone would leave binary dust
        found[row["table"], row["category"], row["metric"], row["model"]] = value
    return found


@cache
def _categories() -> tuple[str, ...]:
    return tuple(sorted({category for table, category, _, _ in _cells() if table == "C"}))


def _bare(name: str) -> str:
    return re.sub(r"_\d{4}$", "", re.sub(r"[\s-]+", "_", name.strip().casefold()))


def _year(name: str) -> str:
    found = re.search(r"_(\d{4})$", name)
    return found.group(1) if found else ""
