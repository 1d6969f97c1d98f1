"""Cross-entropy over a whole catalogue, chunk by chunk: what PyTorch gives for all of it at once."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from engine.baselines.softmax import LEAST_ROWS, cross_entropy

ITEMS = 9_000  # more than a chunk's budget, so that a chunk has the least rows


def drawn(count: int, items: int, dtype: torch.dtype, scale: float = 1.0) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    hidden = (scale * torch.randn(count, 4, dtype=dtype)).requires_grad_()
    table = torch.randn(items, 4, dtype=dtype).requires_grad_()
    return hidden, table, torch.randint(0, items, (count,))


@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize(("count", "items"), [(2 * LEAST_ROWS + 22, ITEMS), (LEAST_ROWS, 50), (1, 7), (30, 1)])
def test_value_and_gradients_are_those_of_the_whole(dtype: torch.dtype, near: float, count: int, items: int) -> None:
    hidden, table, targets = drawn(count, items, dtype)
    ours = cross_entropy(hidden, table, targets)
    found = torch.autograd.grad(3 * ours, (hidden, table))
    whole = F.cross_entropy(hidden @ table.T, targets)
    wanted = torch.autograd.grad(3 * whole, (hidden, table))
    torch.testing.assert_close(ours, whole, rtol=near, atol=near)
    for ours_of, wanted_of in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours_of, wanted_of, rtol=near, atol=near)


def test_two_items_by_hand() -> None:
    # Scores 0 and ln 3: probabilities 1/4 and 3/4. The loss of the first is ln 4, its gradient (1/4 − 1, 3/4).
    hidden = torch.tensor([[1.0]], requires_grad=True)
    table = torch.tensor([[0.0], [math.log(3)]], requires_grad=True)
    loss = cross_entropy(hidden, table, torch.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4))
    assert table.grad is not None
    assert table.grad.flatten().tolist() == pytest.approx([-0.75, 0.75])


@pytest.mark.parametrize("count", [2 * LEAST_ROWS + 22, 1])
def test_what_a_row_has_seen_is_left_out_but_for_its_target(count: int) -> None:
    hidden, table, targets = drawn(count, ITEMS, torch.float64)
    seen = torch.randint(0, ITEMS, (count, 5))
    seen[:, 3] = seen[:, 0]  # seen twice
    seen[:, 4] = targets
    ours = cross_entropy(hidden, table, targets, seen)
    found = torch.autograd.grad(ours, (hidden, table))
    allowed = torch.ones(count, ITEMS, dtype=torch.bool).scatter(1, seen, False).scatter(1, targets[:, None], True)
    whole = F.cross_entropy((hidden @ table.T).masked_fill(~allowed, -torch.inf), targets)
    torch.testing.assert_close(ours, whole)
    for ours_of, wanted_of in zip(found, torch.autograd.grad(whole, (hidden, table)), strict=True):
        torch.testing.assert_close(ours_of, wanted_of)


def test_three_items_of_which_one_is_seen_by_hand() -> None:
    # Scores 0, ln 3 and ln 5. Without the last the first has the probability 1/4, with it 1/9.
    hidden, table = torch.tensor([[1.0]]), torch.tensor([[0.0], [math.log(3)], [math.log(5)]])
    assert cross_entropy(hidden, table, torch.tensor([0])).item() == pytest.approx(math.log(9))
    assert cross_entropy(hidden, table, torch.tensor([0]), torch.tensor([[2]])).item() == pytest.approx(math.log(4))


def test_scores_beyond_the_range_of_exp_stay_finite() -> None:
    hidden, table, targets = drawn(20, 300, torch.float32, scale=1_000)
    loss = cross_entropy(hidden, table, targets)
    loss.backward()
    assert loss.item() == pytest.approx(F.cross_entropy(hidden @ table.T, targets).item(), rel=1e-5)
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()
