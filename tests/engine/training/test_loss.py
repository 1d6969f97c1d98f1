"""The symmetric ranking loss: by hand, beside sentence-transformers, masked, and in half precision."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from engine.training.loss import LOSSES, SymmetricRanking, make_loss
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


def test_losses_are_found_by_name() -> None:
    assert set(LOSSES) == {"symmetric-ranking"}
    assert make_loss("symmetric-ranking", 5.0) == SymmetricRanking(5.0)
    with pytest.raises(BadInput, match=r'No loss "symetric-ranking"\. Did you mean symmetric-ranking\?'):
        make_loss("symetric-ranking", 20.0)
