"""The exponential moving average of the weights, kept beside the last ones (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel


def averaged(model: torch.nn.Module, decay: float) -> AveragedModel:
    """A copy of the model that follows it; call `update_parameters(model)` after each step.

    decay in (0, 1) is reached slowly, as (1 + n) / (10 + n) after n steps: a short run would otherwise be averaged
    with the weights that it started from.
    """

    @torch.no_grad()
    def follow(average: Sequence[Any], current: Sequence[Any], steps: Any) -> None:
        done = int(steps)
        weight = 1 - min(decay, (1 + done) / (10 + done))
        pairs = [(old, new) for old, new in zip(average, current, strict=True) if old.is_floating_point()]
        torch._foreach_lerp_([old for old, _ in pairs], [new for _, new in pairs], weight)

    return AveragedModel(model, multi_avg_fn=follow)
