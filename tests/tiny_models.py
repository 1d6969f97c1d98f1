"""Small random models in the layouts that the program meets: no weights, no hub, a second to make."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "Title: Big Hero 6 (Blu-ray+DVD+Digital HD)",
    "Title: Organic Sweet Almond Oil and Fractionated Coconut Oil Bundle for Hair and Skin, 16 fl. Oz X 2",
    "A user has purchased a sequence of items ordered in chronological order. Each item in the sequence is",
    'represented as "Title: <item title>". The following sentence represents the user history:',
    "Description: description not available",
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 ,.:;!?()[]<>&%$#@*+-/'\"",
]


def make_tiny_t5(folder: Path, length: int = 64, dropout: float = 0.1) -> Path:
    """T5's kind of tokenizer (Unigram, Metaspace, `<extra_id_N>`) under a random T5 encoder with mean pooling."""
    from transformers import T5Config, T5EncoderModel

    markers = [f"<extra_id_{n}>" for n in range(4)]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>", *markers]
    tokenizer.train_from_iterator(
        CORPUS * 3,
        trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
        pad_token_id=tokenizer.token_to_id("<pad>"), eos_token_id=tokenizer.token_to_id("</s>"),
        decoder_start_token_id=0, dropout_rate=dropout,
    )  # fmt: skip
    named = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return _save(T5EncoderModel(config), tokenizer, named, folder, length)


def make_tiny_roberta(folder: Path, length: int = 64) -> Path:
    """A byte-level tokenizer without tokens to spare, under a random RoBERTa."""
    from transformers import RobertaConfig, RobertaModel

    tokenizer, named = byte_level_tokenizer()
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=length + 4, pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return _save(RobertaModel(config, add_pooling_layer=False), tokenizer, named, folder, length)


def make_tiny_bert(folder: Path, length: int = 64, pooling: str = "mean") -> Path:
    """A WordPiece tokenizer with `[unused…]` tokens under a random BERT, as MiniLM, BGE and E5 are made."""
    from transformers import BertConfig, BertModel

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    unused = [f"[unused{n}]" for n in range(6)]
    tokenizer.train_from_iterator(
        [*CORPUS * 3, "query: passage:"],
        trainers.WordPieceTrainer(vocab_size=300, special_tokens=[*special, *unused], show_progress=False),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )  # fmt: skip
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=length,
    )  # fmt: skip
    named = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]",
             "mask_token": "[MASK]"}  # fmt: skip
    return _save(BertModel(config), tokenizer, named, folder, length, pooling)


def make_tiny_positions(folder: Path, family: str, rows: int) -> Path:
    """A random model of a family (`bert`, `roberta`, `mpnet`, …) with so many rows of positions and no length said."""
    from transformers import AutoConfig, AutoModel

    tokenizer, named = byte_level_tokenizer()
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if family == "distilbert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    if family == "longformer":
        sizes["attention_window"] = 16
    config = AutoConfig.for_model(
        family, vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=rows, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, **sizes,
    )  # fmt: skip
    return _save(AutoModel.from_config(config), tokenizer, named, folder, None)


def make_tiny_decoder(folder: Path, family: str, length: int = 64) -> Path:
    """A random decoder (`gpt2`, `llama`, `qwen2`) whose last token stands for the text; it pads left, with no token."""
    from transformers import AutoConfig, AutoModel

    tokenizer, _ = byte_level_tokenizer(end_only=True)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
             "num_key_value_heads": 2, "max_position_embeddings": length}  # fmt: skip
    if family == "gpt2":
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": length}
    config = AutoConfig.for_model(
        family, vocab_size=tokenizer.get_vocab_size(), bos_token_id=None, eos_token_id=2, pad_token_id=None, **sizes
    )
    named = {"eos_token": "</s>", "padding_side": "left"}
    return _save(AutoModel.from_config(config), tokenizer, named, folder, length, "lasttoken")


def byte_level_tokenizer(*, end_only: bool = False) -> tuple[Tokenizer, dict[str, str]]:
    """RoBERTa's kind of tokenizer and its named tokens; with `end_only`, texts get an end token and no beginning."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS * 3,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    begin = "" if end_only else "<s> "
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin}$A </s>", pair=f"{begin}$A </s> $B </s>",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")],
    )  # fmt: skip
    named = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return tokenizer, named


def _save(
    core: torch.nn.Module,
    tokenizer: Tokenizer,
    named: dict[str, str],
    folder: Path,
    length: int | None,
    pooling: str = "mean",
) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import PreTrainedTokenizerFast

    known = {"model_max_length": length} if length else {}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **known, **named)
    raw = folder / "raw"
    core.save_pretrained(raw)
    fast.save_pretrained(raw)
    transformer = Transformer(str(raw), max_seq_length=length)
    model = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode=pooling), Normalize()], device="cpu")
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"
