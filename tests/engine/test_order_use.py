"""What is lost by shuffling, what of the top 10 stays, and which rules survive, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audit.measuring_order import order_figures
from engine.audit.order_figures import RULES, stored_figures
from engine.audit.sequential_rules import count_rules
from engine.experiments.definition import load_definition, parse_definition
from engine.experiments.order_use import AS_IT_IS, DROP, SHUFFLED, P
from engine.experiments.stored import SHUFFLE_SEEDS
from engine.measuring.order_use import drops, overlap
from store import datasets
from store.dataset_figures import put_figure
from tests.engine.experiments.workspaces import cells, evaluated, shown, text_model
from tests.program import Program
from tests.small_shop import five_items


def test_the_overlap_of_two_lists() -> None:
    one = np.array([[1, 2, 3, 4], [5, 6, -1, -1], [-1, -1, -1, -1]])
    other = np.array([[4, 9, 1, 8], [6, 5, -1, -1], [1, -1, -1, -1]])
    assert overlap(one, other).tolist() == [0.5, 1.0, 1.0]


def test_the_drop_is_the_mean_of_the_differences_and_exactly_zero_where_all_are_equal() -> None:
    measured = np.array([[1.0, 0.5, 0.0], [0.1, 0.1, 0.1], [0.0, 0.5, 0.5]])
    assert drops(measured).tolist() == [0.75, 0.0, -0.5]


def test_a_drop_in_a_table(tmp_path: Path) -> None:
    """Two of four targets are first; shuffled, none with seed 0 and one with the others: 1/2 less 4/5 of 1/4."""
    workspace = five_items(tmp_path)
    model = text_model(workspace, "reader")
    rules = {"history": "structured", "item_text": "title"}
    evaluated(workspace, model, [0, 0, 1, 1], **rules)
    for seed in SHUFFLE_SEEDS:
        evaluated(workspace, model, [1, 1, 1, 1] if seed == 0 else [0, 1, 1, 1], shuffled=seed, **rules)
    definition = parse_definition("mine", load_definition("order-use").text.replace("ndcg@10", "hr@1"))
    sheet = shown(workspace, definition, sample=0).sheets[0]
    row = dict(zip(sheet.columns, cells(sheet, "shop", "reader", "hr@1"), strict=True))
    assert row[AS_IT_IS].value == pytest.approx(1 / 2)
    assert row[SHUFFLED].value == pytest.approx(4 / 5 * 1 / 4)
    assert row[SHUFFLED].seeds == 5
    assert row[DROP].value == pytest.approx(1 / 2 - 1 / 5)
    assert row[DROP].low <= row[DROP].value <= row[DROP].high
    assert 0 < row[P].value <= 1


def test_rules_are_neighbours_seen_five_times_and_after_a_tenth_of_the_first_item() -> None:
    """1 2 five times; 3 4 four times; 5 6 five times, but 5 fifty-one times in all."""
    sequences = [[1, 2]] * 5 + [[3, 4]] * 4 + [[5, 6]] * 5 + [[5]] * 46
    items = np.concatenate(sequences)
    owner = np.repeat(np.arange(len(sequences)), [len(one) for one in sequences])
    assert count_rules(items, owner) == 1
    assert count_rules(items[:-1], owner[:-1]) == 2  # five of fifty are a tenth
    assert count_rules(items[:1], owner[:1]) == 0


def test_figures_are_measured_once_and_shown_from_the_store(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    program = Program(workspace.folder)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
    assert program("datasets", "shop", "--json", "--no-keep").document[0]["key_probe"]["events"] == 4
    with workspace.read() as db:
        assert not stored_figures(db, dataset).known
    found = order_figures(workspace, dataset)
    with workspace.read() as db:
        assert stored_figures(db, dataset) == found
    with workspace.write() as db:
        put_figure(db, dataset.id, *RULES, {"as_they_are": 40, "shuffled": [9, 11]})
    assert "40 pairs follow each other" in program("datasets", "shop").out
    assert program("datasets", "shop", "--json").document[0]["sequential_rules"]["kept"] == 1 / 4
