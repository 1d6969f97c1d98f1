"""What a model in training is worth: measured in a way that can be computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.encoding.encoder import Encoder, load
from engine.text.sentences import Renderer, Template, describe
from engine.training.average import averaged
from engine.training.validation import Validation, ValidationSet, validation_set
from store import datasets
from store.enums import Split
from store.workspace import Workspace
from tests.small_shop import five_items
from tests.training_shop import CAMERAS, GAMES, make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_shop(tmp_path_factory.mktemp("shop") / "w")


@pytest.fixture
def encoder(tiny_t5: Path) -> Encoder:
    return load(str(tiny_t5), device="cpu", precision="fp32")


def validation_events(
    shop: Workspace, renderer: Renderer, name: str = CAMERAS, *, events: int = 500, items: int = 0
) -> ValidationSet:
    with shop.read() as db:
        found = validation_set(db, datasets.dataset(db, name), renderer, events=events, items=items, seed=3)
    assert found is not None
    return found


def test_ndcg_and_hit_rate_are_those_of_the_definition(shop: Workspace, encoder: Encoder) -> None:
    """Rank by hand: cosines, what was seen left out, the mean over how equal scores may be ordered."""
    renderer = encoder.renderer(Template())
    with shop.read() as db:
        dataset = datasets.dataset(db, CAMERAS)
        events = datasets.events(db, dataset.id, Split.VALID)
        bodies = [describe(item, Template().item_text) for item in datasets.items(db, dataset.id)]
    items = encoder.encode_all(renderer.texts(bodies))
    gains, hits = [], []
    for row in range(len(events)):
        history, target = events.history(row).tolist(), int(events.item[row])
        scores = items @ encoder.encode_all(renderer.histories(bodies, [history]))[0]
        others = [item for item in range(len(bodies)) if item not in (*history, target)]
        better = sum(scores[item] > scores[target] + 1e-6 for item in others)
        tied = sum(abs(scores[item] - scores[target]) <= 1e-6 for item in others)
        places = range(better + 1, better + tied + 2)
        gains.append(np.mean([1 / math.log2(1 + place) if place <= 10 else 0 for place in places]))
        hits.append(np.mean([place <= 10 for place in places]))
    encoder.model.train()
    found = Validation([validation_events(shop, renderer)], "ndcg@10", None)(encoder.model)
    assert encoder.model.training
    assert found["ndcg@10"] == pytest.approx(np.mean(gains), abs=1e-9)
    assert found["hr@10"] == pytest.approx(np.mean(hits), abs=1e-9)
    assert found["chosen"] == found["ndcg@10"]


def test_several_datasets_count_by_their_events(shop: Workspace, encoder: Encoder) -> None:
    parts = [validation_events(shop, encoder.renderer(Template()), name) for name in (CAMERAS, GAMES)]
    alone = [Validation([part], "ndcg@10", None)(encoder.model)["ndcg@10"] for part in parts]
    both = Validation(parts, "ndcg@10", None)(encoder.model)["ndcg@10"]
    assert both == pytest.approx(np.average(alone, weights=[len(part.targets) for part in parts]))


def test_the_sample_is_fixed_and_a_smaller_catalogue_keeps_the_targets(shop: Workspace, encoder: Encoder) -> None:
    renderer = encoder.renderer(Template())
    every, some, few = (
        validation_events(shop, renderer),
        validation_events(shop, renderer, events=5),
        validation_events(shop, renderer, events=5, items=10),
    )
    assert (len(every.candidates), len(some.candidates)) == (40, 40)
    assert (len(some.histories), len(some.targets)) == (5, 5)
    assert [h.ids for h in some.histories] == [h.ids for h in validation_events(shop, renderer, events=5).histories]
    assert {h.ids for h in some.histories} <= {h.ids for h in every.histories}
    assert [h.ids for h in few.histories] == [h.ids for h in some.histories]
    assert 10 <= len(few.candidates) <= 15
    titles = [[part.candidates[target].text for target in part.targets] for part in (few, some)]
    assert titles[0] == titles[1]


def test_without_valid_events_there_is_nothing_to_ask(encoder: Encoder, tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "w")
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        assert validation_set(db, dataset, encoder.renderer(Template()), events=9, items=0, seed=0) is None


def test_the_better_of_the_last_and_the_averaged_weights_is_chosen(shop: Workspace, encoder: Encoder) -> None:
    part = validation_events(shop, encoder.renderer(Template()))
    average = averaged(encoder.model, 0.9)
    same = Validation([part], "ndcg@10", average)
    found = same(encoder.model)
    assert found["ndcg@10"] == found["ndcg@10 averaged"] == found["chosen"]
    assert not same.averaged_is_better  # where both are equal, the last ones
    torch.manual_seed(0)
    for weights in average.module.parameters():
        weights.data += 0.3 * torch.randn_like(weights)
    for _ in range(2):  # once with these weights as the averaged ones, once as the last
        found = same(encoder.model)
        assert found["ndcg@10"] != found["ndcg@10 averaged"]
        assert found["chosen"] == max(found["ndcg@10"], found["ndcg@10 averaged"])
        assert same.averaged_is_better == (found["ndcg@10 averaged"] > found["ndcg@10"])
        for one, other in zip(encoder.model.parameters(), average.module.parameters(), strict=True):
            one.data, other.data = other.data, one.data


def test_by_validation_loss_less_is_better(encoder: Encoder) -> None:
    validation = Validation([], "validation-loss", averaged(encoder.model, 0.9))
    losses = {id(encoder.model): 2.0}
    validation.loss = lambda model: losses.get(id(model), 1.5)
    assert validation(encoder.model) == {"validation loss": 2.0, "validation loss averaged": 1.5, "chosen": -1.5}
    assert validation.averaged_is_better
    losses[id(encoder.model)] = 1.0
    assert validation(encoder.model)["chosen"] == -1.0
    assert not validation.averaged_is_better
