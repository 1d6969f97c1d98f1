"""What a target competes with: on a shop small enough to write down, and in the model that trains on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.encoding.encoder import Encoder, load
from engine.text.sentences import Template
from engine.training.batch_loader import Batch, BatchLoader
from engine.training.catalogue import Rivals, refresh_steps
from engine.training.objective import Objective
from engine.training.pairs import PhasePairs
from engine.training.recipe import PhaseSettings
from store import datasets
from store.enums import Phase, Split
from store.workspace import Workspace
from tests.small_shop import add

TRAIN, VALID, TEST = Split
# Items 0 and 4 read the same. The Clock is in no train part.
TITLES = ("Lamp", "Chair", "Desk", "Pen", "Lamp", "Shelf", "Clock")
A, B, C, D, E, F, G = range(7)
# u0 goes on to C and then F, u1 to E, u2 to D; G is a valid target alone.
HISTORIES = (
    ("u0", (A, B, C, F, G), ((2, TRAIN), (3, TRAIN), (4, VALID))),
    ("u1", (B, E), ((1, TRAIN),)),
    ("u2", (C, D), ((1, TRAIN),)),
)
OTHERS = (("v0", (A, B), ((1, TRAIN),)), ("v1", (B, A), ((1, TRAIN),)))  # of a shop that sells a Vase and a Lamp


@pytest.fixture(scope="module")
def encoder(tiny_t5: Path) -> Encoder:
    return load(str(tiny_t5), device="cpu", precision="fp32")


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w")
    add(workspace, "shop", TITLES, ["Things"] * len(TITLES), HISTORIES)
    add(workspace, "other", ("Vase", "Lamp"), ["Things"] * 2, OTHERS)
    return workspace


def batch_loader(
    shop: Workspace,
    encoder: Encoder,
    names: Sequence[str] = ("shop",),
    split: Split = TRAIN,
    world: tuple[int, int] = (0, 1),
    **settings: Any,
) -> BatchLoader:
    values: dict[str, Any] = {"loss": "catalogue", "batch": 8}
    said = PhaseSettings(**(values | settings))
    with shop.read() as db:
        chosen = [datasets.dataset(db, name) for name in names]
        pairs = PhasePairs(db, chosen, Phase.SEQUENCE_ITEM, said, encoder.renderer(Template()), 0, split)
    return BatchLoader(pairs, said, 0, rank=world[0], world=world[1])


def only_batch(loader: BatchLoader) -> Batch:
    (key,) = loader.batch_keys()
    return loader.batch(key)


def columns(
    loader: BatchLoader, batch: Batch, rivals: Rivals, encoder: Encoder, titles: Sequence[str] = TITLES
) -> list[str]:
    """The titles of the columns of a batch's softmax, live ones first."""
    sentences = encoder.renderer(Template()).texts([f"Title: {title}" for title in titles])
    title = {sentence.ids: title for sentence, title in zip(sentences, titles, strict=True)}
    (key,) = loader.batch_keys()
    live = loader.table(0).positive[key[1]][rivals.live]
    stale = batch.catalogues[rivals.dataset].texts[rivals.rows]
    return [title[tuple(batch.texts[int(text)].tolist())] for text in (*live, *stale)]


def wrong_answers(
    loader: BatchLoader, batch: Batch, rivals: Rivals, encoder: Encoder
) -> dict[tuple[int, str], set[str]]:
    """What each pair (history length, target) is told not to choose."""
    names = columns(loader, batch, rivals, encoder)
    (key,) = loader.batch_keys()
    lengths = loader.table(0).length[key[1]]
    masked = set(zip(*rivals.masked.tolist(), strict=True))
    return {
        (int(lengths[anchor]), names[own]): {
            name for column, name in enumerate(names) if column != own and (row, column) not in masked
        }
        for row, (anchor, own) in enumerate(zip(rivals.anchors.tolist(), rivals.own.tolist(), strict=True))
    }


def test_each_text_of_the_train_part_is_a_column_once_and_targets_are_live(shop: Workspace, encoder: Encoder) -> None:
    loader = batch_loader(shop, encoder)
    batch = only_batch(loader)
    (rivals,) = batch.rivals
    names = columns(loader, batch, rivals, encoder)
    assert sorted(names[: len(rivals.live)]) == ["Desk", "Lamp", "Pen", "Shelf"]  # Lamp is a target as item 4
    assert names[len(rivals.live) :] == ["Chair"]
    assert rivals.share == 1.0


def test_neither_the_history_nor_later_targets_of_the_user_are_wrong_answers(shop: Workspace, encoder: Encoder) -> None:
    loader = batch_loader(shop, encoder)
    batch = only_batch(loader)
    assert wrong_answers(loader, batch, batch.rivals[0], encoder) == {
        (2, "Desk"): {"Pen"},  # u0 has read Lamp and Chair, and goes on to Shelf
        (3, "Shelf"): {"Pen"},
        (1, "Lamp"): {"Desk", "Pen", "Shelf"},  # u1 has read Chair
        (1, "Pen"): {"Lamp", "Chair", "Shelf"},  # u2 has read Desk
    }


def test_without_the_mask_all_but_the_target_are_wrong(shop: Workspace, encoder: Encoder) -> None:
    loader = batch_loader(shop, encoder, mask_false_negatives=False)
    batch = only_batch(loader)
    for (_, target), wrong in wrong_answers(loader, batch, batch.rivals[0], encoder).items():
        assert wrong == {"Lamp", "Chair", "Desk", "Pen", "Shelf"} - {target}


def test_the_target_of_a_history_that_holds_its_twin_is_not_masked(tmp_path: Path, encoder: Encoder) -> None:
    workspace = Workspace(tmp_path / "twins")
    histories = (("u0", (A, E), ((1, TRAIN),)), ("u1", (B, C), ((1, TRAIN),)))
    add(workspace, "shop", TITLES, ["Things"] * len(TITLES), histories)
    loader = batch_loader(workspace, encoder)
    batch = only_batch(loader)
    assert wrong_answers(loader, batch, batch.rivals[0], encoder) == {
        (1, "Lamp"): {"Chair", "Desk"},
        (1, "Desk"): {"Lamp"},
    }


def test_datasets_compete_apart_also_where_they_share_a_text(shop: Workspace, encoder: Encoder) -> None:
    loader = batch_loader(shop, encoder, ("shop", "other"))
    batch = only_batch(loader)
    titles = (*TITLES, "Vase")
    names = [columns(loader, batch, rivals, encoder, titles) for rivals in batch.rivals]
    assert [sorted(each) for each in names] == [["Chair", "Desk", "Lamp", "Pen", "Shelf"], ["Lamp", "Vase"]]
    assert [len(rivals.anchors) for rivals in batch.rivals] == [4, 2]
    assert sorted(np.concatenate([rivals.anchors for rivals in batch.rivals]).tolist()) == list(range(6))


def test_pairs_left_out_take_their_histories_with_them(tmp_path: Path, encoder: Encoder) -> None:
    from engine.text.sentences import HistoryFormat

    workspace = Workspace(tmp_path / "twins")
    histories = (("u0", (A, E), ((1, TRAIN),)), ("u1", (B, C), ((1, TRAIN),)), ("u2", (D, F), ((1, TRAIN),)))
    add(workspace, "shop", TITLES, ["Things"] * len(TITLES), histories)
    settings = PhaseSettings(loss="catalogue", keep_identical=False, history="unstructured")
    renderer = encoder.renderer(Template(HistoryFormat.UNSTRUCTURED))
    with workspace.read() as db:
        shop = datasets.dataset(db, "shop")
        table = PhasePairs(db, [shop], Phase.SEQUENCE_ITEM, settings, renderer, 0).epoch(0)
    assert [history.tolist() for history in table.histories] == [[B], [D]]  # Lamp after Lamp is one text twice


def test_two_processes_share_out_the_anchors_and_see_the_same_columns(shop: Workspace, encoder: Encoder) -> None:
    whole = only_batch(batch_loader(shop, encoder)).rivals[0]
    halves = [only_batch(batch_loader(shop, encoder, world=(rank, 2))).rivals[0] for rank in range(2)]
    for half in halves:
        assert half.live.tolist() == whole.live.tolist()
        assert half.rows.tolist() == whole.rows.tolist()
        assert half.anchors.tolist() == [0, 1]
    assert [*halves[0].own, *halves[1].own] == whole.own.tolist()


def test_a_valid_target_that_no_train_part_has_is_a_column_of_the_validation(shop: Workspace, encoder: Encoder) -> None:
    loader = batch_loader(shop, encoder, split=VALID, validation_events=10)
    table = loader.table(0)
    assert len(table) == 1
    assert len(table.catalogues[0].texts) == 6  # Lamp, Chair, Desk, Pen, Shelf and the Clock
    assert table.catalogues[0].rows_of(table.positive).tolist() != [-1]


def test_a_sample_is_the_same_for_the_same_batch_and_stands_for_the_rest(tmp_path: Path, encoder: Encoder) -> None:
    workspace = Workspace(tmp_path / "large")
    titles = [f"Thing {number}" for number in range(40)]
    histories = [(f"u{user}", (user, user + 1), ((1, TRAIN),)) for user in range(0, 40, 2)]
    add(workspace, "shop", titles, ["Things"] * 40, histories)
    loader = batch_loader(workspace, encoder, batch=4, bank_items=6, epochs=50)
    whole = batch_loader(workspace, encoder, batch=4, epochs=50)
    drawn = []
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(len(loader.table(0).catalogues[0].texts), generator=draw)
    for key, same in zip(loader.batch_keys(), whole.batch_keys(), strict=True):
        (some,), (every,) = loader.batch(key).rivals, whole.batch(same).rivals
        assert len(some.rows) == 6
        assert some.share == pytest.approx(36 / 6)
        assert set(some.rows) < set(every.rows)
        assert (loader.batch(key).rivals[0].rows == some.rows).all()
        drawn.append((some.share * scores[some.rows].exp().sum() / scores[every.rows].exp().sum()).item())
    assert len(drawn) == 250
    assert len({round(value, 6) for value in drawn}) > 200
    error = np.std(drawn) / math.sqrt(len(drawn))
    assert abs(np.mean(drawn) - 1) < 5 * error  # the sampled sum is the whole one on average


def test_the_bank_is_encoded_at_equal_distances_the_first_time_at_the_start() -> None:
    assert refresh_steps(8, 4) == {0, 2, 4, 6}
    assert refresh_steps(10, 3) == {0, 3, 6}
    assert refresh_steps(5, 1) == {0}
    assert refresh_steps(3, 1_000_000_000) == {0, 1, 2}


def by_hand(batch: Batch, encoder: Encoder, scale: float) -> Tensor:
    """The loss of a batch of one dataset whose bank is as new as its live rows: a softmax of all distinct texts."""
    (rivals,) = batch.rivals
    (catalogue,) = batch.catalogues

    def vectors(texts: np.ndarray) -> Tensor:
        ids = [torch.from_numpy(batch.texts[int(text)])[None].long() for text in texts]
        outputs = [encoder.model({"input_ids": each, "attention_mask": torch.ones_like(each)}) for each in ids]
        return torch.nn.functional.normalize(torch.cat([each["sentence_embedding"] for each in outputs]), dim=1)

    logits = scale * vectors(batch.anchor) @ vectors(catalogue.texts).T
    of_column = np.concatenate([np.unique(catalogue.rows_of(batch.positive)), rivals.rows])
    for row, masked in rivals.masked.T.tolist():
        if masked != rivals.own[row]:
            logits[row, of_column[masked]] = -torch.inf
    return torch.nn.functional.cross_entropy(logits, torch.from_numpy(catalogue.rows_of(batch.positive)))


@pytest.mark.parametrize("cached", [False, True])
def test_with_a_new_bank_it_is_the_softmax_of_all_texts(shop: Workspace, encoder: Encoder, cached: bool) -> None:
    loader = batch_loader(shop, encoder, cached=cached, micro_tokens=32)
    batch = only_batch(loader)
    encoder.model.eval()
    objective = Objective(encoder.model, loader.settings)
    objective.bank = objective.encoded(batch)
    (vectors,) = objective.bank
    assert vectors.shape == (5, 32)
    assert not vectors.requires_grad
    value = objective(batch)
    with torch.no_grad():
        expected = by_hand(batch, encoder, 20.0)
    assert value.item() == pytest.approx(expected.item(), abs=1e-5)


def test_the_bank_is_encoded_without_dropout_and_leaves_the_model_in_training(
    shop: Workspace, encoder: Encoder
) -> None:
    batch = only_batch(batch_loader(shop, encoder))
    objective = Objective(encoder.model, PhaseSettings(loss="catalogue"))
    encoder.model.train()
    state = torch.get_rng_state()
    first, second = objective.encoded(batch)[0], objective.encoded(batch)[0]
    assert encoder.model.training
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    encoder.model.eval()
