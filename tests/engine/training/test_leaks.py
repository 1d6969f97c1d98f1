"""The pairs of every phase come from the train part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.text.sentences import Renderer, Template
from engine.training.pairs import PhasePairs
from engine.training.recipe import PhaseSettings
from store import datasets
from store.enums import Phase, Split
from store.workspace import Workspace
from tests.training_shop import CAMERAS, GAMES, KITCHEN, make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_shop(tmp_path_factory.mktemp("shop") / "w")


@pytest.fixture(scope="module")
def renderer(tiny_t5: Path) -> Renderer:
    from transformers import AutoTokenizer

    return Renderer(AutoTokenizer.from_pretrained(tiny_t5), 64, Template())


@pytest.mark.parametrize("epoch", [0, 3])
@pytest.mark.parametrize("phase", Phase)
def test_no_target_of_valid_or_test_is_trained_on(
    shop: Workspace, renderer: Renderer, phase: Phase, epoch: int
) -> None:
    with shop.read() as db:
        found = [datasets.dataset(db, name) for name in (CAMERAS, GAMES, KITCHEN)]
        table = PhasePairs(db, found, phase, PhaseSettings(), renderer, 0).epoch(epoch)
        asked: set[tuple[int, int]] = set()
        learned: set[tuple[int, int]] = set()
        lengths: set[tuple[int, int]] = set()
        bought: set[int] = set()
        for place, dataset in enumerate(found):
            base = place << 32
            for split in Split:
                events = datasets.events(db, dataset.id, split)
                rows = {(base | u, base | i) for u, i in zip(events.user.tolist(), events.item.tolist(), strict=True)}
                if split is Split.TRAIN:
                    learned |= rows
                    lengths |= {
                        (base | u, n) for u, n in zip(events.user.tolist(), events.length.tolist(), strict=True)
                    }
                else:
                    asked |= rows
            bought |= {base | int(item) for item in np.unique(datasets.train_interactions(db, dataset.id)[0])}
    assert len(table) > 60
    users, items = table.user.tolist(), table.item.tolist()
    if phase is Phase.ITEM_DESCRIPTION:
        assert set(items) <= bought
    elif phase is Phase.SEQUENCE_SEQUENCE:
        assert set(zip(users, table.length.tolist(), strict=True)) <= lengths
    else:
        assert set(zip(users, items, strict=True)) == learned
        assert not set(zip(users, items, strict=True)) & asked
