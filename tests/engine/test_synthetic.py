"""The generated shop: same arguments, same files; and what it is made to show can be seen in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from engine.preparation.prepare import Choices, Prepared, prepare
from engine.preparation.splits import PUBLIC_T1, PUBLIC_T2
from engine.sources.source_data import SourceData
from engine.sources.synthetic import read_shop, write_shop
from store.enums import SplitKind
from store.errors import BadInput


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SourceData:
    (raw,) = read_shop(tmp_path_factory.mktemp("shop"), 3000, 400, 1, 5)
    return raw


@pytest.fixture(scope="module")
def prepared(shop: SourceData) -> Prepared:
    return prepare(shop, Choices(SplitKind.TIMESTAMP, PUBLIC_T1, PUBLIC_T2))


def attribute(shop: SourceData, prepared: Prepared, name: str) -> np.ndarray:
    """A field of each item of the prepared catalogue, as codes."""
    items = shop.items.select("key", pl.col("fields").str.json_path_match(f"$.{name}")).collect()
    joined = prepared.catalogue.keys.join(items, on="key", how="left", maintain_order="left")
    return joined["fields"].rank("dense").to_numpy()


def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        contents.append([path.read_bytes() for _, *paths in write_shop(folder, 50, 20, 2, 7) for path in paths])
    assert contents[0] == contents[1]
    (tmp_path / "three").mkdir()
    other = write_shop(tmp_path / "three", 50, 20, 2, 8)
    assert other[0][1].read_bytes() != contents[0][0]


def test_a_domain_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    ((_, alone, _),) = write_shop(tmp_path, 50, 20, 1, 7)
    _, (_, beside, _) = sorted(write_shop(tmp_path / "more", 50, 20, 2, 7), key=lambda part: part[0], reverse=True)
    assert alone.read_bytes() == beside.read_bytes()


def test_it_is_labelled_synthetic(shop: SourceData) -> None:
    assert shop.synthetic
    assert shop.platform == "synthetic"


def test_more_domains_than_departments_have_names_of_their_own(tmp_path: Path) -> None:
    names = [name for name, *_ in write_shop(tmp_path, 3, 4, 8, 0)]
    assert len(set(names)) == 8


def test_files_have_the_raw_layout(tmp_path: Path) -> None:
    ((_, reviews, meta),) = write_shop(tmp_path, 20, 10, 1, 0)
    review = json.loads(reviews.read_text().splitlines()[0])
    assert {"rating", "title", "text", "asin", "parent_asin", "user_id", "timestamp"} <= set(review)
    item = json.loads(meta.read_text().splitlines()[0])
    assert {"main_category", "title", "features", "description", "store", "categories", "parent_asin"} <= set(item)


def test_every_split_has_its_share(prepared: Prepared) -> None:
    train, valid, test = np.bincount(prepared.events.split, minlength=3) / len(prepared.events.split)
    assert train == pytest.approx(0.8, abs=0.02)
    assert valid == pytest.approx(0.1, abs=0.02)
    assert test == pytest.approx(0.1, abs=0.02)


def test_users_have_a_taste_and_a_favourite_brand(shop: SourceData, prepared: Prepared) -> None:
    events, histories = prepared.events, prepared.histories
    last = histories.items[histories.start[events.sequence] + events.length - 1]
    rng = np.random.default_rng(0)
    for name, lift in (("features", 1.5), ("brand", 1.5)):
        codes = attribute(shop, prepared, name)
        same = (codes[events.item] == codes[last]).mean()
        by_chance = (codes[rng.permutation(events.item)] == codes[last]).mean()
        assert same > lift * by_chance


def test_some_things_follow_one_another(prepared: Prepared) -> None:
    events, histories = prepared.events, prepared.histories
    last = histories.items[histories.start[events.sequence] + events.length - 1].astype(np.int64)
    pairs, counts = np.unique(last * 1000 + events.item, return_counts=True)
    reverse = dict(zip(pairs.tolist(), counts.tolist(), strict=True))
    often = [(pair, count) for pair, count in reverse.items() if count >= 20]
    assert len(often) > 20
    one_way = [count > 3 * reverse.get(pair % 1000 * 1000 + pair // 1000, 0) for pair, count in often]
    assert np.mean(one_way) > 0.8


def test_popularity_drifts_and_late_targets_are_partly_cold(prepared: Prepared) -> None:
    events = prepared.events
    test = events.item[events.split == 2]
    cold = ~np.isin(test, events.item[events.split == 0])
    assert 0.02 < cold.mean() < 0.6
    counts = [np.bincount(events.item[events.split == code], minlength=400) for code in (0, 2)]
    early, late = (set(np.argsort(-count)[:20].tolist()) for count in counts)
    assert len(early & late) < 15


def test_descriptions_tell_what_titles_leave_out(shop: SourceData) -> None:
    items = shop.items.collect()
    titles, described = items["title"], items["description"].fill_null("")
    kinds = items["category"]
    silent = [
        title is not None and kind.lower() not in title.lower() for title, kind in zip(titles, kinds, strict=True)
    ]
    told = [kind.lower() in text.lower() for kind, text in zip(kinds, described, strict=True)]
    assert 0.2 < np.mean(silent) < 0.9
    assert np.mean(np.array(told)[silent]) > 0.7
    assert titles.null_count() >= 1 or len(titles) < 100
    assert titles.drop_nulls().is_duplicated().sum() >= 4
    assert (described == "").sum() >= 10


@pytest.mark.parametrize(
    ("users", "items", "domains", "seed", "option"),
    [(0, 10, 1, 0, "--users 0"), (5, 1, 1, 0, "--items 1"), (5, 10, 0, 0, "--domains 0"), (5, 10, 1, -1, "--seed -1")],
)
def test_when_numbers_make_no_shop(
    tmp_path: Path, users: int, items: int, domains: int, seed: int, option: str
) -> None:
    with pytest.raises(BadInput, match=option):
        write_shop(tmp_path, users, items, domains, seed)


def test_when_the_shop_is_tiny(tmp_path: Path) -> None:
    (raw,) = read_shop(tmp_path, 1, 2, 1, 0)
    assert raw.interactions.collect().height >= 1
