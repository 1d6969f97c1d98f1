"""Pairs of the three phases on datasets small enough to write down, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.text.sentences import HistoryFormat, ItemText, Renderer, Template
from engine.training.negatives import allowed
from engine.training.pairs import PairTable, PhasePairs, check_descriptions
from engine.training.recipe import PhaseSettings
from store import datasets
from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Phase, Split, SplitKind
from store.errors import BadInput, Failed
from store.workspace import Workspace
from tests.small_shop import TITLES, A, B, C, D, E, add, five_items

TRAIN, VALID, TEST = Split.TRAIN, Split.VALID, Split.TEST
ITEMS, SEQUENCES, TARGETS = Phase.ITEM_DESCRIPTION, Phase.SEQUENCE_SEQUENCE, Phase.SEQUENCE_ITEM
LONG = (("u0", (A, B, C, D, E), ((1, TRAIN), (2, TRAIN), (3, VALID), (4, TEST))), ("u1", (C, D), ((1, TRAIN),)))


@pytest.fixture(scope="module")
def renderer(tiny_t5: Path) -> Renderer:
    from transformers import AutoTokenizer

    return Renderer(AutoTokenizer.from_pretrained(tiny_t5), 200, Template())


def phase_pairs(
    workspace: Workspace,
    phase: Phase,
    renderer: Renderer,
    *names: str,
    split: Split = TRAIN,
    seed: int = 0,
    **settings: Any,
) -> PhasePairs:
    with workspace.read() as db:
        found = [datasets.dataset(db, name) for name in names or ("shop",)]
        return PhasePairs(db, found, phase, PhaseSettings(**settings), renderer, seed, split)


def bodies(titles: Sequence[str] = TITLES) -> list[str]:
    return [f"Title: {title}" for title in titles]


def history(renderer: Renderer, items: Sequence[int]) -> list[int]:
    return list(renderer.histories(bodies(), [items])[0].ids)


def item(renderer: Renderer, body: str) -> list[int]:
    return list(renderer.texts([body])[0].ids)


def anchors(table: PairTable) -> list[list[int]]:
    return [table.texts[text].tolist() for text in table.anchor]


def positives(table: PairTable) -> list[list[int]]:
    return [table.texts[text].tolist() for text in table.positive]


def same(one: PairTable, other: PairTable) -> bool:
    columns = ("anchor", "positive", "dataset", "user", "item", "length")
    equal = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)
    return equal and np.array_equal(one.texts.ids, other.texts.ids) and one.identical == other.identical


def in_shop(folder: Path, histories: Sequence[Any], name: str = "shop") -> Workspace:
    workspace = Workspace(folder)
    add(workspace, name, TITLES, ["Things"] * len(TITLES), histories)
    return workspace


def test_sequence_item_pairs_each_train_history_with_its_target(tmp_path: Path, renderer: Renderer) -> None:
    pairs = phase_pairs(five_items(tmp_path), TARGETS, renderer)
    table = pairs.epoch(0)
    # The train events of both users begin with A, which is one text.
    assert anchors(table) == [history(renderer, [A])] * 2
    assert table.anchor.tolist() == [0, 0]
    assert positives(table) == [item(renderer, "Title: Chair"), item(renderer, "Title: Pen")]
    assert (table.user.tolist(), table.item.tolist(), table.length.tolist()) == ([0, 1], [B, D], [1, 1])
    assert (table.identical, pairs.skipped, len(table)) == (0, {}, 2)
    assert pairs.epoch(5) is table
    assert [table.anchor.dtype, table.user.dtype, table.item.dtype] == [np.int32, np.int64, np.int64]


def test_item_text_and_history_format_are_the_renderers(tmp_path: Path, renderer: Renderer, tiny_t5: Path) -> None:
    from transformers import AutoTokenizer

    template = Template(HistoryFormat.UNSTRUCTURED, ItemText.TITLE_DESCRIPTION)
    other = Renderer(AutoTokenizer.from_pretrained(tiny_t5), 200, template)
    table = phase_pairs(five_items(tmp_path), TARGETS, other).epoch(0)
    described = ["Title: Lamp Description: all about Lamp", "Title: Chair Description: all about Chair"]
    assert anchors(table)[0] == list(other.histories(described, [[0]])[0].ids)
    assert positives(table)[0] == item(other, described[1])


def test_only_items_of_the_train_part_meet_their_description(tmp_path: Path, renderer: Renderer) -> None:
    workspace = five_items(tmp_path)
    pairs = phase_pairs(workspace, ITEMS, renderer, item_text="title+description")
    table = pairs.epoch(0)
    assert table.item.tolist() == [A, B, D]
    assert anchors(table) == [item(renderer, f"Title: {title}") for title in ("Lamp", "Chair", "Pen")]
    assert positives(table) == [item(renderer, f"Description: all about {t}") for t in ("Lamp", "Chair", "Pen")]
    assert table.user.tolist() == [-1, -1, -1]
    assert pairs.epoch(1) is table
    assert len(pairs.targets) == 0


def test_popularity_weighs_items_by_their_train_interactions(tmp_path: Path, renderer: Renderer) -> None:
    pairs = phase_pairs(five_items(tmp_path), ITEMS, renderer, popularity_weighted=True)
    tables = [pairs.epoch(number) for number in range(400)]
    assert all(len(table) == 3 for table in tables)
    drawn = Counter(int(i) for table in tables for i in table.item)
    # A occurs twice, B and D once: 600, 300, 300 of 1,200 draws, within five standard deviations.
    assert abs(drawn[A] - 600) < 87
    assert abs(drawn[B] - 300) < 75
    assert abs(drawn[D] - 300) < 75
    assert same(
        tables[7], phase_pairs(five_items(tmp_path / "new"), ITEMS, renderer, popularity_weighted=True).epoch(7)
    )
    assert any(tables[0].item.tolist() != table.item.tolist() for table in tables[1:5])


def test_valid_pairs_are_those_of_valid_events_alone(tmp_path: Path, renderer: Renderer) -> None:
    histories = (*LONG, ("u2", (A, B, C, E), ((1, TRAIN), (2, TRAIN), (3, VALID))))
    workspace = in_shop(tmp_path, histories)
    table = phase_pairs(workspace, TARGETS, renderer, split=VALID).epoch(0)
    assert anchors(table) == [history(renderer, [A, B, C])] * 2
    assert table.item.tolist() == [D, E]
    # D is in the train part (of u1), so only E is new to the phase.
    described = phase_pairs(workspace, ITEMS, renderer, split=VALID).epoch(0)
    assert described.item.tolist() == [E]
    assert len(phase_pairs(workspace, TARGETS, renderer, split=VALID, validation_events=1).epoch(0)) == 1
    assert len(phase_pairs(five_items(tmp_path / "none"), SEQUENCES, renderer, split=VALID).epoch(0)) == 0


def test_sequence_sequence_pairs_a_history_with_a_change_of_it(tmp_path: Path, renderer: Renderer) -> None:
    workspace = in_shop(tmp_path, LONG)
    pairs = phase_pairs(workspace, SEQUENCES, renderer, augmentations=("drop",))
    table = pairs.epoch(0)
    assert anchors(table) == [history(renderer, items) for items in ([A], [A, B], [C])]
    # ⌊0.5 · 1⌋ = 0 of one item go, 1 of two.
    assert positives(table)[0] == history(renderer, [A])
    assert positives(table)[1] in (history(renderer, [A]), history(renderer, [B]))
    assert (table.user.tolist(), table.item.tolist()) == ([0, 0, 1], [-1, -1, -1])
    assert table.identical == 2
    # All three share a user or differ in text: the two histories of user 0 are no negatives of each other.
    assert allowed(table, np.arange(3), pairs.targets).tolist() == [
        [True, False, True],
        [False, True, True],
        [True, True, True],
    ]


def test_identical_pairs_can_be_left_out_and_are_counted(tmp_path: Path, renderer: Renderer) -> None:
    workspace = in_shop(tmp_path, (*LONG, ("u2", (A, E, B), ((2, TRAIN),)), ("u3", (B, C, E), ((2, TRAIN),))))
    kept = phase_pairs(workspace, SEQUENCES, renderer, augmentations=("reorder",), reorder=1.0)
    left = phase_pairs(workspace, SEQUENCES, renderer, augmentations=("reorder",), reorder=1.0, keep_identical=False)
    looked_at = 0
    for number in range(30):
        table = kept.epoch(number)
        assert len(table) == 5
        assert table.identical == int((table.anchor == table.positive).sum())
        # A and E have the same title: [A, E] and [E, A] are the same text although the items moved.
        assert table.identical >= 3
        if table.identical > 3:  # one pair left cannot train
            continue
        other = left.epoch(number)
        looked_at += 1
        assert (len(other), other.identical) == (2, 3)
        assert not np.any(other.anchor == other.positive)
    assert looked_at


def test_augmentations_are_drawn_anew_each_epoch_from_the_seed(tmp_path: Path, renderer: Renderer) -> None:
    histories = [(f"u{n}", (A, B, C, D, E), ((4, TRAIN),)) for n in range(20)]
    workspace = in_shop(tmp_path, histories)
    pairs = phase_pairs(workspace, SEQUENCES, renderer)
    first, second = pairs.epoch(0), pairs.epoch(1)
    assert positives(first) != positives(second)
    again = phase_pairs(workspace, SEQUENCES, renderer)
    assert same(again.epoch(1), second)  # whatever was asked before
    assert same(pairs.epoch(0), first)
    assert positives(phase_pairs(workspace, SEQUENCES, renderer, seed=1).epoch(0)) != positives(first)


def test_a_history_that_a_user_has_twice_is_one_pair(tmp_path: Path, renderer: Renderer) -> None:
    sequences = [(0, 0, 3, (A, B, C)), (1, 0, 3, (A, B, D)), (2, 1, 2, (B, C))]
    events = [(0, 0, 0, 2, C, TRAIN), (1, 0, 1, 2, D, TRAIN), (2, 1, 2, 1, C, TRAIN)]
    workspace = written(tmp_path, sequences, events)
    pairs = phase_pairs(workspace, SEQUENCES, renderer)
    assert anchors(pairs.epoch(0)) == [history(renderer, [A, B]), history(renderer, [B])]
    assert list(pairs.skipped.values()) == [1]
    targets = phase_pairs(workspace, TARGETS, renderer)
    assert targets.epoch(0).item.tolist() == [C, D, C]
    # Both targets of user 0 follow the same history; pair 2 asks for the item of pair 0, so user 0 chose it too.
    assert allowed(targets.epoch(0), np.arange(3), targets.targets).tolist() == [
        [True, False, False],
        [False, True, False],
        [False, True, True],
    ]


def test_datasets_train_jointly_and_keep_their_ids_apart(tmp_path: Path, renderer: Renderer) -> None:
    workspace = five_items(tmp_path)
    five_items(tmp_path, "other", titles=("Red", "Blue", "Green", "Pen", "Oak"))
    table = phase_pairs(workspace, TARGETS, renderer, "other", "shop").epoch(0)
    assert table.dataset.tolist() == [0, 0, 1, 1]
    assert table.user.tolist() == [0, 1, 1 << 32, 1 << 32 | 1]
    assert table.item.tolist() == [B, D, 1 << 32 | B, 1 << 32 | D]
    assert positives(table)[0] == item(renderer, "Title: Blue")
    assert positives(table)[2] == item(renderer, "Title: Chair")
    # "Pen" of both shops is one text: different items, and yet no negatives.
    assert table.positive[1] == table.positive[3]


def test_a_limit_draws_some_pairs_from_all(tmp_path: Path, renderer: Renderer) -> None:
    histories = [(f"u{n}", (n % 5, (n + 1 + n // 5) % 5), ((1, TRAIN),)) for n in range(20)]
    workspace = in_shop(tmp_path, histories)
    users = set()
    for seed in range(30):
        for phase in (TARGETS, SEQUENCES):
            table = phase_pairs(workspace, phase, renderer, pairs=6, seed=seed).epoch(0)
            assert len(table) == 6
            assert len(set(table.user.tolist())) == 6
            users |= set(table.user.tolist())
    assert users == set(range(20))
    assert len(phase_pairs(workspace, TARGETS, renderer, pairs=50).epoch(0)) == 20


def test_long_histories_are_cut_as_the_renderer_cuts_them(tmp_path: Path, renderer: Renderer) -> None:
    titles = [f"lamp number {n}" for n in range(300)]
    workspace = Workspace(tmp_path)
    order = tuple(range(300))
    add(workspace, "shop", titles, ["Things"] * 300, [(f"u{n}", order, ((299 - n, TRAIN),)) for n in range(2)])
    table = phase_pairs(workspace, TARGETS, renderer).epoch(0)
    expected = renderer.histories(bodies(titles), [order[:299], order[:298]])
    assert anchors(table) == [list(sentence.ids) for sentence in expected]
    assert max(table.texts.lengths) <= 200


def written(
    folder: Path,
    sequences: Sequence[tuple[int, int, int, Sequence[int]]],
    events: Sequence[tuple[int, int, int, int, int, Split]],
    descriptions: Sequence[str] = ("", "", "", "", ""),
    name: str = "shop",
) -> Workspace:
    """A dataset as it is told, right or wrong. Sequences: number, user, train length, items. Events: number, user,
    sequence, length, item, split."""
    draft = DatasetDraft(
        name=name, request=name, platform="table", domain="Things", synthetic=False, source={},
        split=SplitKind.GIVEN, split_settings={}, timed=False,
    )  # fmt: skip
    workspace = Workspace(folder)
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        rows = enumerate(zip(TITLES, descriptions, strict=True))
        writer.add("item", ((n, f"k{n}", title, text, "Things", "{}") for n, (title, text) in rows))
        writer.add("user", ((n, f"user {n}") for n in sorted({user for _, user, *_ in sequences})))
        writer.add(
            "sequence", ((n, u, train, np.array(i, "<i4").tobytes(), None, None) for n, u, train, i in sequences)
        )
        writer.add("event", ((n, u, s, length, i, None, None, split) for n, u, s, length, i, split in events))
        writer.finish(fingerprint=name, interactions=0, dropped={}, audit={}, replace=False)
    return workspace


GOOD = ([(0, 0, 2, (A, B, C)), (1, 1, 2, (C, D))], [(0, 0, 0, 1, B, TRAIN), (1, 1, 1, 1, D, TRAIN)])


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([(0, 0, 0, 2, C, TRAIN)], "event 0 of user user 0 .* its target is number 3 of a sequence whose first 2"),
        ([(0, 0, 0, 1, B, TRAIN), (1, 1, 0, 1, B, TRAIN)], "event 1 of user user 1"),
        ([(0, 0, 0, 0, A, TRAIN)], "event 0 of user user 0"),
        ([(0, 0, 7, 1, B, TRAIN)], "event 0 of user user 0"),
        (
            [(0, 0, 0, 1, E, TRAIN), (1, 1, 1, 1, D, TRAIN)],
            "event 0 .* target is item 4, while item 1 stands at number 2",
        ),
    ],
)
def test_when_a_train_event_is_none_the_phase_refuses(
    tmp_path: Path, renderer: Renderer, events: list[Any], words: str
) -> None:
    workspace = written(tmp_path, GOOD[0], events)
    with pytest.raises(Failed, match=f"shop: {words}"):
        phase_pairs(workspace, TARGETS, renderer)


def test_when_an_item_has_no_description_it_is_skipped(tmp_path: Path, renderer: Renderer) -> None:
    workspace = written(tmp_path, *GOOD, descriptions=("a lamp", " ", "a desk", "a pen", ""))
    written(tmp_path, *GOOD, name="bare")
    pairs = phase_pairs(workspace, ITEMS, renderer, "shop", "bare")
    assert pairs.epoch(0).item.tolist() == [A, C, D]  # B has a blank, and E is in no sequence
    assert pairs.skipped == {"items without a description": 1, "items without a description: all of bare": 4}
    with workspace.read() as db:
        assert check_descriptions(db, datasets.datasets(db)) == ["bare"]


def test_when_no_dataset_has_descriptions_it_says_what_to_do(tmp_path: Path, renderer: Renderer) -> None:
    workspace = written(tmp_path, *GOOD)
    with workspace.read() as db, pytest.raises(BadInput, match=r"no item of shop has a description.*nopre"):
        check_descriptions(db, datasets.datasets(db))
    with pytest.raises(BadInput, match="nopre"):
        phase_pairs(workspace, ITEMS, renderer)


@pytest.mark.parametrize("phase", [TARGETS, SEQUENCES])
def test_when_there_is_nothing_to_train_on_it_says_so(tmp_path: Path, renderer: Renderer, phase: Phase) -> None:
    workspace = in_shop(tmp_path, (("u0", (A, B), ((1, TEST),)), ("u1", (A, B), ((1, TRAIN),))))
    with pytest.raises(BadInput, match=r"shop give 1 training pair; at least 2 .*st5 datasets NAME"):
        phase_pairs(workspace, phase, renderer)


def test_when_only_identical_pairs_are_left_it_says_so(tmp_path: Path, renderer: Renderer) -> None:
    pairs = phase_pairs(five_items(tmp_path), SEQUENCES, renderer, keep_identical=False)
    with pytest.raises(BadInput, match="0 training pairs"):
        pairs.epoch(0)
