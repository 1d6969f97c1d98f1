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


def test_scores_beyond_the_range_of_exp_stay_finite() -> None:
    hidden, table, targets = drawn(20, 300, torch.float32, scale=1_000)
    loss = cross_entropy(hidden, table, targets)
    loss.backward()
    assert loss.item() == pytest.approx(F.cross_entropy(hidden @ table.T, targets).item(), rel=1e-5)
    assert hidden.grad is not None
    assert torch.isfinite(hidden.grad).all()
