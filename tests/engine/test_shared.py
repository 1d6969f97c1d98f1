"""What an unseen dataset shares with those trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.audit.shared import shared
from store import datasets
from store.enums import Split
from store.rows import Dataset
from store.workspace import Workspace
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add

TEST = Split.TEST


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def dataset(
    workspace: Workspace, name: str, titles: Sequence[str] = TITLES, histories: Any = HISTORIES, **renamed: str
) -> Dataset:
    """A small shop; `key="x"` puts an x before its items' keys, `user=""` takes the letter off its users'."""
    made = add(workspace, name, titles, CATEGORIES[: len(titles)], histories)
    with workspace.write() as db:
        if "key" in renamed:
            db.execute("UPDATE item SET key = ? || key WHERE dataset_id = ?", (renamed["key"], made.id))
        if "user" in renamed:
            db.execute("UPDATE user SET key = ? || substr(key, 2) WHERE dataset_id = ?", (renamed["user"], made.id))
        if "platform" in renamed:
            db.execute("UPDATE dataset SET platform = ? WHERE id = ?", (renamed["platform"], made.id))
        return datasets.dataset(db, name)


def counts(workspace: Workspace, trained: Sequence[Dataset], evaluated: Dataset) -> dict[str, Any]:
    with workspace.read() as db:
        found = shared(db, trained, evaluated)
    assert (found.of_items, found.of_users, found.of_targets) == (5, 3, 4)
    return {
        name: getattr(found, name) for name in ("items", "titles", "users", "targets", "titled_targets", "incomparable")
    }


def test_nothing_was_trained_on(workspace: Workspace) -> None:
    found = counts(workspace, [], dataset(workspace, "shop"))
    assert found == dict.fromkeys(("items", "titles", "users", "targets", "titled_targets"), 0) | {"incomparable": ()}


def test_a_part_of_the_catalogue_and_one_user(workspace: Workspace) -> None:
    # The other shop has the lamp (k0), the chair (k1) and one of our users. Our targets are C B E A: a desk, a chair,
    # the second lamp (k4: not there by key, but by title), a lamp.
    other = dataset(workspace, "other", ("Lamp", " CHAIR"), [("u1", (0, 1), ((1, TEST),)), ("v", (0,), ())])
    own = dataset(workspace, "shop")
    found = counts(workspace, [other], own)
    assert found == {
        "items": 2, "titles": 3, "users": 1, "targets": 2, "titled_targets": 3, "incomparable": ()
    }  # fmt: skip
    with workspace.read() as db:
        shares = shared(db, [other], own)
    assert (shares.item_share, shares.title_share, shares.user_share) == (2 / 5, 3 / 5, 1 / 3)
    assert (shares.target_share, shares.titled_target_share) == (2 / 4, 3 / 4)


def test_what_several_share_is_counted_once(workspace: Workspace) -> None:
    copies = [dataset(workspace, name, ("Lamp", "Chair"), [("u1", (0,), ())]) for name in ("a", "b")]
    found = counts(workspace, copies, dataset(workspace, "shop"))
    assert (found["items"], found["titles"], found["users"]) == (2, 3, 1)


def test_keys_that_name_other_things_are_not_compared(workspace: Workspace) -> None:
    numbered = dataset(workspace, "numbered", ("Novel", "Atlas", "Poem"), [("u0", (0, 1), ((1, TEST),))])
    found = counts(workspace, [numbered], dataset(workspace, "shop"))
    assert (found["items"], found["users"], found["incomparable"]) == (0, 0, ("numbered",))


def test_titles_are_compared_across_platforms_and_keys_are_not(workspace: Workspace) -> None:
    yelp = dataset(workspace, "yelp", platform="yelp")
    found = counts(workspace, [yelp], dataset(workspace, "shop"))
    assert (found["items"], found["titles"], found["users"], found["incomparable"]) == (0, 5, 0, ("yelp",))


@pytest.mark.parametrize(("letter", "users", "incomparable"), [("u", 3, ()), ("", 0, ("other",))])
def test_users_of_other_items_are_the_same_where_their_keys_are_more_than_numbers(
    workspace: Workspace, letter: str, users: int, incomparable: tuple[str, ...]
) -> None:
    other = dataset(workspace, "other", ("Novel",) * 5, key="x", user=letter)
    found = counts(workspace, [other], dataset(workspace, "shop", user=letter))
    assert (found["items"], found["users"], found["incomparable"]) == (0, users, incomparable)


def test_an_empty_title_is_no_title(workspace: Workspace) -> None:
    other = dataset(workspace, "other", ("", " "), [("v", (0,), ())], key="x")
    assert counts(workspace, [other], dataset(workspace, "shop", ("", *TITLES[1:])))["titles"] == 0
