"""The symmetric ranking loss: by hand, beside sentence-transformers, masked, and in half precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from engine.training.catalogue import Rivals
from engine.training.loss import LOSSES, CatalogueSoftmax, SymmetricRanking, make_loss
from engine.training.recipe import CHOICES
from store.errors import BadInput


def drawn(seed: int, pairs: int = 6, dimension: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    """Anchors and positives that are no unit vectors."""
    draw = torch.Generator().manual_seed(seed)
    anchors, positives = torch.randn(2, pairs, dimension, generator=draw)
    return anchors.requires_grad_(), positives.requires_grad_()


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_value_and_gradient_are_those_of_sentence_transformers(scale: float) -> None:
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    theirs = MultipleNegativesRankingLoss(
        torch.nn.Identity(), scale, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    anchors, positives = drawn(1, pairs=32, dimension=24)
    expected = theirs.compute_loss_from_embeddings([anchors, positives], torch.empty(0))
    expected_gradients = torch.autograd.grad(expected, [anchors, positives])
    value = SymmetricRanking(scale)(anchors, positives)
    assert_close(value, expected, atol=1e-6, rtol=0)
    assert_close(torch.autograd.grad(value, [anchors, positives]), expected_gradients, atol=1e-6, rtol=0)


def test_a_masked_pair_counts_in_neither_direction() -> None:
    # Anchors are the axes, so the cosines are the positives' coordinates. Rows: anchors; columns: positives.
    #   0.6  0.8  0.0
    #   0.8  0.6  0.0
    #   0.0  0.0  1.0
    anchors = torch.eye(3)
    positives = torch.tensor([[0.6, 0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    allowed = torch.ones(3, 3, dtype=torch.bool)
    allowed[0, 1] = False  # positive 1 is no negative for anchor 0, nor anchor 0 for positive 1
    e = math.exp
    forward = [e(0.6) / (e(0.6) + e(0)), e(0.6) / (e(0.8) + e(0.6) + e(0)), e(1) / (e(0) + e(0) + e(1))]
    back = [e(0.6) / (e(0.6) + e(0.8) + e(0)), e(0.6) / (e(0.6) + e(0)), e(1) / (e(0) + e(0) + e(1))]
    expected = -sum(math.log(share) for share in forward + back) / 6
    assert SymmetricRanking(1.0)(anchors, positives, allowed).item() == pytest.approx(expected, abs=1e-6)


def test_the_back_direction_takes_its_own_mask_where_one_is_given() -> None:
    anchors, positives = drawn(2)
    allowed = torch.rand(6, 6, generator=torch.Generator().manual_seed(3)) < 0.5
    loss = SymmetricRanking()
    assert loss(anchors, positives, allowed) == loss(anchors, positives, allowed, allowed.T)
    assert loss(anchors, positives, allowed) == loss(positives, anchors, allowed.T)
    assert loss(anchors, positives, allowed) != loss(anchors, positives, allowed, allowed)


def test_when_nothing_is_allowed_the_own_positive_stays_and_costs_nothing() -> None:
    anchors, positives = drawn(4)
    allowed = torch.zeros(6, 6, dtype=torch.bool)
    value = SymmetricRanking()(anchors, positives, allowed)
    value.backward()
    assert value == 0
    assert not allowed.any()  # the caller's mask is left as it was
    assert anchors.grad is not None
    assert anchors.grad.abs().max() == 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), pairs=st.integers(2, 9))
def test_fewer_negatives_never_cost_more(seed: int, pairs: int) -> None:
    anchors, positives = drawn(seed, pairs)
    allowed = torch.rand(pairs, pairs, generator=torch.Generator().manual_seed(seed)) < 0.6
    fewer = allowed & (torch.rand(pairs, pairs, generator=torch.Generator().manual_seed(seed + 1)) < 0.6)
    loss = SymmetricRanking()
    assert 0 <= loss(anchors, positives, fewer) <= loss(anchors, positives, allowed) <= loss(anchors, positives)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), length=st.floats(0.01, 100))
def test_neither_the_length_of_vectors_nor_the_order_of_pairs_matters(seed: int, length: float) -> None:
    anchors, positives = drawn(seed)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))
    loss = SymmetricRanking()
    assert_close(loss(length * anchors[order], positives[order]), loss(anchors, positives), atol=1e-5, rtol=1e-5)


def test_autocast_takes_no_digits_from_the_loss() -> None:
    anchors, positives = drawn(5)
    loss = SymmetricRanking()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(anchors, positives)
        rounded = loss(anchors.bfloat16(), positives.bfloat16())
    assert value == loss(anchors, positives)
    assert rounded.dtype == torch.float32
    assert loss(anchors.double(), positives.double()).dtype == torch.float64


def part(
    *,
    own: list[int],
    live: list[int],
    rows: list[int],
    anchors: list[int] | None = None,
    share: float = 1.0,
    masked: list[tuple[int, int]] | None = None,
    dataset: int = 0,
) -> Rivals:
    pairs = np.array(masked or [], np.int64).reshape(-1, 2).T
    places = np.arange(len(own)) if anchors is None else np.array(anchors)
    return Rivals(dataset, places, np.array(live), np.array(own), np.array(rows, np.int64), share, pairs)


E = math.exp(1)


def test_a_target_is_found_among_live_and_stale_items() -> None:
    # Items are the axes. The first history points at item 0, its target, the second one between 1, its target, and 2.
    # Items 0 and 1 are encoded now; 2 comes from the bank, whose rows 0 and 1 (here: nonsense) are not looked at.
    anchors = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
    positives = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    bank = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    loss = CatalogueSoftmax(1.0)(anchors, positives, [part(own=[0, 1], live=[0, 1], rows=[2])], [bank])
    first, second = E / (E + 1 + 1), E**0.6 / (1 + E**0.6 + E**0.8)
    assert loss.item() == pytest.approx(-(math.log(first) + math.log(second)) / 2, abs=1e-6)


def test_what_is_masked_is_no_wrong_answer_and_a_target_never_is_masked() -> None:
    anchors, positives = torch.tensor([[0.0, 0.6, 0.8]]), torch.tensor([[0.0, 1.0, 0.0]])
    # Columns: the target, then items 0 and 2 of the bank. Item 2 and, without effect, the target are masked.
    only = part(own=[0], live=[0], rows=[0, 2], masked=[(0, 2), (0, 0)])
    loss = CatalogueSoftmax(2.0)(anchors, positives, [only], [torch.eye(3)])
    assert loss.item() == pytest.approx(-math.log(E**1.2 / (E**1.2 + 1)), abs=1e-6)


def test_a_sampled_item_counts_for_those_that_it_stands_for() -> None:
    anchors, positives = torch.tensor([[0.0, 0.6, 0.8]]), torch.tensor([[0.0, 1.0, 0.0]])
    loss = CatalogueSoftmax(1.0)(anchors, positives, [part(own=[0], live=[0], rows=[2], share=5.0)], [torch.eye(3)])
    assert loss.item() == pytest.approx(-math.log(E**0.6 / (E**0.6 + 5 * E**0.8)), abs=1e-6)


def test_targets_compete_within_their_dataset() -> None:
    # Pair 0 is of dataset 1, whose bank has one item beside the target; pair 1 of dataset 0 has two.
    anchors, positives = torch.eye(3)[:2], torch.eye(3)[:2]
    parts = [
        part(dataset=0, anchors=[1], own=[0], live=[1], rows=[0, 1]),
        part(dataset=1, anchors=[0], own=[0], live=[0], rows=[0]),
    ]
    banks = [torch.eye(3)[[0, 2]], torch.eye(3)[[2]]]
    loss = CatalogueSoftmax(1.0)(anchors, positives, parts, banks)
    assert loss.item() == pytest.approx(-(math.log(E / (E + 2)) + math.log(E / (E + 1))) / 2, abs=1e-6)


def test_the_gradient_reaches_live_items_and_never_the_bank() -> None:
    anchors, positives = drawn(6, pairs=2)
    bank = torch.nn.functional.normalize(drawn(7, pairs=4)[0].detach(), dim=1)
    # Both pairs have the same target text, which is encoded with the first of them.
    CatalogueSoftmax()(anchors, positives, [part(own=[0, 0], live=[0], rows=[1, 2, 3])], [bank]).backward()
    assert anchors.grad is not None
    assert positives.grad is not None
    assert bank.grad is None
    assert anchors.grad.abs().sum(dim=1).gt(0).tolist() == [True, True]
    assert positives.grad.abs().sum(dim=1).gt(0).tolist() == [True, False]


def test_with_all_items_live_it_is_one_direction_of_the_ranking_loss() -> None:
    anchors, positives = drawn(8)
    everything = list(range(6))
    found = CatalogueSoftmax()(anchors, positives, [part(own=everything, live=everything, rows=[])], [torch.eye(5)])
    cosines = torch.nn.functional.normalize(anchors, dim=1) @ torch.nn.functional.normalize(positives, dim=1).T
    assert_close(found, torch.nn.functional.cross_entropy(20 * cosines, torch.arange(6)))


def test_losses_are_found_by_name() -> None:
    assert set(LOSSES) == {"symmetric-ranking", "catalogue"} == set(CHOICES["loss"])
    assert make_loss("symmetric-ranking", 5.0) == SymmetricRanking(5.0)
    assert make_loss("catalogue", 5.0) == CatalogueSoftmax(5.0)
    with pytest.raises(BadInput, match=r'No loss "symetric-ranking"\. Did you mean symmetric-ranking\?'):
        make_loss("symetric-ranking", 20.0)
