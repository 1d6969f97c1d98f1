"""A sentence encoder: any sentence-transformers folder or hub name, read in token batches."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.encoding.backbone import fetch_folder
from engine.encoding.batching import token_batches
from engine.encoding.bert import open_bert
from engine.encoding.device import Precision, choose_device, device_name, fast_precision
from engine.encoding.model_folder import KINDS, ModelFolder
from engine.loading import loading
from engine.text.prompts import Prompts
from engine.text.sentences import Renderer, Sentence, Template
from engine.text.special_tokens import resolve
from store.arrays import content_hash
from store.errors import BadInput, Failed

# Tokens in one batch, padding included. On a CPU a batch should stay in a core's cache (measured with a batch a core:
# 1,024 and 2,048 alike, 512 and 4,096 slower); a GPU wants enough to be busy.
TOKENS_PER_BATCH = {"cpu": 1_024, "mps": 16_384, "cuda": 131_072}


class Encoder:
    """Turns sentences into unit vectors, float32 [N, D].

    `weights_hash`, `tokenizer_hash` and `name` are content hashes: the first of weights, modules and prompts; `name`
    also covers length and precision, so equal names mean equal vectors.
    """

    def __init__(
        self, model: Any, source: str, device: torch.device, precision: Precision, prompts: Prompts = Prompts()
    ) -> None:
        self.model = model
        self.source = source
        self.device = device
        self.precision = precision
        self.prompts = prompts
        self.tokenizer = model.tokenizer
        self.length = int(model.max_seq_length)
        self.dimension = int(model.get_embedding_dimension())
        self._layers = list(model)
        self._hash_before_rounding = ""
        if precision is Precision.BF16:
            self._hash_before_rounding = _weights_hash(model, prompts)
            self._layers = _half_precision(model)

    @cached_property
    def weights_hash(self) -> str:
        return self._hash_before_rounding or _weights_hash(self.model, self.prompts)

    @cached_property
    def tokenizer_hash(self) -> str:
        return _tokenizer_hash(self.tokenizer)

    @cached_property
    def name(self) -> str:
        return encoder_name(self.weights_hash, self.tokenizer_hash, self.length, self.precision)

    def renderer(self, template: Template) -> Renderer:
        """The renderer whose sentences fit this encoder exactly."""
        return Renderer(self.tokenizer, self.length, template, self.prompts)

    @property
    def device_name(self) -> str:
        return f"{device_name(self.device)}, {self.precision}"

    def encode(
        self, sentences: Sequence[Sentence], tokens_per_batch: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches of (rows int64 [B], vectors float32 [B, D]), longest sentences first, each row once.

        `Failed` names the first sentence whose vector is not finite.
        """
        lengths = np.array([len(sentence.ids) for sentence in sentences])
        budget = tokens_per_batch or TOKENS_PER_BATCH[self.device.type]
        for rows, vectors in self._computed(sentences, token_batches(lengths, budget)):
            if not np.isfinite(vectors).all():
                bad = int(rows[~np.isfinite(vectors).all(axis=1)][0])
                raise Failed(
                    f"{self.source} gives numbers that are not finite for «{sentences[bad].text[:200]}». "
                    "Nothing of this batch was stored. Check the weights, or try --precision fp32."
                )
            yield rows, vectors

    def _computed(
        self, sentences: Sequence[Sentence], batches: Iterator[np.ndarray]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each batch with its vectors, in order. On a CPU every core works on a batch of its own: batches that fit
        its cache are too small to be divided, and cores that wait for each other suffer when others use the machine."""

        def compute(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return rows, self._forward([sentences[row].ids for row in rows])

        if self.device.type != "cpu":
            yield from map(compute, batches)
            return
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(threads, "encode", initializer=torch.set_num_threads, initargs=(1,))
        running: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
        try:
            for rows in batches:
                running.append(pool.submit(compute, rows))
                if len(running) > 2 * threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(threads)  # a worker's 1 would otherwise become the default of threads to come

    def encode_all(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """All vectors at once, float32 [N, D], in the order of the sentences."""
        result = np.empty((len(sentences), self.dimension), dtype=np.float32)
        for rows, vectors in self.encode(sentences):
            result[rows] = vectors
        return result

    def save(self, folder: Path) -> None:
        """Write the model as a folder that plain `SentenceTransformer(folder)` opens, markers and prompts included."""
        self.model.prompts = {"query": self.prompts.history, "document": self.prompts.item}
        self.model.save_pretrained(str(folder), safe_serialization=True, create_model_card=False)

    def _forward(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        longest = max(map(len, ids))
        padded = np.full((len(ids), longest), self.tokenizer.pad_token_id or 0, dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.int64)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        features: dict[str, Any] = {
            "input_ids": torch.from_numpy(padded).to(self.device, non_blocking=True),
            "attention_mask": torch.from_numpy(mask).to(self.device, non_blocking=True),
        }
        with torch.inference_mode():
            try:
                for layer in self._layers:
                    features = layer(features)
                    if "token_embeddings" in features:
                        features["token_embeddings"] = features["token_embeddings"].float()
            except torch.OutOfMemoryError:
                raise
            except (LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise Failed(
                    f"{self.source} cannot encode a sentence of {longest} tokens (it says it reads {self.length}): "
                    f"{first} Check the sizes in its configs, or take another backbone."
                ) from error
            vectors = torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=1)
        return vectors.cpu().numpy()


def encoder_name(weights_hash: str, tokenizer_hash: str, length: int, precision: str) -> str:
    """The name under which vectors are stored: the hash of all that decides them but the sentence."""
    return content_hash(weights_hash, tokenizer_hash, str(length), precision)


def load(
    source: str, *, pooling: str = "", device: str = "auto", precision: str = "auto", prompts: Prompts | None = None
) -> Encoder:
    """Open a sentence-transformers folder, or a name of the hub, with float32 weights and our markers.

    pooling: "cls" or "mean" for a plain transformers model, which does not say how it pools. prompts: those to read
    with, None for those that the folder names. `BadInput` where it cannot be used (`read_model_folder`), or where the
    tokenizer is a slow one without offsets.
    """
    folder = fetch_folder(source, pooling)
    with loading("sentence_transformers"):
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()

    chosen = choose_device(device)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)  # weights that the files lack (an unused pooler) are the same whenever it is opened
            # It takes modules by name too, though its types say only a list.
            model = SentenceTransformer(modules=_modules(folder, pooling), device=str(chosen))  # type: ignore[arg-type]
    except torch.OutOfMemoryError as error:
        raise Failed(f"{device_name(chosen)} has too little memory for {source}. Use --device cpu.") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever files that are cut short or of another kind make the libraries raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(
            f'Backbone "{source}" cannot be opened: {first} Allowed: a sentence-transformers folder with modules.json, '
            "config.json, model.safetensors and tokenizer.json, or, where a hub can be reached, its name there."
        ) from error
    model.eval()
    if not getattr(model.tokenizer, "is_fast", False):
        raise BadInput(f'Backbone "{source}" has no fast tokenizer (tokenizer.json); st5 needs its token offsets.')
    model.max_seq_length = _length(model, source)
    _grow_for_tags(model)
    half = Precision(precision) if precision != "auto" else fast_precision(chosen)
    return Encoder(model, source, chosen, half, folder.prompts if prompts is None else prompts)


def load_stored(
    folder: Path, weights_hash: str, tokenizer_hash: str, *, device: str, precision: str, prompts: Prompts
) -> Encoder:
    """Open a folder that st5 saved, fast where its model is a plain BERT, and else as `load` does.

    The hashes are those of the model's row; that they are the encoder's is for the caller to check.
    """
    chosen = choose_device(device)
    half = Precision(precision) if precision != "auto" else fast_precision(chosen)
    model = open_bert(folder, chosen)
    if model is not None:
        fast = Encoder(model, str(folder), chosen, half, prompts)
        if (fast.weights_hash, fast.tokenizer_hash) == (weights_hash, tokenizer_hash):
            return fast
    return load(str(folder), device=device, precision=precision, prompts=prompts)


def _modules(folder: ModelFolder, pooling: str) -> OrderedDict[str, torch.nn.Module]:
    """The modules of a checked folder by name. Their classes are those named here, never imported by a name in it."""
    from sentence_transformers.sentence_transformer import modules as own

    settings = {"dtype": torch.float32, "use_safetensors": True}
    path = str(folder.path)
    if not folder.modules:
        core = own.Transformer(path, model_kwargs=settings)
        return OrderedDict({"0": core, "1": own.Pooling(core.get_embedding_dimension(), pooling_mode=pooling)})
    classes = (own.Transformer, own.Pooling, own.Dense, own.LayerNorm, own.Dropout, own.Normalize)
    by_kind: dict[str, Any] = dict(zip(KINDS, classes, strict=True))
    return OrderedDict(
        (
            entry.name,
            by_kind[entry.kind].load(
                path, subfolder=entry.path, local_files_only=True, trust_remote_code=False, model_kwargs=dict(settings)
            ),
        )
        for entry in folder.modules
    )


def _length(model: Any, source: str) -> int:
    """How many tokens the model reads: what its tokenizer and its config say, as far as it has positions."""
    core = model[0].auto_model
    said = [model.max_seq_length, getattr(core.config, "max_position_embeddings", None), _positions(core)]
    known = [int(length) for length in said if length and 0 < length < 1_000_000]  # tokenizers say 10^30 for unknown
    if not known:
        raise BadInput(
            f'Backbone "{source}" does not say how many tokens it reads. Write it into its tokenizer_config.json, for '
            'example "model_max_length": 256.'
        )
    return min(known)


def _positions(core: torch.nn.Module) -> int:
    """The rows of a learned table of positions that tokens can have, 0 without one.

    RoBERTa and its kin (MPNet, XLM-R, CamemBERT, Longformer, ESM) number positions from the row after the pad token's.
    """
    usable = []
    for module in core.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, torch.nn.Embedding):
            pad = table.padding_idx if table.padding_idx is not None else getattr(module, "padding_idx", None)
            usable.append(table.num_embeddings - (pad + 1 if isinstance(pad, int) else 0))
    return min(usable, default=0)


def _grow_for_tags(model: Any) -> None:
    """Give markers that the vocabulary lacked a row each: the mean of all rows, so that they start neutral."""
    tags = resolve(model.tokenizer)
    core = model[0].auto_model
    table = core.get_input_embeddings().weight
    if not tags.added or len(model.tokenizer) <= len(table):
        return
    mean = table.detach().mean(dim=0)
    old = len(table)
    core.resize_token_embeddings(len(model.tokenizer), mean_resizing=False)
    with torch.no_grad():
        core.get_input_embeddings().weight[old:] = mean


def _half_precision(model: Any) -> list[torch.nn.Module]:
    """The modules with a bf16 transformer; pooling and what follows stay in fp32, where sums need the digits."""
    layers = list(model)
    layers[0] = layers[0].to(torch.bfloat16)
    return layers


def _weights_hash(model: Any, prompts: Prompts) -> str:
    parts: list[bytes | str] = []
    for name, tensor in sorted(model.state_dict().items()):
        parts += [name, str(tuple(tensor.shape)), tensor.detach().float().cpu().contiguous().numpy().tobytes()]
    for module in model:
        settings = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
        parts += [type(module).__name__, json.dumps(settings, sort_keys=True, default=str)]
    if prompts:
        parts += [json.dumps(prompts.document(), sort_keys=True)]
    return content_hash(*parts)


def _tokenizer_hash(tokenizer: Any) -> str:
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    for passing in ("truncation", "padding"):  # set anew by every caller; we use neither
        settings.pop(passing, None)
    return content_hash(json.dumps(settings, sort_keys=True, ensure_ascii=False))
