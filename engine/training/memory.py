"""What fits into a device's memory, found by trying."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch


def largest_fitting(size: int, attempt: Callable[[int], None]) -> int:
    """The largest of size/2, size/4, … 2 for which `attempt` raises no `torch.OutOfMemoryError`; 0 where none does."""
    while size > 2:
        size //= 2
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            attempt(size)
        except torch.OutOfMemoryError:
            continue
        return size
    return 0
