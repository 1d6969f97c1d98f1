"""The probe that finds targets given away by key: it wins on sequences sorted by key, and loses on others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audit.key_probe import key_probe
from engine.audit.order_figures import KeyProbe
from store.enums import Split
from store.workspace import Workspace
from tests.small_shop import add

ITEMS = 40


def probe_of(folder: Path, histories: list[tuple[str, list[int], list[tuple[int, Split]]]], items: int) -> KeyProbe:
    workspace = Workspace(folder)
    dataset = add(workspace, "shop", [f"Title {n}" for n in range(items)], ["Things"] * items, histories)
    with workspace.read() as db:
        found = key_probe(db, dataset)
    assert found is not None
    return found


@pytest.mark.parametrize(("order", "fails"), [("rising", True), ("falling", False)])
def test_it_fails_where_sequences_rise_by_key(tmp_path: Path, order: str, fails: bool) -> None:
    draw = np.random.default_rng(0)
    histories = []
    for user in range(200):
        items = np.sort(draw.choice(ITEMS, 8, replace=False))[:: 1 if order == "rising" else -1]
        histories.append((f"u{user:03d}", items.tolist(), [(6, Split.TRAIN), (7, Split.TEST)]))
    found = probe_of(tmp_path, histories, ITEMS)
    assert found.fails is fails
    assert found.words.endswith("keys give targets away") is fails
    assert found.gain == pytest.approx(found.held_back - found.plain)
    assert found.low <= found.gain <= found.high


def test_the_ranks_of_one_event_by_hand(tmp_path: Path) -> None:
    """After 3 came 1 twice and 5 once; asked after 3, the target is 5: second, and first with lower keys held back.

    3 occurs three times, 1 twice and 5 once, so 1 has 2 / (√3 · ∜2) = 0.97, then 0.3 of it, and 5 has 1 / √3 = 0.58.
    """
    train, test = Split.TRAIN, Split.TEST
    pairs = [("a", [3, 1]), ("b", [3, 1]), ("c", [3, 5])]
    histories = [(name, items, [(1, train)]) for name, items in pairs] + [("d", [3, 5], [(1, test)])]
    found = probe_of(tmp_path, histories, 6)
    assert found.events == 1
    assert found.plain == pytest.approx(1 / np.log2(3))
    assert found.held_back == pytest.approx(1)


def test_a_dataset_without_test_events_has_no_probe(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset = add(workspace, "shop", ["A", "B"], ["x", "x"], [("u", [0, 1], [(1, Split.TRAIN)])])
    with workspace.read() as db:
        assert key_probe(db, dataset) is None
