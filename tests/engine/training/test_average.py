"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch

from engine.training.average import averaged


def at(value: float) -> torch.nn.Linear:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, value)
    return module


def test_the_decay_is_reached_slowly() -> None:
    module = at(0.0)
    average = averaged(module, 0.9)
    found = []
    for value in (1.0, 2.0, 3.0):
        torch.nn.init.constant_(module.weight, value)
        average.update_parameters(module)
        found.append(average.module.weight.item())
    second = 2 / 11 * 1 + 9 / 11 * 2  # (1 + 1) / (10 + 1) of what was, the rest of what is
    third = 3 / 12 * second + 9 / 12 * 3
    assert found == pytest.approx([1, second, third])


def test_later_it_forgets_at_the_rate_asked_for() -> None:
    module = at(0.0)
    average = averaged(module, 0.9)
    for _ in range(200):  # (1 + 80) / (10 + 80) = 0.9
        average.update_parameters(module)
    torch.nn.init.constant_(module.weight, 1.0)
    average.update_parameters(module)
    assert average.module.weight.item() == pytest.approx(0.1)
    average.update_parameters(module)
    assert average.module.weight.item() == pytest.approx(0.19)
    assert module.weight.item() == 1.0


def test_what_does_not_move_stays_to_the_bit() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(5, 5), torch.nn.BatchNorm1d(5))
    module[0].requires_grad_(False)
    average = averaged(module, 0.99)
    for _ in range(50):
        average.update_parameters(module)
    for name, tensor in module.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], tensor), name
