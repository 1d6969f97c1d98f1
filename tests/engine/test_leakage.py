"""A model is not evaluated on events that it was trained on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audit.leakage import audit_leakage, refuse_leakage
from store import datasets
from store.arrays import content_hash
from store.enums import Phase, Split
from store.errors import BadInput
from store.models import put_model
from store.rows import Dataset, Model
from store.workspace import Workspace
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add

TRAIN, VALID, TEST = Split.TRAIN, Split.VALID, Split.TEST
OTHER_TITLES = ("Novel", "Atlas", "Poem", "Diary", "Comic")

# The shop's users with their last items in the train part: u0 A B C, u1 A D B, u2 (B A).
LATER = (
    ("u0", (0, 1, 2), ((1, TRAIN), (2, TRAIN))),
    ("u1", (0, 3, 1, 4), ((1, TRAIN), (2, TRAIN), (3, TEST))),
    ("u2", (1, 0), ((1, TEST),)),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


@pytest.fixture
def db(workspace: Workspace) -> Iterator[sqlite3.Connection]:
    with workspace.write() as db:
        yield db


def shop(workspace: Workspace, name: str, histories: Any = HISTORIES, titles: Sequence[str] = TITLES) -> Dataset:
    """The small shop under a name, with a fingerprint of its own."""
    made = add(workspace, name, titles, CATEGORIES, histories)
    return changed(workspace, made, "fingerprint = name || fingerprint")


def changed(workspace: Workspace, dataset: Dataset, assignment: str) -> Dataset:
    with workspace.write() as db:
        db.execute(f"UPDATE dataset SET {assignment} WHERE id = ?", (dataset.id,))
        return datasets.dataset(db, dataset.name)


def untimed(workspace: Workspace, dataset: Dataset) -> Dataset:
    return changed(workspace, dataset, "timed = 0")


def trained(
    db: sqlite3.Connection,
    name: str,
    on: Mapping[str, str],
    *,
    phase: Phase = Phase.SEQUENCE_ITEM,
    backbone: str = "",
    parent: str = "some backbone",
    weights: str = "",
) -> Model:
    lineage = [{"phase": str(phase), "parent": parent, "datasets": dict(on)}] if on else []
    return put_model(
        db, name=name, kind="text", variant="nopre", weights_hash=weights or name, tokenizer_hash="t",
        code_version="0", backbone=backbone, lineage=lineage,
    )  # fmt: skip


def of(dataset: Dataset) -> dict[str, str]:
    return {dataset.name: dataset.fingerprint}


def test_a_dataset_s_own_train_part_holds_none_of_its_test_events(workspace: Workspace, db: sqlite3.Connection) -> None:
    own = shop(workspace, "shop")
    (audit,) = audit_leakage(db, trained(db, "nopre", of(own)), own)
    assert (audit.trained, audit.overlap, audit.of, audit.unknown, audit.example) == ("shop", 0, 4, (), None)


def test_test_events_in_another_s_train_part_are_counted_and_refused(
    workspace: Workspace, db: sqlite3.Connection
) -> None:
    asked, later = shop(workspace, "asked"), shop(workspace, "later", LATER)
    model = trained(db, "nopre", of(later))
    (audit,) = audit_leakage(db, model, asked)
    # Of u0 C, u1 B, u1 E, u2 A the train part of `later` holds u0 C and u1 B.
    assert (audit.overlap, audit.of, audit.example) == (2, 4, ("u0", "k2"))
    with pytest.raises(BadInput) as refused:
        refuse_leakage(db, model, asked)
    for words in ("nopre", "2 of 4", "asked", "train part of later", 'user "u0"', 'item "k2"', "without later"):
        assert words in str(refused.value)
    refuse_leakage(db, model, asked, TRAIN)
    refuse_leakage(db, model, later)
    assert audit_leakage(db, model, asked, VALID)[0].of == 0


def test_the_same_keys_years_apart_are_other_choices(workspace: Workspace, db: sqlite3.Connection) -> None:
    asked, later = shop(workspace, "asked"), shop(workspace, "later", LATER)
    with workspace.write() as other:
        first = datasets.sequence(other, later.id, 0)
        assert first.timestamps is not None
        moved = (first.timestamps + 2 * 24 * 3600 * 1000).tobytes()  # two days
        other.execute("UPDATE sequence SET timestamps = ? WHERE dataset_id = ? AND sequence = 0", (moved, later.id))
    (audit,) = audit_leakage(db, trained(db, "nopre", of(later)), asked)
    assert (audit.overlap, audit.example) == (1, ("u1", "k1"))


@pytest.mark.parametrize(("titles", "overlap"), [(TITLES, 2), (OTHER_TITLES, 0), (("  LAMP", *OTHER_TITLES[1:]), 0)])
def test_without_times_equal_keys_need_equal_titles(
    workspace: Workspace, db: sqlite3.Connection, titles: Sequence[str], overlap: int
) -> None:
    asked = untimed(workspace, shop(workspace, "asked"))
    later = untimed(workspace, shop(workspace, "later", LATER, titles))
    assert audit_leakage(db, trained(db, "nopre", of(later)), asked)[0].overlap == overlap


def test_titles_that_differ_in_case_and_spaces_are_equal(workspace: Workspace, db: sqlite3.Connection) -> None:
    asked = untimed(workspace, shop(workspace, "asked"))
    later = untimed(workspace, shop(workspace, "later", LATER, [f" {title.upper()} " for title in TITLES]))
    assert audit_leakage(db, trained(db, "nopre", of(later)), asked)[0].overlap == 2


def test_a_dataset_that_is_gone_or_changed_is_named_not_refused(workspace: Workspace, db: sqlite3.Connection) -> None:
    asked, later = shop(workspace, "asked"), shop(workspace, "later", LATER)
    model = trained(db, "nopre", {"gone": "0" * 32, "later": "of another content"})
    assert [(audit.trained, audit.unknown) for audit in audit_leakage(db, model, asked)] == [
        ("gone", ("gone",)),
        ("later", ("later",)),
    ]
    refuse_leakage(db, model, asked)
    # A dataset that was only given another name is the same content.
    renamed = trained(db, "renamed", {"before": later.fingerprint})
    assert audit_leakage(db, renamed, asked)[0].overlap == 2


def test_who_never_read_a_choice_leaks_none(workspace: Workspace, db: sqlite3.Connection) -> None:
    asked, later = shop(workspace, "asked"), shop(workspace, "later", LATER)
    assert audit_leakage(db, trained(db, "only", {}), asked) == []
    titles_only = trained(db, "items", of(later), phase=Phase.ITEM_DESCRIPTION)
    assert audit_leakage(db, titles_only, asked) == []
    pop = put_model(db, name="pop", kind="baseline", variant="pop", weights_hash="p", code_version="0")
    assert audit_leakage(db, pop, asked) == []


def test_what_a_model_was_made_from_counts_too(workspace: Workspace, db: sqlite3.Connection) -> None:
    asked, later = shop(workspace, "asked"), shop(workspace, "later", LATER)
    clean = shop(workspace, "clean", titles=OTHER_TITLES, histories=[("v", (0, 1), ((1, TRAIN),))])
    first = trained(db, "first", of(later))
    by_name = trained(db, "by-name", of(clean), backbone="first")
    by_content = trained(db, "by-content", of(clean), backbone="/a/folder", parent=content_hash("first", "t"))
    as_it_is = trained(db, "as-it-is", {}, backbone="/a/folder", weights=first.weights_hash)
    reads_it = put_model(
        db, name="last-item-first", kind="baseline", variant="last-item", features="first", weights_hash="l",
        code_version="0",
    )  # fmt: skip
    assert [audit.trained for audit in audit_leakage(db, by_name, asked)] == ["clean", "later"]
    for model in (by_name, by_content, as_it_is, reads_it):
        with pytest.raises(BadInput, match="2 of 4"):
            refuse_leakage(db, model, asked)


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12, unique=True)


@settings(max_examples=15, deadline=None)  # two datasets are written for each
@given(PAIRS, PAIRS)
def test_the_count_is_that_of_pairs_in_both(
    tmp_path_factory: pytest.TempPathFactory,
    train_pairs: list[tuple[int, int]],
    asked_for: list[tuple[int, int]],
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("pairs"))
    later = shop(workspace, "later", _histories(train_pairs, TRAIN))
    asked = shop(workspace, "asked", _histories(asked_for, TEST))
    with workspace.write() as db:
        (audit,) = audit_leakage(db, trained(db, "nopre", of(later)), asked)
    # A user's first item is nobody's target, since there is no history before it; and one item trains nothing.
    targets = [pair for place, pair in enumerate(asked_for) if pair[0] in {user for user, _ in asked_for[:place]}]
    learned = [pair for pair in train_pairs if [user for user, _ in train_pairs].count(pair[0]) > 1]
    assert (audit.overlap, audit.of) == (len(set(targets) & set(learned)), len(targets))


def _histories(
    pairs: Sequence[tuple[int, int]], split: Split
) -> list[tuple[str, tuple[int, ...], tuple[tuple[int, Split], ...]]]:
    """Each user's items in the order given, with one event for every item but the first."""
    users: dict[int, list[int]] = {}
    for user, item in pairs:
        users.setdefault(user, []).append(item)
    return [
        (f"u{user}", tuple(items), tuple((length, split) for length in range(1, len(items))))
        for user, items in users.items()
    ]
