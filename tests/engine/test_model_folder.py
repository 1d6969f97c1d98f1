"""Model folders that are not what they seem: each is refused in words before anything of it is loaded or run."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.program import Program, refusal
from tests.small_shop import five_items

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 90868376\n"
PAGE = "\n<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"
ERROR = '{"error":"Repository not found"}'
SOMETHING_ELSE = ((LFS, "git lfs pull"), (PAGE, "is a web page"), (ERROR, "error of a server"), ("", "is empty"))
OURS = "sentence_transformers.sentence_transformer.modules"
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(five_items(tmp_path_factory.mktemp("folders")).folder)


@pytest.fixture
def model(tiny_roberta: Path, tmp_path: Path) -> Path:
    """A good folder with an `evil` module beside it, and a pickle, each of which leaves a mark when it is run."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_roberta, folder)
    mark = f"open({str(tmp_path / 'RAN')!r}, 'a').write('ran')\nclass Evil:\n    pass\nclass Act:\n    pass\n"
    for name in ("evil", "modeling_evil", "sentence_transformers_evil"):
        (folder / f"{name}.py").write_text(mark)
    return folder


def written(name: str, text: str) -> Damage:
    return lambda folder: (folder / name).write_text(text)


def changed(name: str, **values: Any) -> Damage:
    """The JSON file with these values; it is made where it is not there."""

    def change(folder: Path) -> None:
        file = folder / name
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(before | values))

    return change


def module(number: int, **values: Any) -> Damage:
    """A line of modules.json with these values."""

    def change(folder: Path) -> None:
        lines = json.loads((folder / "modules.json").read_text())
        lines[number] |= values
        (folder / "modules.json").write_text(json.dumps(lines))

    return change


def added(kind: str, path: str, **config: Any) -> Damage:
    """One more module with its config."""

    def change(folder: Path) -> None:
        lines = json.loads((folder / "modules.json").read_text())
        lines.append({"idx": len(lines), "name": str(len(lines)), "path": path, "type": f"{OURS}.{kind}"})
        (folder / "modules.json").write_text(json.dumps(lines))
        (folder / path).mkdir()
        (folder / path / "config.json").write_text(json.dumps(config))

    return change


class _Mark:
    """A pickle that runs code when it is opened."""

    def __init__(self, folder: Path) -> None:
        self._mark = str(folder.parent / "RAN")

    def __reduce__(self) -> Any:
        return open, (self._mark, "w")


def pickled(name: str, *gone: str) -> Damage:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(pickle.dumps(_Mark(folder)))
        for file in gone:
            (folder / file).unlink()

    return change


def all_of(*damages: Damage) -> Damage:
    def change(folder: Path) -> None:
        for damage in damages:
            damage(folder)

    return change


PROMPTS = changed("config_sentence_transformers.json", prompts={"query": "query: ", "document": "passage: "})
DENSE = {"in_features": 32, "out_features": 32, "bias": True}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        # Files that are something else.
        *[
            (written(name, text), [name, what])
            for name in ("config.json", "modules.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json")
            for text, what in SOMETHING_ELSE
        ],
        (written("config.json", '{"model_type": '), ["config.json is not JSON"]),
        (written("modules.json", '{"0": "Transformer"}'), ["modules.json is not a list of modules"]),
        (written("model.safetensors", "x" * 200), ["model.safetensors cannot be opened", "no safetensors file"]),
        (changed("config_sentence_transformers.json", model_type="SparseEncoder"), ["is a SparseEncoder"]),
        # Code of the folder's own.
        (module(0, type="evil.Evil"), ['the class "evil.Evil"', "runs no code"]),
        (module(1, type="modeling_evil.Evil"), ['the class "modeling_evil.Evil"', "runs no code"]),
        (module(1, type="sentence_transformers_evil.Evil"), ["sentence_transformers_evil.Evil", "runs no code"]),
        (module(1, type=f"{OURS}.Router"), ["the module Router", "through different modules"]),
        (module(0, type=f"{OURS}.StaticEmbedding"), ["StaticEmbedding", "model2vec", "no Transformer"]),
        (module(1, type=f"{OURS}.WordEmbeddings"), ["the module WordEmbeddings, which st5 cannot use"]),
        (module(1, type="sentence_transformers.os.system"), ["the module system, which st5 cannot use"]),
        (module(1, path="../elsewhere"), ['the folder "../elsewhere"', "not inside the model's"]),
        (module(1, path="/etc"), ['the folder "/etc"', "not inside the model's"]),
        (module(1, path="9_Pooling"), ["the folder 9_Pooling of modules.json is missing"]),
        (module(1, name="0"), ["two modules the same name"]),
        (module(1, type=f"{OURS}.Normalize"), ["lists Transformer, Normalize, Normalize", "a Pooling after it"]),
        (changed("config.json", auto_map={"AutoModel": "modeling_evil.Evil"}), ["config.json asks for code"]),
        (changed("tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]}),
         ["tokenizer_config.json asks for code"]),
        (changed("config.json", _attn_implementation="someone/kernel"), ['code from a hub ("someone/kernel")']),
        (changed("processor_config.json", auto_map={"AutoProcessor": "evil.Evil"}), ["processor_config.json asks"]),
        (added("Dense", "3_Dense", **DENSE, activation_function="evil.Act"), ['activation "evil.Act"', "not of torch"]),
        (added("Dense", "3_Dense", **DENSE, activation_function="torch.hub.load"), ['"torch.hub.load"', "torch.nn"]),
        (changed("sentence_bert_config.json", tokenizer_name_or_path="../elsewhere"), ["its tokenizer from"]),
        (changed("sentence_bert_config.json", model_args={"attn_implementation": "someone/kernel"}),
         ["passes settings to the library", "attn_implementation"]),
        # Weights that are pickled, or elsewhere.
        (pickled("pytorch_model.bin", "model.safetensors"), ["pytorch_model.bin is pickled", "save_pretrained"]),
        (pickled("weights.pkl", "model.safetensors"), ["weights.pkl is pickled"]),
        (pickled("model.safetensors"), ["model.safetensors holds a pickle under another name"]),
        (all_of(added("Dense", "3_Dense", **DENSE), pickled("3_Dense/pytorch_model.bin")),
         ["3_Dense/pytorch_model.bin is pickled"]),
        (added("Dense", "3_Dense", **DENSE), ["3_Dense/model.safetensors missing"]),
        (changed("adapter_config.json", peft_type="LORA"), ["adapter_config.json", "merge_and_unload"]),
        (all_of(lambda folder: (folder / "model.safetensors").unlink(),
                changed("model.safetensors.index.json", weight_map={"a": "part.bin"}), pickled("part.bin")),
         ['names "part.bin"', "no safetensors file"]),
        (changed("config.json", model_type="model2vec"), ["is a model2vec model"]),
        # Prompts that cannot be followed.
        (changed("config_sentence_transformers.json", default_prompt_name="sts"), ['default prompt "sts"']),
        (changed("config_sentence_transformers.json", default_prompt_name=["sts"]), ["is not among its prompts"]),
        (changed("config_sentence_transformers.json", prompts=["query: "]), ["prompts in", "not texts by name"]),
        # What only the libraries can tell.
        (changed("config.json", num_attention_heads=0), ["cannot be opened"]),
        (changed("config.json", model_type="no-such-family"), ["cannot be opened", "no-such-family"]),
        (changed("tokenizer.json", model={"type": "BPE"}), ["cannot be opened"]),
        (added("Dense", "3_Dense", **DENSE, activation_function="torch.nn.modules.activation.NoSuch"),
         ["3_Dense/model.safetensors missing"]),
        (all_of(PROMPTS, changed("1_Pooling/config.json", include_prompt=False)), ["leaves their tokens out"]),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_what_it_seems(program: Program, model: Path, damage: Damage, words: list[str]) -> None:
    damage(model)
    refused = program("train", "only", "--backbone", model, "--name", "x")
    assert refused.code == 2
    assert all(word in refusal(refused) for word in words), refusal(refused)
    assert str(model) in refusal(refused)
    assert not (model.parent / "RAN").exists()
    assert program("models", "--json").document == []
    assert not (program.workspace / "models" / "x").exists()


def test_pickles_beside_good_weights_are_never_opened(model: Path, tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "1_Pooling/pytorch_model.bin"):
        pickled(name)(model)
    program = Program(five_items(tmp_path / "w").folder)
    made = program("train", "only", "--backbone", model, "--name", "x")
    assert made.code == 0, made.err
    assert not (tmp_path / "RAN").exists()
    assert not list((program.workspace / "models").rglob("*.bin"))


def test_the_layout_of_older_versions_gives_the_same_vectors(model: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(model, old)
    inside = (
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "sentence_bert_config.json",
    )
    (old / "0_Transformer").mkdir()
    for name in inside:
        (old / name).rename(old / "0_Transformer" / name)
    module(0, path="0_Transformer", type="sentence_transformers.models.Transformer")(old)
    module(1, type="sentence_transformers.models.Pooling")(old)
    written("1_Pooling/config.json", json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}))(
        old
    )
    program = Program(five_items(tmp_path / "w").folder)
    for name, folder in (("new", model), ("old", old)):
        made = program("train", "only", "--backbone", folder, "--name", name)
        assert made.code == 0, made.err
    new, old = (load_file(program.workspace / "models" / name / "model.safetensors") for name in ("new", "old"))
    assert all((new[name] == old[name]).all() for name in new)
    rows = program("models", "--json").document
    assert rows[0]["weights_hash"] == rows[1]["weights_hash"]
