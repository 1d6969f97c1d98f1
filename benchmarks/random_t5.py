"""A T5 encoder of sentence-t5-base's shape (or a tiny one) with random weights, and a tokenizer of whole words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SPECIAL = ("<pad>", "</s>", "<unk>", *(f"<extra_id_{number}>" for number in range(4)))
SHAPES = {
    True: {"vocab_size": 32_128, "d_model": 768, "d_kv": 64, "d_ff": 3_072, "num_layers": 12, "num_heads": 12},
    False: {"vocab_size": 512, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4},
}


def make_random_t5(folder: Path, length: int, *, base: bool) -> tuple[int, int, str]:
    """The first id that is a word (`w<id>`), the size of the vocabulary, and the folder of the model.

    Words are looked up whole, which is faster than T5's own tokenizer: tokenising at every step looks better
    here than on real text.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    shape: dict[str, Any] = SHAPES[base]
    words = [*SPECIAL, *(f"w{number}" for number in range(len(SPECIAL), shape["vocab_size"]))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    named = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=length, **named)
    torch.manual_seed(0)
    core = T5EncoderModel(T5Config(**shape, pad_token_id=0, eos_token_id=1))
    core.save_pretrained(folder / "raw")
    fast.save_pretrained(folder / "raw")
    width = shape["d_model"]
    layers = [
        Transformer(str(folder / "raw"), max_seq_length=length),
        Pooling(width, pooling_mode="mean"),
        Dense(width, width, bias=False, activation_function=torch.nn.Identity()),
        Normalize(),
    ]
    model = SentenceTransformer(modules=layers, device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return len(SPECIAL), shape["vocab_size"], str(folder / "model")
