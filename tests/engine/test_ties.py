"""Events that share a time: the policy decides, no order of rows does, and the audit says how much it decides."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from engine.audit import order_findings
from engine.audit.order import natural_ranks, rising
from engine.evaluation import evaluate
from engine.ingest import IngestOptions, ingest
from engine.preparation.dropped import NOTHING_EARLIER
from engine.preparation.prepare import Choices, Prepared, prepare
from engine.preparation.splits import ORDER, key_hashes, under_caps
from engine.preparation.ties import tie_hashes
from engine.protocol import EvaluationOptions
from engine.sources import amazon23, movielens, table, yelp
from engine.sources.source_data import SourceData
from store import evaluations
from store.enums import SplitKind, Ties
from store.errors import BadInput
from store.rows import Dataset
from store.workspace import Workspace
from tests.engine.raw_rows import Visit, raw, titles

LAST = SplitKind.LEAVE_ONE_OUT
DAY = 86_400_000
NEWEST = 1_600_000_000_000  # ms
Event = tuple[str, str, int, float]  # user, item, day, rating
Item = tuple[str, str, str]  # key, title, description

# Three users; times shared by most; one event twice with two ratings, one item twice with two texts.
EVENTS: list[Event] = [
    *(("u10", item, day, 4.0) for item, day in (("i1", 0), ("i2", 0), ("i10", 0), ("i3", 1), ("i4", 1))),
    *(("u2", item, day, 3.0) for item, day in (("i4", 0), ("i3", 0), ("i2", 0), ("i1", 0))),
    *(("u3", item, day, 5.0) for item, day in (("i1", 0), ("i10", 2), ("i2", 3), ("i3", 3), ("i4", 4))),
    ("u10", "i2", 0, 1.0),
]
ITEMS: list[Item] = [(f"i{n}", f"Thing {n}", "") for n in (1, 2, 3, 4, 10)] + [("i2", "Thing 2", "with more text")]


def when(day: int) -> int:
    return NEWEST + day * DAY


def as_table(folder: Path, events: list[Event], items: list[Item]) -> SourceData:
    rows = [f"{user},{item},{when(day)},{rating}" for user, item, day, rating in events]
    (folder / "events.csv").write_text("\n".join(["user_id,item_id,timestamp,rating", *rows]) + "\n")
    catalogue = [f"{key},{title},{text}" for key, title, text in items]
    (folder / "items.csv").write_text("\n".join(["item_id,title,description", *catalogue]) + "\n")
    return table.read(folder / "events.csv", folder / "items.csv", domain="Shop")


def as_movielens(folder: Path, events: list[Event], items: list[Item]) -> SourceData:
    rows = [f"{user},{item},{rating},{when(day) // 1000}" for user, item, day, rating in events]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
    films = [f"{key},{title} {text},Drama" for key, title, text in items]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *films]) + "\n")
    return movielens.read(folder)


def as_reviews(folder: Path, events: list[Event], items: list[Item]) -> SourceData:
    rows = [
        {"user_id": user, "parent_asin": item, "timestamp": when(day), "rating": rating}
        for user, item, day, rating in events
    ]
    lines(folder / "reviews.jsonl", rows)
    lines(folder / "meta.jsonl", [{"parent_asin": key, "title": t, "description": [d]} for key, t, d in items])
    return amazon23.read_raw(folder / "reviews.jsonl", folder / "meta.jsonl", "Shop")


def as_benchmark(folder: Path, events: list[Event], items: list[Item]) -> SourceData:
    """Three files, of which each holds a third of the rows, whichever these are."""
    head = "user_id,parent_asin,rating,timestamp,history"
    paths = [folder / f"{name}.csv" for name in ("train", "valid", "test")]
    for number, path in enumerate(paths):
        rows = [f"{user},{item},{rating},{when(day)}," for user, item, day, rating in events[number::3]]
        path.write_text("\n".join([head, *rows]) + "\n")
    lines(folder / "meta.jsonl", [{"parent_asin": key, "title": t, "description": [d]} for key, t, d in items])
    return amazon23.read_benchmark(*paths, folder / "meta.jsonl", "Shop")


def as_yelp(folder: Path, events: list[Event], items: list[Item]) -> SourceData:
    rows = [
        {"user_id": user, "business_id": item, "date": f"2020-01-{day + 1:02d} 00:00:00", "stars": rating}
        for user, item, day, rating in events
    ]
    lines(folder / "review.json", rows)
    lines(folder / "business.json", [{"business_id": key, "name": t, "address": d} for key, t, d in items])
    return yelp.read(folder / "business.json", folder / "review.json")


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


SOURCES = (as_table, as_movielens, as_reviews, as_benchmark, as_yelp)


def stored(
    folder: Path, read: Callable[..., SourceData], events: list[Event], items: list[Item]
) -> tuple[Workspace, Dataset]:
    files = Path(tempfile.mkdtemp(dir=folder))
    workspace = Workspace(files / "workspace")
    return workspace, ingest(workspace, read(files, events, items), IngestOptions("shop", split=LAST))


def ranks_of(workspace: Workspace) -> list[tuple[int, ...]]:
    evaluation = evaluate(workspace, "pop", "shop", EvaluationOptions())
    with workspace.read() as db:
        columns = [evaluations.rank_column(db, evaluation, name) for name in ("event", "better", "tied")]
        tops = evaluations.ranks(db, evaluation).top_items
    return [(*map(int, row), *top.tolist()) for *row, top in zip(*columns, tops, strict=True)]


def figures_of(dataset: Dataset) -> dict[str, object]:
    """The audit without the two figures that are about the order of the file's rows."""
    return {name: value for name, value in dataset.audit["order"].items() if not name.startswith("rising")}


@pytest.mark.parametrize("read", SOURCES)
def test_any_order_of_rows_and_files_gives_one_dataset(read: Callable[..., SourceData], tmp_path: Path) -> None:
    workspace, first = stored(tmp_path, read, EVENTS, ITEMS)
    ranks = ranks_of(workspace)
    assert first.ties is Ties.SHUFFLE

    @settings(deadline=None, max_examples=4)
    @given(st.randoms(use_true_random=False))
    def any_order(draw: random.Random) -> None:
        events, items = draw.sample(EVENTS, len(EVENTS)), draw.sample(ITEMS, len(ITEMS))
        workspace, other = stored(tmp_path, read, events, items)
        assert other.fingerprint == first.fingerprint
        assert other.dropped == first.dropped
        assert figures_of(other) == figures_of(first)
        assert ranks_of(workspace) == ranks

    any_order()


def test_of_events_told_twice_the_lowest_rating_stays_and_of_items_the_longest_text(tmp_path: Path) -> None:
    workspace, dataset = stored(tmp_path, as_table, EVENTS, ITEMS)
    with workspace.read() as db:
        (text,) = db.execute("SELECT description FROM item WHERE key = 'i2'").fetchone()
        blob = db.execute("SELECT ratings FROM sequence JOIN user USING (dataset_id, user) WHERE key = 'u10'")
        ratings = np.frombuffer(blob.fetchone()[0], "<f4")
        keys = [row[0] for row in db.execute("SELECT key FROM item ORDER BY item")]
        users = [row[0] for row in db.execute("SELECT key FROM user ORDER BY user")]
    assert text == "with more text"
    assert sorted(ratings.tolist()) == [1.0, 4.0, 4.0, 4.0, 4.0]
    assert keys == ["i1", "i10", "i2", "i3", "i4"]
    assert users == ["u10", "u2", "u3"]
    assert dataset.dropped["item key repeated"] == 1
    assert dataset.dropped["interaction repeated (same user and item)"] == 1


def test_the_seed_and_the_policy_make_other_datasets(tmp_path: Path) -> None:
    made = {}
    for ties, seed in ((Ties.SHUFFLE, 0), (Ties.SHUFFLE, 1), (Ties.FILE, 0), (Ties.FILE, 1), (Ties.STRICT, 0)):
        workspace = Workspace(tmp_path / f"{ties}-{seed}")
        folder = tmp_path / f"files-{ties}-{seed}"
        folder.mkdir()
        options = IngestOptions("shop", split=LAST, ties=ties, seed=seed)
        made[ties, seed] = ingest(workspace, as_table(folder, EVENTS, ITEMS), options)
    prints = {key: dataset.fingerprint for key, dataset in made.items()}
    assert prints[Ties.FILE, 0] == prints[Ties.FILE, 1]
    assert len(set(prints.values())) == 4
    assert made[Ties.SHUFFLE, 1].same_time == "shuffle seed 1"
    assert made[Ties.FILE, 1].same_time == "file"


def test_the_policy_is_in_the_protocol_of_a_number(tmp_path: Path) -> None:
    workspace, _ = stored(tmp_path, as_table, EVENTS, ITEMS)
    assert "events of one time: shuffle seed 0" in evaluate(workspace, "pop", "shop", EvaluationOptions()).protocol_text


visits = st.lists(
    st.tuples(st.sampled_from("uvw"), st.sampled_from("abcdefgh"), st.integers(0, 5), st.sampled_from([None, 1.0])),
    max_size=40,
)


@settings(deadline=None, max_examples=80)
@given(visits, st.sampled_from([SplitKind.LEAVE_ONE_OUT, SplitKind.QUANTILE, SplitKind.TIMESTAMP]))
def test_strict_histories_hold_nothing_of_the_targets_time(rows: list[Visit], kind: SplitKind) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = raw(Path(folder), rows, titles(*"abcdefgh"))
        try:
            prepared = prepare(source, Choices(kind, 2, 4, ties=Ties.STRICT))
            loose = prepare(source, Choices(kind, 2, 4, ties=Ties.SHUFFLE))
        except BadInput:  # no event is left
            return
    histories, events = prepared.histories, prepared.events
    assert histories.timestamps is not None
    for row in range(len(events.item)):
        start = histories.start[events.sequence[row]]
        before = histories.timestamps[start : start + events.length[row]]
        assert len(before)
        if ORDER[events.split[row]] != "train":
            assert before.max() < events.order[row]
            following = histories.timestamps[start + events.length[row]]
            assert following == events.order[row]  # nothing of an earlier time is left out
    assert len(loose.events.item) == len(events.item) + prepared.dropped[NOTHING_EARLIER]
    assert (prepared.train_length == loose.train_length).all()


def test_strict_counts_what_it_leaves_without_a_history(tmp_path: Path) -> None:
    visits = [("u", "a", 1, None), ("u", "b", 2, None), ("u", "c", 2, None), ("v", "a", 1, None), ("v", "b", 1, None)]
    prepared = prepare(raw(tmp_path, visits, titles("a", "b", "c")), Choices(LAST, ties=Ties.STRICT))
    assert prepared.dropped[NOTHING_EARLIER] == 1  # v's second event, of the time of the first
    assert prepared.events.length.tolist() == [1, 1]
    assert [ORDER[code] for code in prepared.events.split] == ["valid", "test"]


def test_every_order_of_a_block_is_equally_likely() -> None:
    users = key_hashes([f"user {n}" for n in range(10_000)])
    for items in (["i1", "i2", "i3"], ["100", "101", "102"]):
        hashes = np.stack([tie_hashes(users, np.full(10_000, item), 0) for item in key_hashes(items)], axis=1)
        orders = np.argsort(hashes, axis=1)
        counts = [int((orders == order).all(axis=1).sum()) for order in itertools.permutations(range(3))]
        assert sum(counts) == 10_000
        assert chisquare(counts).pvalue > 0.001, counts


def test_a_cap_does_not_prefer_those_that_come_first() -> None:
    users = key_hashes([f"user {n}" for n in range(10_000)])
    one, two = (np.full(10_000, item) for item in key_hashes(["i1", "i2"]))
    first = tie_hashes(users, one, 7) < tie_hashes(users, two, 7)
    kept = under_caps(np.zeros(10_000, np.int8), (5_000, 0, 0), 7, users, one)
    assert kept.sum() == 5_000
    both = int((first & kept).sum())
    assert binomtest(both, int(first.sum()), 0.5).pvalue > 0.001, both


def figures(tmp_path: Path, rows: list[Visit], keys: str = "abcdefgh", **choices: object) -> Prepared:
    timed = bool(choices.pop("timed", True))
    return prepare(raw(tmp_path, rows, titles(*keys), timed=timed), Choices(LAST, **choices))  # type: ignore[arg-type]


def test_the_audit_of_four_users_by_hand(tmp_path: Path) -> None:
    rows: list[Visit] = [
        *(("u", item, day * DAY, None) for item, day in (("a", 1), ("b", 1), ("c", 1), ("a", 2), ("d", 3), ("e", 3))),
        *(("v", item, 5 * DAY, None) for item in "ba"),  # one block, falling
        *(("w", item, day * DAY, None) for item, day in (("h", 1), ("g", 11))),
        ("x", "f", 9 * DAY, None),
    ]
    order = figures(tmp_path, rows, ties=Ties.SHUFFLE).order
    assert order["resolution"] == "day"
    # The users of several events span 2, 0 and 10 days.
    assert order["median_span_ms"] == 2 * DAY
    # u: a b c | d e (a second "a" is dropped), v: b a, w: h g. Neighbours: 4 + 1 + 1, tied: ab bc de ba.
    assert (order["neighbours"], order["tied"], order["largest_block"]) == (6, 4, 3)
    assert (order["users"], order["one_block_users"]) == (3, 1)
    assert (order["rising_tied"]["rising"], order["rising_tied"]["n"]) == (3, 4)
    assert (order["rising_other"]["rising"], order["rising_other"]["n"]) == (1, 2)  # c → d rises, h → g does not
    # Leave-one-out: valid is u's fourth event (not tied with c); v and w have no third. Test: u, v tied, w not.
    assert order["targets"] == {"valid": 1, "test": 3}
    assert order["tied_targets"] == {"valid": 0, "test": 2}
    # Test times 3, 5, 11 days. First events: a 1, b 1, c 1, h 1, d 3, e 3, f 9, g 11. Later than day 5: f, g of 8.
    assert order["unborn"] == 2 / 8


def test_the_exact_interval_of_a_share() -> None:
    expected = binomtest(17, 40).proportion_ci(0.95, "exact")
    found = rising(17, 40)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high))
    assert rising(10, 10)["high"] == 1.0
    assert rising(10, 10)["low"] == pytest.approx(0.025 ** (1 / 10))  # (α/2)^(1/n)
    assert rising(0, 0)["n"] == 0


@pytest.mark.parametrize(
    ("keys", "natural"),
    [
        (["i1", "i10", "i2", "i9"], ["i1", "i2", "i9", "i10"]),
        (["1", "10", "2"], ["1", "2", "10"]),
        (["a1b10", "a1b9", "a2"], ["a1b9", "a1b10", "a2"]),
        (["B00A1", "B0012"], ["B0012", "B00A1"]),  # of one length: as text
    ],
)
def test_keys_are_compared_in_natural_order(keys: list[str], natural: list[str]) -> None:
    ranks = natural_ranks(pl.Series(sorted(keys)))
    assert [key for _, key in sorted(zip(ranks.tolist(), sorted(keys), strict=True))] == natural


@pytest.mark.parametrize(
    ("step", "resolution"),
    [(1, "ms"), (1000, "s"), (60_000, "minute"), (3_600_000, "hour"), (DAY, "day")],
)
def test_the_resolution_is_found_from_the_values(tmp_path: Path, step: int, resolution: str) -> None:
    rows: list[Visit] = [("u", item, 18_000_000 + 7 * step * n, None) for n, item in enumerate("abcd")]
    assert figures(tmp_path, rows).order["resolution"] == resolution


def audited(tmp_path: Path, rows: list[Visit], *, timed: bool = True, ties: Ties | None = None) -> Dataset:
    source = raw(tmp_path, rows, titles(*"abcdefgh"), timed=timed)
    return ingest(Workspace(tmp_path / "workspace"), source, IngestOptions("shop", split=LAST, ties=ties))


def test_ties_in_key_order_fail_under_file_and_not_under_shuffle(tmp_path: Path) -> None:
    many: list[Visit] = [
        (f"u{n}", item, when(day), None)
        for n in range(30)
        for item, day in zip("abcdef", (0, 0, 1, 2, 3, 4), strict=True)
    ]
    for ties in (Ties.FILE, Ties.SHUFFLE):
        folder = tmp_path / ties
        folder.mkdir()
        dataset = audited(folder, many, ties=ties)
        words = {finding.about: finding for finding in order_findings.findings(dataset)}
        assert words["keys of ties"].found.startswith("ties are stored in key order: 30 of 30")
        assert bool(words["keys of ties"].fails) is (ties is Ties.FILE)
        assert words["same time"].found.startswith("30 of 150 (20.0%) neighbouring events share a time")
        assert order_findings.verdict(dataset).startswith("order: passes") is (ties is Ties.SHUFFLE)


def test_strict_makes_tied_targets_harmless(tmp_path: Path) -> None:
    many: list[Visit] = [
        (f"u{n}", item, when(day), None) for n in range(30) for item, day in zip("abcd", (0, 1, 2, 2), strict=True)
    ]
    for ties, passes in ((Ties.SHUFFLE, False), (Ties.STRICT, True)):
        folder = tmp_path / ties
        folder.mkdir()
        dataset = audited(folder, many, ties=ties)
        assert (not order_findings.failures(dataset)) is passes
    assert order_findings.verdict(dataset) == "order: passes; 33.3% of neighbouring events share a time"


def test_rising_keys_without_times_are_suspect(tmp_path: Path) -> None:
    many: list[Visit] = [(f"u{n}", item, place, None) for n in range(30) for place, item in enumerate("abc")]
    verdict = order_findings.verdict(audited(tmp_path, many, timed=False))
    assert verdict == "order: 100% of neighbours rise: numbers of models that learn order from keys are suspect"


def test_positions_that_are_taken_twice_are_refused_unless_rows_decide(tmp_path: Path) -> None:
    rows: list[Visit] = [("u", "a", 0, None), ("u", "b", 1, None), ("u", "c", 1, None), ("u", "d", 5, None)]
    with pytest.raises(BadInput, match=r'1 events have the position .*position 1 of user "u".*--ties file'):
        audited(tmp_path, rows, timed=False)
    dataset = audited(tmp_path, rows, timed=False, ties=Ties.FILE)
    words = {finding.about: finding.found for finding in order_findings.findings(dataset)}
    assert words["gaps"] == "1 of 3 (33.3%) neighbours skip positions"
    assert "1 of 3 (33.3%) neighbours have one position" in words["tied positions"]


@pytest.mark.parametrize("ties", [Ties.SHUFFLE, Ties.STRICT])
def test_policies_of_times_are_refused_where_there_are_none(tmp_path: Path, ties: Ties) -> None:
    rows: list[Visit] = [("u", "a", 0, None), ("u", "b", 1, None)]
    with pytest.raises(BadInput, match=rf"--ties {ties}: this data has positions and no times.*--ties file"):
        audited(tmp_path, rows, timed=False, ties=ties)


@pytest.mark.parametrize("ties", [Ties.SHUFFLE, Ties.STRICT])
def test_histories_of_the_files_are_taken_as_they_are(tmp_path: Path, ties: Ties) -> None:
    rows: list[Visit] = [("u", "b", when(1), None), ("u", "c", when(2), None)]
    source = raw(tmp_path, rows, titles("a", "b", "c"), histories=[("train", ["a"]), ("test", ["a", "b"])])
    workspace = Workspace(tmp_path / "workspace")
    with pytest.raises(BadInput, match=rf"--ties {ties}: with --split given.*--split timestamp"):
        ingest(workspace, source, IngestOptions("shop", ties=ties))
    said: list[str] = []
    assert ingest(workspace, source, IngestOptions("shop"), tell=said.append).ties is Ties.FILE
    assert any("keep their order there" in words for words in said)
