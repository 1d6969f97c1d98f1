"""Where the marker tokens start from, in a vocabulary that never used them."""

from __future__ import annotations

from typing import Any

import torch

from engine.text.special_tokens import resolve

TRAINED = "<extra_id_"  # T5 met these in pretraining


def start_as_separator(model: Any) -> bool:
    """Give the four markers the vector of the tokenizer's separator, in place; False where they have one of their own.

    BERT's `[unused1]` … were never trained: in a sentence they are noise, and all else has to be learned around them.
    A separator is what the backbone knows that comes nearest to what they mean. model: a SentenceTransformer.
    """
    tags = resolve(model.tokenizer)
    separator = model.tokenizer.sep_token_id
    if separator is None or tags.sequence_start.startswith(TRAINED):
        return False
    names = [tags.sequence_start, tags.item_start, tags.item_end, tags.sequence_end]
    table = model[0].auto_model.get_input_embeddings().weight
    with torch.no_grad():
        table[model.tokenizer.convert_tokens_to_ids(names)] = table[separator].clone()
    return True
