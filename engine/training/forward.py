"""From texts to vectors with gradient: each distinct text once, in micro-batches of like length.

`embed` keeps the whole batch's activations until backward; `cached` keeps one micro-batch's and computes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from sentence_transformers.base.losses.gradcache import RandContext
from torch import Tensor

from engine.encoding.batching import token_batches

# Tokens that go through the model at once in training, padding included. Measured on two cores with MiniLM, fp32,
# batches of 32 and 64 pairs: 1,024 and 2,048 within 11 % of each other, 4,096 up to 1.4 × and 8,192 1.7 × (they leave
# the cache). Those of mps and cuda are guesses that no device has measured: few enough that 64 histories of 256 tokens
# and 64 items of 32 do not share a batch, which would compute 1.8 tokens for each real one.
MICRO_TOKENS = {"cpu": 1_024, "mps": 16_384, "cuda": 16_384}

Features = dict[str, Tensor]


class TokenTexts(Protocol):
    """Token ids by row: a list of int32 arrays, or `Texts`."""

    def __getitem__(self, row: int, /) -> np.ndarray: ...


def micro_batches(lengths: np.ndarray, micro_tokens: int) -> list[np.ndarray]:
    """Rows (int64) grouped so that rows × longest ≤ `micro_tokens`, longest first; a longer row stands alone."""
    return list(token_batches(lengths, micro_tokens))


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """While inside, the model is in evaluation mode, without dropout."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def embed(
    model: Any, texts: TokenTexts, rows: np.ndarray, *, pad_id: int, device: torch.device, micro_tokens: int = 0
) -> Tensor:
    """The vectors of `texts[row]` for each of `rows` (int [N], repeats allowed), fp32 [N, D], with gradient.

    `model` is a SentenceTransformer, or its DDP wrapper, which synchronises in the last micro-batch only.
    `micro_tokens`: see `MICRO_TOKENS`; 0 takes what suits the device. A text must not be longer than the model reads.
    """
    parts, order = _parts(texts, rows, pad_id, device, micro_tokens)
    vectors = []
    for number, features in enumerate(parts):
        with _synchronised(model, number == len(parts) - 1):
            vectors.append(_vectors(model, features))
    return torch.cat(vectors)[order]


def cached(
    model: Any,
    texts: TokenTexts,
    rows: np.ndarray,
    objective: Callable[[Tensor], Tensor],
    *,
    pad_id: int,
    device: torch.device,
    micro_tokens: int = 0,
) -> Tensor:
    """`objective(embed(model, texts, rows, …))` in the memory of one micro-batch, up to rounding, gradient included.

    Gradient caching (Gao et al. 2021): vectors first, without graph; then the objective's gradient with respect to
    them; then, when the result's `.backward()` is called, each micro-batch again, under the autocast state and the
    random state (dropout) that it had, with its part of that gradient. The result is a scalar that stands for itself:
    it may be divided or scaled before `.backward()`, not differentiated twice.
    """
    parts, order = _parts(texts, rows, pad_id, device, micro_tokens)
    one_is_all = len(parts) == 1 and not hasattr(model, "no_sync")  # processes must agree on the order of collectives
    if one_is_all or not torch.is_grad_enabled():
        return objective(torch.cat([_vectors(model, features) for features in parts])[order])

    states: list[RandContext] = []
    vectors: list[Tensor] = []
    with torch.no_grad():
        for features in parts:
            states.append(RandContext(*features.values()))
            vectors.append(_vectors(model, features))
    # Weights that autocast rounded without a graph must not serve graphs later: they would get no gradient. Torch 2.13
    # sees to that by itself; nothing promises it for the versions before.
    torch.clear_autocast_cache()
    leaves = [part.requires_grad_() for part in vectors]
    value = objective(torch.cat(leaves)[order])
    gradients = torch.autograd.grad(value, leaves)
    autocast = _autocast_again(device)

    def replay(incoming: Tensor) -> None:
        for number, (features, state, gradient) in enumerate(zip(parts, states, gradients, strict=True)):
            with _synchronised(model, number == len(parts) - 1), torch.enable_grad():
                with state, autocast():
                    again = _vectors(model, features)
                again.backward(gradient * incoming)

    result = value.detach().requires_grad_()
    result.register_hook(replay)
    return result


def _parts(
    texts: TokenTexts, rows: np.ndarray, pad_id: int, device: torch.device, micro_tokens: int
) -> tuple[list[Features], Tensor]:
    """The micro-batches of the distinct texts, and for each of `rows` its place among their vectors (int64 [N])."""
    distinct, inverse = np.unique(rows, return_inverse=True)
    ids = [texts[int(row)] for row in distinct]
    batches = micro_batches(np.array([len(text) for text in ids]), micro_tokens or MICRO_TOKENS[device.type])
    place = np.empty(len(distinct), dtype=np.int64)
    place[np.concatenate(batches)] = np.arange(len(distinct))
    return list(_padded(ids, batches, pad_id, device)), torch.from_numpy(place[inverse.ravel()]).to(device)


def _padded(ids: list[np.ndarray], batches: list[np.ndarray], pad_id: int, device: torch.device) -> Iterator[Features]:
    for batch in batches:
        lengths = np.array([len(ids[number]) for number in batch])
        mask = np.arange(lengths.max()) < lengths[:, None]  # [B, L]
        padded = np.full(mask.shape, pad_id, dtype=np.int64)
        padded[mask] = np.concatenate([ids[number] for number in batch])
        yield {
            "input_ids": torch.from_numpy(padded).to(device, non_blocking=True),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)).to(device, non_blocking=True),
        }


def _vectors(model: Any, features: Features) -> Tensor:
    # A copy of the dict, since modules write into it.
    vectors: Tensor = model(dict(features))["sentence_embedding"]
    return vectors.to(torch.promote_types(vectors.dtype, torch.float32))


def _synchronised(model: Any, last: bool) -> AbstractContextManager[Any]:
    """Processes may have unequal numbers of micro-batches: only the last one may wait for the others."""
    return nullcontext() if last or not hasattr(model, "no_sync") else model.no_sync()


def _autocast_again(device: torch.device) -> Callable[[], torch.autocast]:
    """What enters the autocast state of now, at a time when the caller's context is gone."""
    enabled, dtype = torch.is_autocast_enabled(device.type), torch.get_autocast_dtype(device.type)
    return lambda: torch.autocast(device.type, dtype=dtype, enabled=enabled)
