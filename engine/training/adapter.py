"""LoRA: train small matrices beside frozen ones, and merge them at the end (Hu et al. 2021)."""

from __future__ import annotations

import warnings
from typing import Any

from engine.text.special_tokens import resolve
from store.errors import BadInput


def add_adapter(model: Any, rank: int, alpha: int) -> Any:
    """Freeze a sentence-transformers model but for new matrices of this rank and the rows of our markers.

    The markers start untrained in most vocabularies, so their rows are trained whole. Returns what `merge` takes.
    `BadInput` where peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise BadInput("lora-rank needs peft. Run `pip install 'st5[lora]'`, or set lora-rank=0.") from None
    core = model[0].auto_model
    tags = resolve(model.tokenizer)
    names = [tags.sequence_start, tags.item_start, tags.item_end, tags.sequence_end]
    settings = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules="all-linear",
        trainable_token_indices=model.tokenizer.convert_tokens_to_ids(names),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for what it has renamed
        adapted = get_peft_model(core, settings)  # puts its matrices into `core` itself
    for module in list(model)[1:]:
        module.requires_grad_(False)
    return adapted


def merge(adapted: Any) -> None:
    """Add the trained matrices to the frozen ones; the model then is a plain one again."""
    adapted.merge_and_unload()
