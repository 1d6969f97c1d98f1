"""What a model must answer to be ranked: approximate scores of a block, a bound on their error, exact scores of pairs.

Candidates, masks, ties and slices are no concern of a scorer, so no model can be measured under rules of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from engine.ranking import scan
from store.errors import BadInput

UNIT = 2.0**-24  # unit roundoff of fp32
SMALLEST = 2.0**-126  # smallest normal fp32: what a product that flushes to zero may lose
LARGEST = 1e37  # products of norms above it could overflow fp32 on the way
CHECKED_ROWS = 16_384  # vectors measured at a time: 50 MB in fp64 at 384 dimensions


@runtime_checkable
class Scorer(Protocol):
    """Scores of `events` histories against `items` candidates; called from several threads at once.

    For every event e and item i: |block[e, i] − exact(e, i)| ≤ margin[e]. Scores are finite.
    """

    events: int
    items: int

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """Fill `out` (float32 [E, I], rows may be strided) with scores, and return it."""
        ...

    def margin(self, events: slice) -> np.ndarray:
        """The proven bound on |block − exact| per event, float64 [E]; 0 says that blocks are exact."""
        ...

    def largest(self, events: slice) -> np.ndarray:
        """What no |score| of an event is above, float64 [E]."""
        ...

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """Canonical scores (float32 [N]) of pairs (int64 [N], int32 [N]): the same bits whenever asked."""
        ...


@runtime_checkable
class TensorScorer(Scorer, Protocol):
    """A scorer whose blocks can also be made, and stay, on an accelerator, with the same bound and exact bits."""

    def tensor_block(self, events: slice, items: slice, device: torch.device) -> torch.Tensor:
        """Scores float32 [E, I] on the device."""
        ...

    def tensor_exact(self, event_rows: torch.Tensor, item_ids: torch.Tensor) -> torch.Tensor:
        """Canonical scores float32 [N] of pairs (int64 [N] each), bit-equal to `exact`."""
        ...


class VectorScorer:
    """Scores are dot products of stored vectors.

    queries float32 [E, D], items float32 [I, D]; vectors of length 1 make it the cosine of thesis eq. 3.2.
    last-item has item vectors as queries.
    The arrays are used in place, not copied, where they are contiguous float32.
    """

    def __init__(self, queries: np.ndarray, items: np.ndarray, *, longest: float | None = None) -> None:
        """Measure the vectors; BadInput where shapes differ or an entry is NaN, infinite or too large for fp32.

        longest: what an earlier scorer of the same items found (its `longest`), so that they are not measured again.
        """
        if queries.ndim != 2 or items.ndim != 2 or queries.shape[1] != items.shape[1] or not queries.shape[1]:
            raise BadInput(
                f"Queries of shape {queries.shape} and items of shape {items.shape} cannot be compared. "
                "Both must be [rows, D] with the same D ≥ 1: encode both with one model."
            )
        self.queries = np.ascontiguousarray(queries, np.float32)
        self.vectors = np.ascontiguousarray(items, np.float32)
        self.events, self.items, self.width = len(queries), len(items), queries.shape[1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # arrays out of the store are read-only, and are only read here
            self._queries = torch.from_numpy(self.queries)
            self._items = torch.from_numpy(self.vectors)
        query_norms = _norms(self._queries, "query")
        item_norm = float(_norms(self._items, "item").max(initial=0.0)) if longest is None else longest
        self.longest = item_norm
        if float(query_norms.max(initial=0.0)) * item_norm > LARGEST:
            raise BadInput(
                f"The longest query ({query_norms.max():g}) times the longest item vector ({item_norm:g}) exceeds "
                f"{LARGEST:g}: fp32 scores could overflow. Normalise or scale the vectors."
            )
        self._margins = _bound(self.width, query_norms, item_norm)
        self._largest = query_norms * item_norm * (1 + 1e-6)  # the factor covers the rounding of the score
        self._placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """out = queries @ items.T  # [E, D] · [I, D]ᵀ -> [E, I]"""
        _product(self._queries[events], self._items[items], torch.from_numpy(out))
        return out

    def margin(self, events: slice) -> np.ndarray:
        """γ_D·‖a‖·max‖b‖ and the rounding to fp32, for any order of summation.

        Source: Higham, Accuracy and Stability of Numerical Algorithms, §3.1.
        """
        return self._margins[events]

    def largest(self, events: slice) -> np.ndarray:
        """‖a‖·max‖b‖: no |score| of an event is above it, float64 [E]."""
        return self._largest[events]

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """Canonical scores of pairs: see `engine.ranking.scan.canonical`."""
        out = np.empty(len(event_rows), np.float32)
        rows, ids = event_rows.astype(np.int64, copy=False), item_ids.astype(np.int32, copy=False)
        scan.canonical(self.queries, self.vectors, rows, ids, out)
        return out

    def tensor_block(self, events: slice, items: slice, device: torch.device) -> torch.Tensor:
        """queries @ items.T on the device  # [E, D] · [I, D]ᵀ -> [E, I]"""
        queries, vectors = self._on(device)
        queries, vectors = queries[events], vectors[items]
        out = torch.empty(len(queries), len(vectors), device=device)
        _product(queries, vectors, out)
        return out

    def tensor_exact(self, event_rows: torch.Tensor, item_ids: torch.Tensor) -> torch.Tensor:
        """Canonical scores of pairs: the steps of `engine.ranking.scan.canonical`, element-wise on tensors."""
        queries, vectors = self._on(event_rows.device)
        half = 1
        while half < self.width:
            half *= 2
        fold = queries.new_zeros(len(event_rows), half, dtype=torch.float64)
        fold[:, : self.width] = queries[event_rows].double() * vectors[item_ids].double()
        while half > 1:
            half //= 2
            fold = fold[:, :half] + fold[:, half:]
        return fold[:, 0].float() + 0.0  # −0 becomes 0

    def _on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if device not in self._placed:
            self._placed[device] = (self._queries.to(device), self._items.to(device))
        return self._placed[device]


@contextmanager
def full_precision() -> Iterator[None]:
    """Hold matrix products to IEEE fp32: without it a trainer's TF32 or bf16 setting would break every margin."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _product(queries: torch.Tensor, vectors: torch.Tensor, out: torch.Tensor) -> None:
    if queries.shape[1] == 1:  # one IEEE product per score is exact, whatever a BLAS would do with it
        torch.mul(queries, vectors.T, out=out)
    else:
        torch.mm(queries, vectors.T, out=out)


def _norms(vectors: torch.Tensor, kind: str) -> np.ndarray:
    """Euclidean norms float64 [rows] of float32 [rows, D]; BadInput names the first row that is not finite."""
    norms = np.empty(len(vectors), np.float64)
    for start in range(0, len(vectors), CHECKED_ROWS):
        part = vectors[start : start + CHECKED_ROWS]
        norms[start : start + CHECKED_ROWS] = torch.linalg.vector_norm(part, dim=1, dtype=torch.float64).numpy()
    wrong = np.flatnonzero(~np.isfinite(norms))
    if len(wrong):
        raise BadInput(
            f"The vector of {kind} {wrong[0]} has an entry that is NaN or infinite ({len(wrong)} such vectors). "
            "Scores must be finite: encode these texts again, or train with a lower learning rate."
        )
    return norms


def _bound(width: int, query_norms: np.ndarray, item_norm: float) -> np.ndarray:
    if width == 1:
        return np.zeros(len(query_norms), np.float64)
    gamma = width * UNIT / (1 - width * UNIT)
    rounding = (gamma + 2 * UNIT) * query_norms * item_norm * (1 + 1e-9)  # the last factor covers this fp64 line
    return rounding + 4 * width * SMALLEST * (1 + query_norms) * (1 + item_norm)
