"""Storing a prepared source: what is in the store afterwards, once per content, and nothing after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.ingest import IngestOptions, ingest
from engine.sources.source_data import SourceData
from store import datasets as stored
from store.enums import Split, SplitKind
from store.errors import BadInput
from store.rows import Dataset
from store.workspace import Workspace
from tests.engine.raw_rows import raw, rows, titles

VISITS = [("u", "a", 10, 5.0), ("u", "b", 20, None), ("v", "b", 5, 3.0), ("u", "c", 30, 4.0), ("v", "c", 15, 2.0)]
LAST = IngestOptions("shop", SplitKind.LEAVE_ONE_OUT)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def source(tmp_path: Path) -> SourceData:
    return raw(tmp_path, VISITS, titles("c", "a", "b"), descriptions={"a": "About &amp; <b>a</b>"})


def test_what_is_stored_is_what_was_read(workspace: Workspace, source: SourceData) -> None:
    dataset = ingest(workspace, source, LAST)
    assert (dataset.users, dataset.items, dataset.interactions) == (2, 3, 5)
    assert dataset.events == {"train": 0, "valid": 1, "test": 2}
    assert dataset.audit["interactions_read"] == 5
    assert dataset.audit["duplicates"]["groups"] == 0
    with workspace.read() as db:
        assert [(i.item, i.key, i.title, i.description, i.category) for i in stored.items(db, dataset.id)] == [
            (0, "a", "Title of a", "About & a", "Shop"),
            (1, "b", "Title of b", "", "Shop"),
            (2, "c", "Title of c", "", "Shop"),
        ]
        assert stored.user_keys(db, dataset.id) == {0: "u", 1: "v"}
        assert rows(db, "event", "event, user, sequence, length, item, timestamp, rating, split") == [
            (0, 0, 0, 1, 1, 20, None, "valid"),
            (1, 0, 0, 2, 2, 30, 4.0, "test"),
            (2, 1, 1, 1, 2, 15, 2.0, "test"),
        ]
        sequence = stored.sequence(db, dataset.id, 0)
        assert sequence.items.tolist() == [0, 1, 2]
        assert sequence.timestamps is not None
        assert sequence.timestamps.tolist() == [10, 20, 30]
        assert sequence.ratings is not None
        assert np.array_equal(sequence.ratings, np.array([5, np.nan, 4], np.float32), equal_nan=True)
        assert stored.events(db, dataset.id, Split.TEST).history(1).tolist() == [1]


def test_positions_are_no_timestamps(workspace: Workspace, source: SourceData) -> None:
    dataset = ingest(workspace, replace(source, timed=False), IngestOptions("shop"))
    assert dataset.split is SplitKind.LEAVE_ONE_OUT
    assert "leaks across users" in dataset.split_settings["note"]
    with workspace.read() as db:
        assert {row[0] for row in rows(db, "event", "timestamp")} == {None}
        assert {row[0] for row in rows(db, "sequence", "timestamps")} == {None}


def test_asking_twice_stores_once(workspace: Workspace, source: SourceData) -> None:
    words: list[str] = []
    first = ingest(workspace, source, LAST)
    assert ingest(workspace, source, LAST, tell=words.append) == first
    assert words == ["shop: already there, made from the same files and options."]


def test_another_content_of_the_same_name_is_refused_unless_replaced(workspace: Workspace, source: SourceData) -> None:
    first = ingest(workspace, source, LAST)
    other = replace(LAST, caps=(1, 1, 1))
    with pytest.raises(BadInput, match="--replace"):
        ingest(workspace, source, other)
    with workspace.read() as db:
        assert stored.datasets(db) == [first]
    second = ingest(workspace, source, replace(other, replace=True))
    assert second.events == {"train": 0, "valid": 1, "test": 1}
    assert second.dropped["event over the cap of test"] == 1
    with workspace.read() as db:
        assert [d.fingerprint for d in stored.datasets(db)] == [second.fingerprint]
        assert len(rows(db, "event", "event")) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"visits": [*VISITS[:-1], ("v", "c", 16, 2.0)]},
        {"visits": [*VISITS[:-1], ("v", "c", 15, 1.0)]},
        {"items": titles("c", "a")},
        {"items": titles("c", "a", "b") | {"b": "B"}},
        {"descriptions": {}},
    ],
)
def test_the_fingerprint_changes_with_the_content(tmp_path: Path, source: SourceData, changed: dict[str, Any]) -> None:
    arguments = {
        "visits": VISITS,
        "items": titles("c", "a", "b"),
        "descriptions": {"a": "About &amp; <b>a</b>"},
    } | changed
    visits, items = arguments.pop("visits"), arguments.pop("items")
    other = ingest(Workspace(tmp_path / "other"), raw(tmp_path, visits, items, **arguments), LAST)
    assert other.fingerprint != ingest(Workspace(tmp_path / "one"), source, LAST).fingerprint


def test_the_fingerprint_does_not_depend_on_names_and_files(tmp_path: Path, source: SourceData) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    same = raw(elsewhere, VISITS, titles("c", "a", "b"), descriptions={"a": "About &amp; <b>a</b>"})
    one = ingest(Workspace(tmp_path / "one"), source, LAST)
    other = ingest(Workspace(tmp_path / "other"), same, replace(LAST, name="another", seed=9))
    assert one.fingerprint == other.fingerprint


@pytest.fixture
def many(tmp_path: Path) -> SourceData:
    rng = np.random.default_rng(0)
    visits = [
        (f"user {u}", str(i), int(t), None)
        for u, i, t in zip(*rng.integers(0, [[3000], [500], [10**6]], (3, 20_000)), strict=True)
    ]
    return raw(tmp_path, visits, titles(*map(str, range(500))))


def test_the_default_split_of_timed_tables_is_by_quantiles(workspace: Workspace, many: SourceData) -> None:
    dataset = ingest(workspace, many, IngestOptions("many"))
    total = sum(dataset.events.values())
    assert dataset.split is SplitKind.QUANTILE
    assert dataset.events["train"] / total == pytest.approx(0.8, abs=0.001)
    assert dataset.events["valid"] / total == pytest.approx(0.1, abs=0.001)
    with workspace.read() as db:
        latest = {split: rows(db, "event", f"max(iif(split = '{split}', timestamp, 0))")[0][0] for split in Split}
    assert latest["train"] < dataset.split_settings["t1"] <= latest["valid"] < dataset.split_settings["t2"]
    assert dataset.split_settings["t2"] <= latest["test"]


def test_events_are_numbered_by_user_and_length(workspace: Workspace, many: SourceData) -> None:
    ingest(workspace, many, IngestOptions("many"))
    with workspace.read() as db:
        found = rows(db, "event", "user, length")
    assert found == sorted(found)


def test_the_default_boundaries_of_amazon_are_the_public_ones(workspace: Workspace, tmp_path: Path) -> None:
    visits = [("u", "a", 1, 1.0), ("u", "b", 1_628_643_414_041, 1.0), ("u", "c", 1_628_643_414_042, 1.0)]
    visits.append(("u", "d", 1_658_002_729_837, 1.0))
    source = raw(tmp_path, visits, titles(*"abcd"), platform="amazon23")
    dataset = ingest(workspace, source, IngestOptions("amazon"))
    assert dataset.split_settings == {"t1": 1_628_643_414_042, "t2": 1_658_002_729_837}
    assert dataset.events == {"train": 1, "valid": 1, "test": 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (IngestOptions("a,b"), "cannot be the name"),
        (IngestOptions("../up"), "cannot be the name"),
        (IngestOptions("", SplitKind.QUANTILE), "cannot be the name"),
        (IngestOptions("x", SplitKind.TIMESTAMP), "--t1 is missing"),
        (IngestOptions("x", SplitKind.TIMESTAMP, 20, 10), "is not before"),
        (IngestOptions("x", SplitKind.QUANTILE, 1, 2), "belong to --split timestamp"),
        (IngestOptions("x", SplitKind.GIVEN), "--split given"),
        (IngestOptions("x", caps=(1, -1, 1)), "--caps"),
        (IngestOptions("x", caps=(0, 0, 0)), "0 events left.*Raise --caps"),
    ],
)
def test_when_options_do_not_fit_nothing_is_made(
    workspace: Workspace, source: SourceData, options: IngestOptions, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        ingest(workspace, source, options)
    assert not workspace.folder.exists()


def test_when_storing_fails_half_way_nothing_remains(workspace: Workspace, source: SourceData) -> None:
    before = ingest(workspace, source, LAST)

    def stumble(stage: str, done: int, total: int) -> None:
        if stage == "sequences":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(workspace, source, replace(LAST, name="other"), stumble)
    with workspace.read() as db:
        assert stored.datasets(db) == [before]
        assert rows(db, "dataset", "name") == [("shop",)]
        assert {row[0] for row in rows(db, "item", "dataset_id")} == {before.id}
    assert ingest(workspace, source, replace(LAST, name="other")).fingerprint == before.fingerprint


def test_two_at_a_time_take_turns(workspace: Workspace, source: SourceData) -> None:
    ingest(workspace, source, LAST)
    words: list[str] = []
    made: list[Dataset] = []

    def work() -> None:
        made.append(ingest(workspace, source, replace(LAST, name="second"), tell=waiting))

    told = threading.Event()

    def waiting(text: str) -> None:
        words.append(text)
        told.set()

    thread = threading.Thread(target=work)
    with workspace.lock("ingest"):
        thread.start()
        assert told.wait(20)
        assert not made
    thread.join(20)
    assert [dataset.name for dataset in made] == ["second"]
    assert "Waiting" in words[0]


def test_when_titles_are_strange(workspace: Workspace, tmp_path: Path) -> None:
    strange: dict[str, str | None] = {
        "escape": "\x1b[31mred\x1b[0m\x07",
        "markup": "[bold]Rich[/bold] [link=x]",
        "rtl": "\u05e9\u05dc\u05d5\u05dd \u202eabc",
        "wide": "\u5bff\u53f8 \U0001f363",
        "long": "word " * 20_000,
    }
    visits = [("u", key, number, None) for number, key in enumerate(strange)]
    dataset = ingest(workspace, raw(tmp_path, visits, strange), IngestOptions("strange", SplitKind.LEAVE_ONE_OUT))
    with workspace.read() as db:
        found = {item.key: item.title for item in stored.items(db, dataset.id)}
    assert found["escape"] == "red"
    assert found["markup"] == "[bold]Rich[/bold] [link=x]"
    assert found["rtl"] == "\u05e9\u05dc\u05d5\u05dd abc"
    assert found["wide"] == strange["wide"]
    assert len(found["long"]) == 99_999


def stages(seen: list[tuple[str, int, int]]) -> Iterator[str]:
    previous = ""
    for stage, *_ in seen:
        if stage != previous:
            yield stage
        previous = stage


def test_progress_names_its_stages(workspace: Workspace, source: SourceData) -> None:
    seen: list[tuple[str, int, int]] = []
    ingest(workspace, source, LAST, lambda *step: seen.append(step))
    assert list(stages(seen)) == ["hashing files", "preparing", "items", "users", "sequences", "events"]
    assert seen[-1] == ("events", 3, 3)
