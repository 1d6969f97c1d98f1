"""A tokenizer read straight from its file, for questions that should not wait for a large library to be imported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer


class PlainTokenizer:
    """The part of a Hugging Face tokenizer that Renderer and Encoder use, with the same answers.

    folder: one that st5 saved, with tokenizer.json and tokenizer_config.json.
    """

    is_fast = True

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        self.backend_tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.backend_tokenizer.no_truncation()
        self.backend_tokenizer.no_padding()
        self.model_max_length = int(settings.get("model_max_length", 0))  # 0 where it is not said
        pad = settings.get("pad_token")
        self.pad_token_id = None if pad is None else self.backend_tokenizer.token_to_id(_content(pad))

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()

    def __call__(
        self, texts: str | list[str], *, add_special_tokens: bool, return_offsets_mapping: bool = False, **_: object
    ) -> dict[str, list[Any]]:
        """Token ids, and with `return_offsets_mapping` the characters of each; never cut, never padded."""
        batch = [texts] if isinstance(texts, str) else texts
        found = self.backend_tokenizer.encode_batch(batch, add_special_tokens=add_special_tokens)
        answer: dict[str, list[Any]] = {"input_ids": [each.ids for each in found]}
        if return_offsets_mapping:
            answer["offset_mapping"] = [each.offsets for each in found]
        return {name: rows[0] for name, rows in answer.items()} if isinstance(texts, str) else answer

    def num_special_tokens_to_add(self, *, pair: bool) -> int:
        return self.backend_tokenizer.num_special_tokens_to_add(pair)

    def get_vocab(self) -> dict[str, int]:
        return self.backend_tokenizer.get_vocab(with_added_tokens=True)

    def get_added_vocab(self) -> dict[str, int]:
        added = self.backend_tokenizer.get_added_tokens_decoder()
        return {token.content: number for number, token in added.items()}

    def add_tokens(self, tokens: Sequence[str], *, special_tokens: bool) -> int:
        added = [AddedToken(token, special=special_tokens, normalized=not special_tokens) for token in tokens]
        if special_tokens:
            return self.backend_tokenizer.add_special_tokens(added)
        return self.backend_tokenizer.add_tokens(added)


def _content(token: str | dict[str, Any]) -> str:
    return token if isinstance(token, str) else token["content"]
