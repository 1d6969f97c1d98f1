"""A BERT of the workspace (MiniLM, BGE, E5) in plain torch, read straight from its folder.

The libraries that train it take several seconds of a processor to import, which a single question should not wait for.
It gives the same vectors up to rounding, which a test holds. What decides them is checked by content, as Encoder hashes
it; a folder that this module does not know in full is left to the libraries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.encoding.model_folder import WEIGHTS, read_model_folder
from engine.text.plain_tokenizer import PlainTokenizer

KNOWN = {"model_type": "bert", "hidden_act": "gelu", "is_decoder": False, "add_cross_attention": False}
READER = {  # what a plain text model says in sentence_bert_config.json
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
NORMALIZED = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
Features = dict[str, Tensor]


class Transformer:
    """Token ids [B, L] to token vectors [B, L, D], as transformers' BertModel computes them when it is not training.

    weights: those of the folder, by their names there.
    """

    def __init__(self, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._epsilon: float = config["layer_norm_eps"]
        self.weights = weights

    def get_config_dict(self) -> dict[str, Any]:
        return READER

    def to(self, dtype: torch.dtype) -> Transformer:
        """In another precision, in place, as modules of torch do."""
        self.weights = {name: tensor.to(dtype) for name, tensor in self.weights.items()}
        return self

    def __call__(self, features: Features) -> Features:
        ids, mask = features["input_ids"], features["attention_mask"].bool()
        attended = None if bool(mask.all()) else mask[:, None, None, :]  # [B, 1, 1, L]
        words, kinds, positions = (
            self.weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "token_type", "position")
        )
        x = self._normed("embeddings.LayerNorm", words[ids] + kinds[0] + positions[: ids.shape[1]])
        for number in range(self._layers):
            layer = f"encoder.layer.{number}"
            x = self._normed(f"{layer}.attention.output.LayerNorm", self._attention(layer, x, attended) + x)
            inner = functional.gelu(self._linear(f"{layer}.intermediate.dense", x))
            x = self._normed(f"{layer}.output.LayerNorm", self._linear(f"{layer}.output.dense", inner) + x)
        return {**features, "token_embeddings": x}

    def _attention(self, layer: str, x: Tensor, attended: Tensor | None) -> Tensor:
        query, key, value = (  # [B, heads, L, D / heads]
            self._linear(f"{layer}.attention.self.{name}", x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        return self._linear(f"{layer}.attention.output.dense", found.transpose(1, 2).flatten(2))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _normed(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, self._epsilon)


class Pooling:
    """The first token's vector, or the mean of all: [B, L, D] to [B, D]."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def get_config_dict(self) -> dict[str, Any]:
        return self._settings

    def __call__(self, features: Features) -> Features:
        tokens = features["token_embeddings"]
        if self._settings["pooling_mode"] == "cls":
            return {**features, "sentence_embedding": tokens[:, 0]}
        mask = features["attention_mask"].unsqueeze(-1).to(tokens.dtype)
        return {**features, "sentence_embedding": (tokens * mask).sum(dim=1) / mask.sum(dim=1)}


class Normalize:
    """Nothing: Encoder gives unit vectors in any case."""

    def get_config_dict(self) -> dict[str, Any]:
        return NORMALIZED

    def __call__(self, features: Features) -> Features:
        return features


class Bert:
    """The modules with their tokenizer, as far as Encoder asks a SentenceTransformer for them. It cannot be trained."""

    def __init__(self, modules: list[Any], tokenizer: Any, dimension: int) -> None:
        self._modules = modules
        self._dimension = dimension
        self.tokenizer = tokenizer
        self.max_seq_length = int(tokenizer.model_max_length)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules)

    def get_embedding_dimension(self) -> int:
        return self._dimension

    def state_dict(self) -> dict[str, Tensor]:
        """The weights by the names that they have in a SentenceTransformer."""
        return {f"0.model.{name}": tensor for name, tensor in self._modules[0].weights.items()}


def open_bert(folder: Path, device: torch.device) -> Bert | None:
    """The model of a folder that st5 saved; None where it holds anything that this module does not know."""
    from safetensors.torch import load_file

    modules = read_model_folder(folder, str(folder)).modules
    kinds = [entry.kind for entry in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0].path:
        return None
    config = json.loads((folder / "config.json").read_text())
    pooling = json.loads((folder / modules[1].path / "config.json").read_text())
    known = all(config.get(name) == value for name, value in KNOWN.items())
    if not known or config.get("position_embedding_type", "absolute") != "absolute":
        return None
    if pooling.get("pooling_mode") not in ("mean", "cls") or not (folder / WEIGHTS).exists():
        return None
    tokenizer = PlainTokenizer(folder)
    weights = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS, device=str(device)).items()}
    layers: list[Any] = [Transformer(config, weights), Pooling(pooling), *([Normalize()] if len(kinds) == 3 else [])]
    return Bert(layers, tokenizer, int(config["hidden_size"]))
