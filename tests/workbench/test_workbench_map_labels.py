"""What the points of a map are coloured by, against what is stored."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import maps
import numpy as np
import pytest
import shop

from store import datasets as dataset_store
from store.enums import Split
from store.evaluations import evaluations, ranks
from store.workspace import Workspace
from workbench.map.map_labels import HITS, HITS_WORDS, expected_hit, first, hit_words
from workbench.map.map_view import MapSide, MapView, find_points, read_map, read_names
from workbench.ui.ui_state import MapChoice


def labels_of(view: MapView, side: int = 0) -> list[str]:
    return [view.legend[number].name for number in view.sides[side].label.tolist()]


def way(view: MapView, name: str) -> str:
    return next(one.value for one in view.ways if one.name == name)


def test_the_chance_of_a_hit_within_k_over_random_order_of_ties() -> None:
    better, tied = np.array([0, 9, 10, 9, 8, 0]), np.array([0, 0, 0, 1, 3, 99])
    # ranks 1, 10 and 11; 10 or 11; 9 to 12, of which 9 and 10 are in; 1 to 100, of which ten are in
    assert expected_hit(better, tied, 10).tolist() == [1, 1, 0, 1 / 2, 2 / 4, 10 / 100]


def test_shares_of_hits_in_words() -> None:
    found = hit_words(np.array([1.0, 0.75, 0.5, 0.25, 0.0, math.nan])).tolist()
    assert [HITS_WORDS[number] for number in found] == [
        "hit every time", "hit at least half", "hit at least half", "hit less than half", "missed", "no event measured",
    ]  # fmt: skip


def test_the_first_of_several_categories_counts() -> None:
    assert [first(name) for name in ("Drama", "Drama|Comedy", "", "|Comedy")] == ["Drama", "Drama", "(none)", "(none)"]


def test_by_dataset_and_by_category(workspace: Workspace) -> None:
    maps.add_map(workspace)
    view = read_map(workspace, MapChoice())
    assert [(label.name, label.count) for label in view.legend] == [("movielens-small", 40), ("shop-garden", 40)]
    assert labels_of(view) == ["movielens-small"] * 40 + ["shop-garden"] * 40
    assert view.sides[0].total == 150
    view = read_map(workspace, MapChoice(way="category"))
    assert Counter(labels_of(view)) == dict.fromkeys(shop.GENRES, 16)
    assert labels_of(view)[:6] == [*shop.GENRES, shop.GENRES[0]]


def test_rare_categories_share_one_label_and_no_point_is_lost(workspace: Workspace) -> None:
    with workspace.write() as db:
        db.execute("UPDATE item SET category = 'c' || (item % 14)")
    maps.add_map(workspace)
    view = read_map(workspace, MapChoice(way="category"))
    assert [label.name for label in view.legend][-1] == "5 others"
    assert len(view.legend) == 10
    assert sum(label.count for label in view.legend) == 80
    assert len({label.colour for label in view.legend}) == 10


@pytest.mark.parametrize("kind", ["items", "users"])
def test_warm_and_cold(workspace: Workspace, kind: str) -> None:
    maps.add_map(workspace, kind=kind)
    view = read_map(workspace, MapChoice(way="known"))
    side = view.sides[0]
    with workspace.read() as db:
        for number, name in enumerate(side.projection.datasets):
            own = dataset_store.dataset(db, name)
            rows = db.execute("SELECT user, train_length, items FROM sequence WHERE dataset_id = ?", (own.id,))
            warm = set()
            for user, length, items in rows:
                known = np.frombuffer(items, "<i4")[:length].tolist()
                warm |= set(known if kind == "items" else [user] * bool(known))
            for point in np.flatnonzero(side.points.dataset == number).tolist():
                expected = "warm" if int(side.points.row[point]) in warm else "cold"
                assert labels_of(view)[point] == expected


@pytest.mark.parametrize("kind", ["items", "users"])
def test_by_the_earliest_part_with_it(workspace: Workspace, kind: str) -> None:
    with workspace.write() as db:  # few items and users are left in the train part
        db.execute("UPDATE sequence SET train_length = iif(sequence % 3, 0, 1)")
        db.execute("DELETE FROM event WHERE split = 'train' OR user % 5 = 1 OR (user % 5 = 2 AND split = 'valid')")
    maps.add_map(workspace, kind=kind)
    view = read_map(workspace, MapChoice(way="split"))
    side = view.sides[0]
    with workspace.read() as db:
        for number, name in enumerate(side.projection.datasets):
            own = dataset_store.dataset(db, name)
            parts: dict[str, set[int]] = {"train": set(), "valid": set(), "test": set()}
            rows = db.execute("SELECT user, train_length, items FROM sequence WHERE dataset_id = ?", (own.id,))
            for user, length, items in rows:
                known = np.frombuffer(items, "<i4")[:length].tolist()
                parts["train"] |= set(known if kind == "items" else [user] * bool(known))
            for split in (Split.VALID, Split.TEST):
                events = dataset_store.split_events(db, own.id, split)
                parts[split] = {event.item if kind == "items" else event.user for event in events}
            for point in np.flatnonzero(side.points.dataset == number).tolist():
                row = int(side.points.row[point])
                expected = next((part for part, rows in parts.items() if row in rows), "none of them")
                assert labels_of(view)[point] == expected
    assert [label.name for label in view.legend if label.count] == ["train", "valid", "test", "none of them"]


@pytest.mark.parametrize(("kind", "seen"), [("users", "mask"), ("users", "keep"), ("items", "mask")])
def test_hits_are_those_of_the_stored_ranks(workspace: Workspace, kind: str, seen: str) -> None:
    maps.add_map(workspace, kind=kind)
    offered = read_map(workspace, MapChoice())
    view = read_map(workspace, MapChoice(way=way(offered, "hits of pop"), seen=seen, cutoff=5))
    side = view.sides[0]
    with workspace.read() as db:
        for number, name in enumerate(side.projection.datasets):
            evaluation = next(e for e in evaluations(db, model="pop", dataset=name))
            found, shares = ranks(db, evaluation), defaultdict(list)
            suffix = "_masked" if seen == "mask" else ""
            events = dataset_store.split_events(db, dataset_store.dataset(db, name).id, Split.TEST)
            better, tied = getattr(found, f"better{suffix}"), getattr(found, f"tied{suffix}")
            for event, above, beside in zip(events, better, tied, strict=True):
                shares[event.user if kind == "users" else event.item].append(
                    min(1.0, max(0.0, (5 - int(above)) / (int(beside) + 1)))
                )
            for point in np.flatnonzero(side.points.dataset == number).tolist():
                own = shares[int(side.points.row[point])]
                share = sum(own) / len(own) if own else math.nan
                assert labels_of(view)[point] == HITS_WORDS[int(hit_words(np.array([round(share, 9)]))[0])]


def test_only_evaluations_of_its_datasets_are_offered_and_one_that_is_gone_gives_way(workspace: Workspace) -> None:
    maps.add_map(workspace, ("shop-garden",))
    view = read_map(workspace, MapChoice(way=f"{HITS}of one that was deleted"))
    assert [one.name for one in view.ways] == [
        "dataset", "category", "warm or cold", "split", "hits of pop", "hits of last-item", "hits of only",
    ]  # fmt: skip
    assert view.way is not None
    assert view.way.name == "dataset"


def test_what_is_shown_already_is_not_read_again(workspace: Workspace) -> None:
    maps.add_map(workspace)
    view = read_map(workspace, MapChoice())
    again = read_map(workspace, MapChoice(), view)
    assert again == view
    assert again.sides[0] is view.sides[0]
    other = read_map(workspace, MapChoice(way="category"), view)
    assert other != view
    assert other.sides[0].points is view.sides[0].points


def test_the_same_ones_on_another_map(workspace: Workspace) -> None:
    maps.add_map(workspace, each=40)
    maps.add_map(workspace, ("shop-garden", "shop-kitchen"), each=10)
    small, large = read_map(workspace, MapChoice()), read_map(workspace, MapChoice())
    small_side = small.sides[0]
    large_side = read_map(workspace, MapChoice(first=large.known[1].key)).sides[0]
    assert large_side.projection.datasets == ("movielens-small", "shop-garden")
    # points 40 to 79 of the large map are shop-garden's items 0 to 39, of which the small one has 0 to 9 as its first
    assert small_side.twins(large_side, np.array([0, 40, 49, 50])).tolist() == [-1, 0, 9, -1]
    assert large_side.twins(small_side, np.array([9, 10])).tolist() == [49, -1]


def test_a_search_finds_every_point_with_the_words_and_only_points(workspace: Workspace) -> None:
    maps.add_map(workspace)
    side = read_map(workspace, MapChoice()).sides[0]
    titles = [point.name for point in read_names(workspace, side, np.arange(80)).points]
    wanted = [index for index, title in enumerate(titles) if "river" in title.lower() and "gold" in title.lower()]
    assert [point.index for point in find_points(workspace, side, "RIVER gold").points] == wanted
    assert [point.index for point in find_points(workspace, side, "i00007").points] == [7, 47]
    assert find_points(workspace, side, "Second").points == ()  # items 90 and on are not drawn
    assert find_points(workspace, side, "  ").points == ()
    people = people_side(workspace)
    assert [point.name for point in find_points(workspace, people, "user0001").points[:2]] == ["user00010", "user00011"]


def people_side(workspace: Workspace) -> MapSide:
    added = maps.add_map(workspace, kind="users")
    return read_map(workspace, MapChoice(first=added.key)).sides[0]
