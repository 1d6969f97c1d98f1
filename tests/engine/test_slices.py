"""Slices: which events belong to which value."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from engine.measuring.slices import CATEGORIES_SHOWN, OTHER_CATEGORIES, condition, meeting, slices
from store import datasets
from store.enums import Split
from store.errors import BadInput
from store.workspace import Workspace
from tests.small_shop import TEST, TRAIN, add, five_items


def parts_of(
    workspace: Workspace, visible: np.ndarray | None = None, name: str = "shop"
) -> dict[tuple[str, str], list[int]]:
    """Slice and value -> rows of the test events."""
    with workspace.read() as db:
        dataset = datasets.dataset(db, name)
        events = datasets.events(db, dataset.id, Split.TEST)
        seen = np.zeros(len(events), np.int32) if visible is None else visible
        found = slices(db, dataset, datasets.items(db, dataset.id), events, seen)
    return {(part.slice.value, part.value): np.flatnonzero(part.mask).tolist() for part in found}


def test_every_slice_of_four_events(tmp_path: Path) -> None:
    # Events: u0 C after A B, u1 B after A D, u1 E after A D B, u2 A after B. Train part: A B (u0) and A D (u1).
    assert parts_of(five_items(tmp_path), np.array([2, 2, 2, 1], np.int32)) == {
        ("all", "all"): [0, 1, 2, 3],
        ("domain", "Things"): [0, 1, 2, 3],
        ("category", "Art"): [0, 2],
        ("category", "Home"): [1, 3],
        ("category", "Office"): [0],
        ("history-length", "1"): [3],
        ("history-length", "2"): [0, 1],
        ("history-length", "3"): [2],
        ("visible-length", "1"): [3],
        ("visible-length", "2"): [0, 1, 2],
        ("target", "warm"): [1, 3],
        ("target", "cold"): [0, 2],
        ("user", "warm"): [0, 1, 2],
        ("user", "cold"): [3],
        ("duplicate-text", "duplicate"): [2, 3],
        ("duplicate-text", "unique"): [0, 1],
    }


@pytest.mark.parametrize(
    ("length", "value"),
    [(1, "1"), (10, "10"), (11, "11-20"), (20, "11-20"), (21, "21-50"), (50, "21-50"), (51, "51+"), (200, "51+")],
)
def test_long_histories_are_put_in_ranges(tmp_path: Path, length: int, value: str) -> None:
    workspace = Workspace(tmp_path)
    items = range(length + 1)
    add(workspace, "shop", [f"t{n}" for n in items], ["c"] * len(items), [("u", tuple(items), ((length, TEST),))])
    assert [v for (name, v), rows in parts_of(workspace).items() if name == "history-length"] == [value]


def test_when_there_are_many_categories_the_rare_ones_stand_together(tmp_path: Path) -> None:
    count = CATEGORIES_SHOWN + 5
    titles = [f"t{n}" for n in range(count)]
    # Category c00 is the target of two events, every other one of one.
    histories = [(f"u{n:02d}", (n, (n + 1) % count), ((1, TEST),)) for n in range(count)]
    histories.append(("v", (3, 0), ((1, TEST),)))
    workspace = Workspace(tmp_path)
    add(workspace, "shop", titles, [f"c{n:02d}" for n in range(count)], histories)
    found = {value: rows for (name, value), rows in parts_of(workspace).items() if name == "category"}
    assert list(found) == ["c00", *(f"c{n:02d}" for n in range(1, CATEGORIES_SHOWN)), OTHER_CATEGORIES]
    assert (len(found["c00"]), len(found["c01"]), len(found[OTHER_CATEGORIES])) == (2, 1, 5)
    assert sum(map(len, found.values())) == count + 1


def test_when_every_user_trains_there_is_no_cold_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    add(workspace, "shop", ["a", "b", "c"], ["c"] * 3, [("u", (0, 1, 2), ((1, TRAIN), (2, TEST)))])
    found = parts_of(workspace)
    assert ("user", "cold") not in found
    assert ("duplicate-text", "duplicate") not in found
    assert found["target", "cold"] == [0]


def met(workspace: Workspace, *texts: str) -> list[int]:
    """Rows of the test events that meet these conditions."""
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        events = datasets.events(db, dataset.id, Split.TEST)
        conditions = [condition(text) for text in texts]
        return np.flatnonzero(meeting(db, dataset, conditions, events, np.zeros(len(events), np.int32))).tolist()


def test_conditions_are_met_together(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    assert met(workspace) == [0, 1, 2, 3]
    assert met(workspace, "target=cold") == [0, 2]
    assert met(workspace, "Target = cold", "category=Art") == [0, 2]
    assert met(workspace, "target=cold", "category=Office") == [0]
    assert met(workspace, "target=cold", "history-length=1") == []


def test_a_condition_takes_a_category_that_is_not_shown_by_itself(tmp_path: Path) -> None:
    count = CATEGORIES_SHOWN + 5
    histories = [(f"u{n:02d}", (n, (n + 1) % count), ((1, TEST),)) for n in range(count)]
    workspace = Workspace(tmp_path)
    add(workspace, "shop", [f"t{n}" for n in range(count)], [f"c{n:02d}" for n in range(count)], histories)
    assert met(workspace, f"category=c{count - 1}") == [count - 2]
    assert len(met(workspace, f"category={OTHER_CATEGORIES}")) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("target", "Write SLICE=VALUE such as target=cold"),
        ("target=", "Write SLICE=VALUE"),
        ("all=all", 'No slice "all"'),
        ("tagret=cold", 'No slice "tagret". Did you mean target'),
        ("target=clod", 'No value of target among the events of shop "clod". Did you mean cold'),
        ("category=Hom", "Did you mean Home"),
        ("visible-length=2", "There is no value of visible-length"),
    ],
)
def test_when_a_condition_is_none(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        met(five_items(tmp_path), text)
