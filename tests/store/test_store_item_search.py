"""Items found by words of their titles, part after part of a long catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import item_search
from store.datasets import dataset
from store.item_search import find_items
from store.workspace import Workspace
from tests.small_shop import five_items, many


def items_found(space: Workspace, words: str, **where: int) -> tuple[list[int], int | None]:
    with space.read() as db:
        part = find_items(db, dataset(db, "shop").id, words, **where)
    return [item.item for item in part.items], part.next


def test_every_word_is_a_part_of_the_title_whatever_its_case(tmp_path: Path) -> None:
    space = five_items(tmp_path, titles=("Hammered LAMPSHADE", "Lamp", "Ñandú lamp", "50% off_", ""))
    assert items_found(space, "lamp") == ([0, 1, 2], None)
    assert items_found(space, "Ham lamp") == ([0], None)
    assert items_found(space, "ÑANDÚ") == ([2], None)
    assert items_found(space, "%") == ([3], None)
    assert items_found(space, "_") == ([3], None)
    assert items_found(space, "k4") == ([4], None)  # a key, and only a whole one
    assert items_found(space, "k") == ([], None)
    assert items_found(space, "") == ([0, 1, 2, 3, 4], None)


def test_a_part_says_where_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_search, "PART", 100)
    space = many(tmp_path, users=5, items=250)
    whole: list[int] = []
    start: int | None = 0
    steps = 0
    while start is not None:
        items, start = items_found(space, "lamp", start=start, limit=7)
        whole += items
        steps += 1
    assert steps > 3
    assert whole == sorted(set(whole))
    with space.read() as db:
        rows = db.execute("SELECT item FROM item WHERE title LIKE '%lamp%' ORDER BY item").fetchall()
    assert whole == [row["item"] for row in rows]
