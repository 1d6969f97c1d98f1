"""What a model folder says of itself, read as data: nothing of it is imported, unpickled or loaded here.

A folder is checked whole before any library opens it, because a library may follow what the folder says: import a class
that it names, or unpickle its weights.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.text.prompts import Prompts
from store.errors import BadInput

MODULES, WEIGHTS, SHARDS = "modules.json", "model.safetensors", "model.safetensors.index.json"
ABOUT = "config_sentence_transformers.json"
KINDS = ("Transformer", "Pooling", "Dense", "LayerNorm", "Dropout", "Normalize")
WITH_WEIGHTS = ("Dense", "LayerNorm")
# Files of a transformers folder that may ask for code with "auto_map".
CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")
# The names that sentence-transformers gave to the settings of its first module, newest first.
READER_CONFIGS = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
# Files that a tokenizer may be read from. Only their beginnings are looked at: they are large.
TOKENIZER_FILES = (
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
# Settings that a folder may pass to the library as a text; other texts could name files or code elsewhere.
TEXT_SETTINGS = ("padding_side", "truncation_side", "dtype", "torch_dtype")
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
OWN_CLASS = re.compile(r"sentence_transformers(\.\w+)*\.(?P<kind>\w+)")
ACTIVATION = re.compile(r"torch\.nn(\.modules\.\w+)?\.\w+")
# Why a module that sentence-transformers ships is of no use here.
OF_NO_USE = {
    "StaticEmbedding": "a table of token vectors (model2vec) has no Transformer to read markers and histories with",
    "Router": "it sends queries and documents through different modules, and st5 encodes both with the same",
    "Asym": "it sends queries and documents through different modules, and st5 encodes both with the same",
    "CLIPModel": "it is made for pictures",
}
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
ERROR = re.compile(rb'\s*\{\s*"(error|errors|message|detail|status|statusCode|code)"\s*:')
HEAD = 1024  # bytes of a file that tell what it is


@dataclass(frozen=True)
class ModuleEntry:
    """One line of modules.json: a class of `KINDS`, the name of the module and its folder inside the model's."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True)
class ModelFolder:
    """A folder that passed every check. `modules` is empty for a plain transformers model."""

    path: Path
    modules: tuple[ModuleEntry, ...]
    prompts: Prompts


def read_model_folder(folder: Path, source: str) -> ModelFolder:
    """What the folder holds. `BadInput` names the file, what it is, and what to do.

    source: what the person called it. Refused: files that are missing or something else than their name says, classes
    that sentence-transformers does not ship or that st5 cannot use, code of the folder's own, pickled weights.
    """
    try:
        if not (folder / MODULES).exists():
            _check_transformer(folder, "")
            return ModelFolder(folder, (), Prompts())
        about = _read_object(folder, ABOUT) if (folder / ABOUT).exists() else {}
        written = about.get("model_type") or "SentenceTransformer"
        if written != "SentenceTransformer":
            raise _Unusable(f"is a {written}, not a SentenceTransformer (model_type in {ABOUT}).")
        modules, prompts = _modules(folder), _prompts(about)
        for entry in modules:
            _check_module(folder, entry, prompts)
        return ModelFolder(folder, modules, prompts)
    except _Unusable as words:
        raise BadInput(f"Backbone {source}: {words}") from None


class _Unusable(Exception):
    """Why a folder cannot be used."""


def _check_module(folder: Path, entry: ModuleEntry, prompts: Prompts) -> None:
    if entry.kind == "Transformer":
        _check_transformer(folder, entry.path)
    elif entry.kind == "Pooling":
        _check_pooling_config(folder, entry.path, prompts)
    elif entry.kind == "Dense":
        _check_activation(folder, entry.path)
    elif (folder / entry.path / "config.json").exists():
        _read_object(folder, _at(entry.path, "config.json"))
    if entry.kind in WITH_WEIGHTS:
        _check_weights(folder, entry.path)


def _modules(folder: Path) -> tuple[ModuleEntry, ...]:
    lines = _read_json(folder / MODULES, MODULES)
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise _Unusable(f"{MODULES} is not a list of modules. Take a folder that SentenceTransformer wrote.")
    entries = [_entry(folder, line, number) for number, line in enumerate(lines)]
    kinds = [entry.kind for entry in entries]
    if kinds[0] != "Transformer" or kinds.count("Transformer") > 1 or "Pooling" not in kinds:
        raise _Unusable(
            f"{MODULES} lists {', '.join(kinds)}. st5 reads text with one Transformer, which comes "
            f"first, and a Pooling after it; {', '.join(KINDS[2:])} may follow."
        )
    if len({entry.name for entry in entries}) < len(entries):
        raise _Unusable(f"{MODULES} gives two modules the same name. Number them 0, 1, 2, ….")
    return tuple(entries)


def _entry(folder: Path, line: dict[str, Any], number: int) -> ModuleEntry:
    named, path, name = line.get("type"), line.get("path", ""), line.get("name", str(number))
    if not (isinstance(named, str) and isinstance(path, str) and isinstance(name, str)):
        raise _Unusable(f"line {number + 1} of {MODULES} has no type, path and name that are texts.")
    own = OWN_CLASS.fullmatch(named)
    if own is None:
        raise _Unusable(
            f'{MODULES} names the class "{named}", which is not of sentence-transformers. st5 runs '
            f"no code that a model folder brings or names. Allowed: {', '.join(KINDS)} of sentence-transformers."
        )
    kind = own["kind"]
    if kind not in KINDS:
        why = f": {OF_NO_USE[kind]}" if kind in OF_NO_USE else ""
        raise _Unusable(f"{MODULES} names the module {kind}, which st5 cannot use{why}. Allowed: {', '.join(KINDS)}.")
    inside = PurePosixPath(path)
    if inside.is_absolute() or ".." in inside.parts or "\\" in path:
        raise _Unusable(f'{MODULES} names the folder "{path}", which is not inside the model\'s.')
    if path and not (folder / path).is_dir() and kind not in ("Normalize", "Dropout"):
        raise _Unusable(f"the folder {path} of {MODULES} is missing. Copy the whole model folder.")
    return ModuleEntry(kind, name, path)


def _prompts(about: dict[str, Any]) -> Prompts:
    """The prompt of queries for histories, that of documents for items, as `encode_query` and `encode_document` do.

    A default prompt that is neither is meant for every text.
    """
    written, default = about.get("prompts") or {}, about.get("default_prompt_name")
    if not isinstance(written, dict) or not all(isinstance(words, str | None) for words in written.values()):
        raise _Unusable(f"prompts in {ABOUT} are not texts by name.")
    if default and not (isinstance(default, str) and default in written):
        raise _Unusable(f'the default prompt "{default}" of {ABOUT} is not among its prompts.')
    history = written.get("query") or ""
    item = next((written[name] for name in ("document", "passage", "corpus") if written.get(name)), "")
    if default and not history and not item:
        return Prompts(written[default] or "", written[default] or "")
    return Prompts(history, item)


def _check_transformer(folder: Path, path: str) -> None:
    """The files of a transformers model and its tokenizer."""
    inside = folder / path
    if (inside / "adapter_config.json").exists():
        raise _Unusable(
            f"{_at(path, 'adapter_config.json')} says that these are matrices beside another model "
            "(PEFT). Merge them into it first: merge_and_unload() of peft, then save_pretrained."
        )
    weights = (WEIGHTS, SHARDS, *_pickled(inside))
    missing = [name for name in ("config.json", WEIGHTS, "tokenizer.json") if not (inside / name).exists()]
    if any((inside / name).exists() for name in weights) and WEIGHTS in missing:
        missing.remove(WEIGHTS)
    if missing:
        raise _Unusable(
            f"{', '.join(_at(path, name) for name in missing)} missing. "
            "Allowed: a folder as written by SentenceTransformer.save, or by save_pretrained of transformers "
            "(weights as safetensors, never pickled)."
        )
    for name in CONFIGS:
        if (inside / name).exists():
            _check_config(_read_object(folder, _at(path, name)), _at(path, name))
    for name in READER_CONFIGS:
        if (inside / name).exists():
            _check_reader_config(_read_object(folder, _at(path, name)), _at(path, name))
    for name in TOKENIZER_FILES:
        if (inside / name).exists():
            _head(inside / name, _at(path, name))
    _check_weights(folder, path)


def _check_config(config: dict[str, Any], name: str) -> None:
    if config.get("auto_map"):
        raise _Unusable(
            f"{name} asks for code of the folder's own (auto_map: {_short(config['auto_map'])}). st5 "
            "runs no code that a model folder brings or names. Take a backbone whose classes transformers ships."
        )
    kernels = [value for key, value in config.items() if "implementation" in key and "/" in str(value)]
    if kernels:  # transformers would download it and run it
        raise _Unusable(f'{name} asks for code from a hub ("{_short(str(kernels[0]))}"). Remove that line.')
    if config.get("model_type") == "model2vec" or config.get("architectures") == ["StaticModel"]:
        raise _Unusable(f"is a model2vec model, which st5 cannot use: {OF_NO_USE['StaticEmbedding']}.")
    if config.get("transformers_weights"):
        raise _Unusable(f"{name} names weights of its own (transformers_weights). Call them {WEIGHTS}.")


def _check_reader_config(config: dict[str, Any], name: str) -> None:
    if config.get("tokenizer_name_or_path"):
        raise _Unusable(
            f'{name} takes its tokenizer from "{_short(config["tokenizer_name_or_path"])}". Save '
            "that tokenizer into the folder and remove tokenizer_name_or_path."
        )
    task = config.get("transformer_task", "feature-extraction")
    if task != "feature-extraction":
        raise _Unusable(f'{name} makes the model for "{_short(task)}", not for vectors of tokens.')
    for key in ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs"):
        passed = config.get(key) or {}
        bad = passed if not isinstance(passed, dict) else [k for k, v in passed.items() if not _harmless(k, v)]
        if bad:
            raise _Unusable(
                f"{name} passes settings to the library that st5 does not follow ({key}: "
                f"{_short(bad)}). Remove them where they are not needed, or take another backbone."
            )


def _harmless(key: str, value: object) -> bool:
    return value is None or isinstance(value, bool | int | float) or key in TEXT_SETTINGS


def _check_pooling_config(folder: Path, path: str, prompts: Prompts) -> None:
    name = _at(path, "config.json")
    if not (folder / name).exists():
        raise _Unusable(f"{name} missing, which says how the vectors of tokens become one.")
    includes = _read_object(folder, name).get("include_prompt", True)
    if prompts and not includes:
        raise _Unusable(
            f"it has prompts ({prompts}) and leaves their tokens out of the mean (include_prompt "
            f"false in {name}), which st5 cannot do. Take a backbone that includes them."
        )


def _check_activation(folder: Path, path: str) -> None:
    name = _at(path, "config.json")
    if not (folder / name).exists():
        raise _Unusable(f"{name} missing.")
    activation = _read_object(folder, name).get("activation_function")
    if activation is not None and not (isinstance(activation, str) and ACTIVATION.fullmatch(activation)):
        raise _Unusable(
            f'{name} names the activation "{_short(activation)}", which is not of torch. st5 runs no '
            "code that a model folder brings or names. Allowed: the classes of torch.nn, such as "
            "torch.nn.modules.activation.Tanh or torch.nn.modules.linear.Identity."
        )


def _check_weights(folder: Path, path: str) -> None:
    """Weights as safetensors, whole or in parts that an index names."""
    inside = folder / path
    if (inside / WEIGHTS).exists():
        _check_safetensors(folder, _at(path, WEIGHTS))
        return
    if (inside / SHARDS).exists():
        name = _at(path, SHARDS)
        parts = _read_object(folder, name).get("weight_map")
        if not isinstance(parts, dict) or not parts:
            raise _Unusable(f"{name} has no weight_map. Download it again.")
        for part in sorted(set(map(str, parts.values()))):
            if "/" in part or "\\" in part or not part.endswith(".safetensors"):
                raise _Unusable(f'{name} names "{_short(part)}", which is no safetensors file beside it.')
            if not (inside / part).exists():
                raise _Unusable(f"{_at(path, part)} missing, which {name} names. Download it too.")
            _check_safetensors(folder, _at(path, part))
        return
    pickled = _pickled(inside)
    if pickled:
        raise _Unusable(
            f"{_at(path, pickled[0])} is pickled, and opening a pickle can run any code. Where you "
            "trust it, write the model anew as safetensors: "
            + (
                f"python -c \"from sentence_transformers import SentenceTransformer as S; S('{folder}').save_pretrained"
                "('NEW')\""
                if (folder / MODULES).exists()
                else f"python -c \"from transformers import AutoModel as M, AutoTokenizer as T; f='{folder}'; "
                "M.from_pretrained(f).save_pretrained('NEW'); T.from_pretrained(f).save_pretrained('NEW')\""
            )
        )
    raise _Unusable(f"{_at(path, WEIGHTS)} missing. Copy the whole model folder.")


def _check_safetensors(folder: Path, name: str) -> None:
    file = folder / name
    head = _head(file, name)
    size = int.from_bytes(head[:8], "little")
    if len(head) < 10 or head[8:9] != b"{" or size > file.stat().st_size - 8:
        if head.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04")):
            raise _Unusable(f"{name} holds a pickle under another name. Opening it can run any code; st5 does not.")
        raise _Unusable(f"{name} cannot be opened: it is cut short, or no safetensors file. Download it again.")


def _pickled(folder: Path) -> list[str]:
    """The names of pickled files, weights first."""
    if not folder.is_dir():
        return []
    found = [path.name for path in folder.iterdir() if path.suffix in PICKLED]
    return sorted(found, key=lambda name: ("model" not in name, name))


def _read_object(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file that holds one object."""
    content = _read_json(folder / name, name)
    if not isinstance(content, dict):
        raise _Unusable(f"{name} does not hold a JSON object. Download it again.")
    return content


def _read_json(file: Path, name: str) -> Any:
    _head(file, name)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Unusable(f"{name} is not JSON ({_short(str(error))}). Download it again.") from None


def _head(file: Path, name: str) -> bytes:
    """The beginning of a file; refused where it cannot be read, is empty, or is a pointer, a page or an error."""
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError as error:
        raise _Unusable(f"{name} cannot be read ({error.strerror}).") from None
    if not head:
        raise _Unusable(f"{name} is empty. Download it again.")
    if head.startswith(LFS_POINTER):
        raise _Unusable(f"{name} is a Git LFS pointer instead of the file. Run `git lfs pull` in its repository.")
    other = _something_else(head)
    if other:
        raise _Unusable(f"{name} is {other}. Download it again.")
    return head


def _something_else(head: bytes) -> str:
    """What a file is that begins so, where it is neither JSON nor weights."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "a web page instead of the file"
    if ERROR.match(head):
        return "the error of a server instead of the file"
    return ""


def _at(path: str, name: str) -> str:
    return str(PurePosixPath(path) / name) if path else name


def _short(words: object) -> str:
    text = words if isinstance(words, str) else json.dumps(words, default=str)
    return text if len(text) <= 120 else f"{text[:119]}…"
