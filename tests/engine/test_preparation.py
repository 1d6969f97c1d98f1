"""From rows to sequences and events: small shops by hand, then the balance of the drop log for any shop."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.preparation.catalogue import catalogue_blocks
from engine.preparation.cleaning import Alphabet
from engine.preparation.dropped import EVENT_REASONS, INTERACTION_REASONS, ITEM_REASONS
from engine.preparation.prepare import Choices, Prepared, prepare
from engine.preparation.splits import ORDER
from store.enums import SplitKind
from store.errors import BadInput
from tests.engine.raw_rows import Visit, raw, titles

LAST = Choices(SplitKind.LEAVE_ONE_OUT)


def events_in_words(prepared: Prepared) -> list[tuple[str, list[str], str, str]]:
    """Events in words: user, history, target, split."""
    keys = prepared.catalogue.keys["key"].to_list()
    events, histories = prepared.events, prepared.histories
    found = []
    for row in range(len(events.item)):
        start = int(histories.start[events.sequence[row]])
        past = histories.items[start : start + int(events.length[row])]
        user = histories.users[events.user[row]]
        found.append((user, [keys[i] for i in past], keys[events.item[row]], ORDER[events.split[row]].value))
    return found


def test_a_user_becomes_a_sequence_and_an_event_per_step(tmp_path: Path) -> None:
    visits = [("u", "b", 20, 4.0), ("u", "a", 10, 5.0), ("v", "a", 5, None), ("u", "c", 30, None)]
    prepared = prepare(raw(tmp_path, visits, titles("a", "b", "c")), LAST)
    assert events_in_words(prepared) == [("u", ["a"], "b", "valid"), ("u", ["a", "b"], "c", "test")]
    assert prepared.histories.users == ["u", "v"]
    assert prepared.histories.timestamps is not None
    assert prepared.histories.timestamps.tolist() == [10, 20, 30, 5]
    assert prepared.histories.ratings is not None
    assert np.array_equal(prepared.histories.ratings, np.array([5, 4, np.nan, np.nan], np.float32), equal_nan=True)
    assert prepared.dropped == {"event with an empty history": 2}
    assert prepared.split_settings["users_below_3_interactions"] == 1


def test_the_first_of_a_repeated_pair_stays_and_the_policy_file_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    visits = [("u", "a", 5, 1.0), ("u", "b", 5, 1.0), ("u", "a", 7, 2.0), ("u", "a", 5, 3.0), ("u", "c", 6, 1.0)]
    prepared = prepare(raw(tmp_path, visits, titles("a", "b", "c")), LAST)
    assert events_in_words(prepared)[-1] == ("u", ["a", "b"], "c", "test")
    assert prepared.dropped["interaction repeated (same user and item)"] == 2


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    visits: list[Visit] = [
        ("u", "a", 1, 0.0),
        ("u", "nowhere", 2, 1.0),
        ("u", "bare", 3, 1.0),
        ("u", "markup", 4, 1.0),
        ("u", "b", -5, 1.0),
        (None, "b", 5, 1.0),
        ("u", None, 5, 1.0),
        ("u", "b", None, 1.0),
        ("u", "b", 6, 1.0),
    ]
    items = [("a", "A"), ("bare", None), ("b", None), ("b", "B"), ("b", "B again"), ("markup", "<b></b>")]
    prepared = prepare(raw(tmp_path, visits, items, platform="amazon23"), LAST)
    assert events_in_words(prepared) == [("u", ["a"], "b", "test")]
    assert prepared.dropped == {
        "interaction with an item without metadata": 1,
        "interaction with an item without title": 2,
        "interaction with a negative timestamp": 1,
        "interaction without user or item": 2,
        "interaction without timestamp or position": 1,
        "item without title": 2,
        "item with a title empty after cleaning": 1,
        "item key repeated": 1,
        "event with an empty history": 1,
        "note: rating 0 taken as unknown": 1,
    }
    assert prepared.histories.ratings is not None
    assert np.isnan(prepared.histories.ratings[0])


def test_a_table_keeps_its_zeros(tmp_path: Path) -> None:
    prepared = prepare(raw(tmp_path, [("u", "a", 1, 0.0), ("u", "b", 2, 0.0)], titles("a", "b")), LAST)
    assert prepared.histories.ratings is not None
    assert prepared.histories.ratings.tolist() == [0.0, 0.0]


def test_the_catalogue_is_cleaned_and_numbered_in_the_order_of_the_keys(tmp_path: Path) -> None:
    source = raw(
        tmp_path, [("u", "y", 1, None), ("u", "x", 2, None)], {"y": "Y &amp; <i>Z</i>", "gone": " ", "x": "X\u00e9"}
    )
    prepared = prepare(source, LAST)
    (block,) = catalogue_blocks(source, prepared.catalogue, Alphabet.ASCII)
    assert block.select("item", "key", "title", "category").rows() == [
        (1, "y", "Y & Z", "Shop"),
        (0, "x", "X", "Shop"),
    ]


def test_given_rows_share_the_sequence_they_begin(tmp_path: Path) -> None:
    visits = [("u", "b", 2, 4.0), ("u", "c", 3, 3.0), ("v", "a", 1, 5.0)]
    histories = [("train", ["a"]), ("test", ["a", "b"]), ("train", [])]
    prepared = prepare(
        raw(tmp_path, visits, titles("a", "b", "c"), histories=histories),
        Choices(SplitKind.GIVEN, alphabet=Alphabet.ASCII),
    )
    assert events_in_words(prepared) == [("u", ["a"], "b", "train"), ("u", ["a", "b"], "c", "test")]
    assert prepared.split_settings == {"own_sequences": 0}
    assert prepared.histories.timestamps is not None
    assert prepared.histories.timestamps.tolist() == [-1, 2, 3, 1]  # when a was bought is not in the files
    assert prepared.dropped == {"event with an empty history": 1}


def test_a_given_row_with_another_past_gets_a_sequence_of_its_own(tmp_path: Path) -> None:
    visits = [("u", "b", 2, None), ("u", "c", 3, None), ("u", "d", 4, None)]
    histories = [("train", ["a"]), ("valid", ["b"]), ("test", ["a", "b", "c"])]
    prepared = prepare(raw(tmp_path, visits, titles("a", "b", "c", "d"), histories=histories), Choices(SplitKind.GIVEN))
    assert sorted(events_in_words(prepared)) == [
        ("u", ["a"], "b", "train"),
        ("u", ["a", "b", "c"], "d", "test"),
        ("u", ["b"], "c", "valid"),
    ]
    assert prepared.split_settings == {"own_sequences": 1}
    assert prepared.events.length.tolist() == [1, 1, 3]


def test_given_histories_are_filtered_like_the_thesis(tmp_path: Path) -> None:
    visits = [("u", "b", 2, None), ("v", "b", 3, None), ("w", "bare", 4, None), ("x", "a", 5, None)]
    histories = [
        ("train", ["bare", "a", "a", "nowhere"]),
        ("test", ["bare"]),
        ("test", ["a"]),
        ("test", ["b", "a"]),
    ]
    prepared = prepare(
        raw(tmp_path, visits, {"a": "A", "b": "B", "bare": None}, histories=histories), Choices(SplitKind.GIVEN)
    )
    assert events_in_words(prepared) == [("u", ["a"], "b", "train")]
    assert prepared.dropped == {
        "item without title": 1,
        "interaction with an item without title": 1,
        "interaction repeated (same user and item)": 1,  # x's target is in its own history
        "history entry of an item without title": 2,
        "history entry of an item without metadata": 1,
        "history entry repeated": 1,
        "event with an empty history": 1,
    }


def test_given_files_can_be_split_anew(tmp_path: Path) -> None:
    visits = [("u", "a", 1, None), ("u", "b", 2, None), ("u", "c", 3, None)]
    histories = [("train", []), ("train", ["a"]), ("train", ["a", "b"])]
    source = raw(tmp_path, visits, titles("a", "b", "c"), histories=histories)
    prepared = prepare(source, Choices(SplitKind.TIMESTAMP, 2, 3))
    assert events_in_words(prepared) == [("u", ["a"], "b", "valid"), ("u", ["a", "b"], "c", "test")]


@pytest.mark.parametrize("kind", [SplitKind.TIMESTAMP, SplitKind.QUANTILE])
def test_when_only_the_order_is_known_time_splits_are_refused(tmp_path: Path, kind: SplitKind) -> None:
    source = raw(tmp_path, [("u", "a", 0, None), ("u", "b", 1, None)], titles("a", "b"), timed=False)
    with pytest.raises(BadInput, match="leave-one-out"):
        prepare(source, Choices(kind, 1, 2))


def test_when_the_files_have_no_split_given_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--split timestamp"):
        prepare(raw(tmp_path, [("u", "a", 0, None)], titles("a")), Choices(SplitKind.GIVEN))


def test_when_no_event_is_left_the_log_is_in_the_message(tmp_path: Path) -> None:
    source = raw(tmp_path, [("u", "a", 1, None), ("v", "z", 1, None)], titles("a"))
    with pytest.raises(BadInput, match=r"0 events left of 2 interactions.*1 × interaction with an item without meta"):
        prepare(source, LAST)


keys = st.sampled_from([*"abcdefgh", None])
visits = st.lists(
    st.tuples(
        st.sampled_from(["u", "v", "w", None]),
        keys,
        st.one_of(st.none(), st.integers(-3, 40)),
        st.sampled_from([None, 0.0, 1.0, 5.0]),
    ),
    max_size=40,
)
catalogue = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([None, "", "<i>", "One", "Two", "Three"])), max_size=12
)
pasts = st.lists(st.sampled_from("abcdefgh"), max_size=5)
splits = st.sampled_from(["train", "valid", "test"])


@settings(deadline=None, max_examples=150)
@given(
    visits, catalogue, st.sampled_from(SplitKind), st.one_of(st.none(), st.tuples(*[st.integers(0, 4)] * 3)), st.data()
)
def test_every_row_is_kept_or_counted(
    rows: list[Visit],
    items: list[tuple[str, str | None]],
    kind: SplitKind,
    caps: tuple[int, int, int] | None,
    data: st.DataObject,
) -> None:
    histories = None
    if kind is SplitKind.GIVEN:
        histories = data.draw(st.lists(st.tuples(splits, pasts), min_size=len(rows), max_size=len(rows)))
    with tempfile.TemporaryDirectory() as folder:
        source = raw(Path(folder), rows, items, histories=histories)
        try:
            prepared = prepare(source, Choices(kind, 10, 20, caps, seed=3))
        except BadInput:  # no event is left
            return
    dropped = prepared.dropped
    assert prepared.interactions_read == len(rows)
    assert len(rows) == prepared.interactions + sum(dropped[reason] for reason in INTERACTION_REASONS)
    assert prepared.interactions == len(prepared.events.item) + sum(dropped[reason] for reason in EVENT_REASONS)
    assert len(items) == prepared.catalogue.keys.height + sum(dropped[reason] for reason in ITEM_REASONS)

    owned = {key for key, title in items if title in ("One", "Two", "Three")}
    bought = {(user, item) for user, item, *_ in rows}
    pairs = set()
    for user, past, target, _ in events_in_words(prepared):
        assert {*past, target} <= owned
        assert past
        assert target not in past
        assert len(set(past)) == len(past)
        assert (user, target) in bought
        assert (user, target) not in pairs
        pairs.add((user, target))
    if caps is not None:
        assert all((prepared.events.split == code).sum() <= cap for code, cap in enumerate(caps))
    events = prepared.events
    assert (np.lexsort((events.length, events.user)) == np.arange(len(events.item))).all()
