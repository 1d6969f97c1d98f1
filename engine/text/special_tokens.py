"""The four marker tokens that tell a model where a history and its items begin and end (thesis 4.1.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# Families of tokenizers that keep unused ids for such markers; the others get four tokens of their own.
_T5 = ("<extra_id_0>", "<extra_id_1>", "<extra_id_2>", "<extra_id_3>")
_BERT = ("[unused1]", "[unused2]", "[unused3]", "[unused4]")
_ADDED = ("[SEQ_START]", "[ITEM_START]", "[ITEM_END]", "[SEQ_END]")


@dataclass(frozen=True)
class SpecialTokens:
    """The markers as text. `added` says that the tokenizer had none to spare, so the model grew by four rows."""

    sequence_start: str
    item_start: str
    item_end: str
    sequence_end: str
    added: bool


def resolve(tokenizer: Any) -> SpecialTokens:
    """The markers of this tokenizer, made known to it as single tokens (a Hugging Face tokenizer, changed in place)."""
    vocabulary = tokenizer.get_vocab()
    for family in (_T5, _BERT):
        if all(token in vocabulary for token in family):
            # T5's are special tokens already; BERT's are in the vocabulary but would be cut into pieces.
            tokenizer.add_tokens(list(family), special_tokens=True)
            return SpecialTokens(*family, added=False)
    tokenizer.add_tokens(list(_ADDED), special_tokens=True)
    return SpecialTokens(*_ADDED, added=True)


class Neutraliser:
    """Takes the special meaning from text of data: a title that says `[SEP]` or `<extra_id_3>` is only a title."""

    def __init__(self, tokenizer: Any) -> None:
        tokens = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, tokens))) if tokens else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        while self._pattern.search(text):  # taking one away may join the halves of another
            text = self._pattern.sub(lambda match: " " + re.sub(r"[\W_]+", " ", match[0]).strip() + " ", text)
        return text
