"""Backbones of other families: how much they read, how they pool, what prompts they want, and how they open again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.encoding.bert import Bert
from engine.encoding.encoder import load
from engine.models import make_only, open_encoder
from engine.text.prompts import Prompts
from engine.text.sentences import HistoryFormat, Template
from store.workspace import Workspace
from tests.program import Program, refusal
from tests.small_shop import five_items
from tests.tiny_models import make_tiny_bert, make_tiny_decoder, make_tiny_positions

TITLES = ["Title: lamp", "Title: red wireless keyboard for the office", "Title: chair"]
LONG = "Title: " + "x y z " * 200  # three tokens a word of each tokenizer at least
E5 = Prompts("query: ", "passage: ")


def with_prompts(folder: Path, target: Path, default: str | None = None, **prompts: str) -> Path:
    """A copy of a model folder that names these prompts."""
    shutil.copytree(folder, target)
    about = target / "config_sentence_transformers.json"
    known = json.loads(about.read_text()) | {"prompts": prompts, "default_prompt_name": default}
    about.write_text(json.dumps(known))
    return target


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="module")
def e5(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that wants `query: ` before queries and `passage: ` before documents, and says so as E5 does."""
    folder = tmp_path_factory.mktemp("e5") / "model"
    return with_prompts(bert, folder, "query", query="query: ", passage="passage: ")


@pytest.mark.parametrize(
    ("family", "rows", "reads"),
    [
        ("bert", 66, 66),
        ("distilbert", 66, 66),
        ("electra", 66, 66),
        ("roberta", 66, 64),  # positions begin after the row of the pad token, which is 1
        ("xlm-roberta", 66, 64),
        ("camembert", 66, 64),
        ("mpnet", 66, 64),
        ("longformer", 66, 64),
        ("roberta", 130, 128),
    ],
)
def test_a_backbone_without_a_length_reads_as_many_tokens_as_it_has_positions(
    family: str, rows: int, reads: int, tmp_path: Path
) -> None:
    encoder = load(str(make_tiny_positions(tmp_path, family, rows)), device="cpu", precision="fp32")
    assert encoder.length == reads
    sentences = encoder.renderer(Template()).texts([*TITLES, LONG])
    assert len(sentences[-1].ids) == reads
    assert np.isfinite(encoder.encode_all(sentences)).all()


def test_a_length_that_is_said_too_large_is_cut_to_the_positions(tmp_path: Path) -> None:
    folder = make_tiny_positions(tmp_path, "roberta", 66)
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 512}))
    program = Program(five_items(tmp_path / "w", titles=("x y " * 300, "b", "c", "d", "e")).folder)
    assert "64 tokens" in program("train", "only", "--backbone", folder, "--name", "m").err
    assert program("evaluate", "m", "--datasets", "shop").code == 0
    assert program("models", "m", "--json").document[0]["recipe"]["length"] == 64


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2"])
def test_a_decoder_without_a_pad_token_pools_its_last_token(family: str, tmp_path: Path) -> None:
    folder = make_tiny_decoder(tmp_path, family)
    encoder = load(str(folder), device="cpu", precision="fp32")
    sentences = encoder.renderer(Template()).texts([*TITLES, LONG])
    vectors = encoder.encode_all(sentences)  # of several lengths, padded together
    core = encoder.model[0].auto_model
    for sentence, vector in zip(sentences, vectors, strict=True):
        with torch.no_grad():
            last = core(torch.tensor([list(sentence.ids)])).last_hidden_state[0, -1]
        assert np.abs(vector - (last / last.norm()).numpy()).max() < 1e-5
    made = make_only(Workspace(tmp_path / "w"), name="m", backbone=str(folder), device="cpu")
    again = open_encoder(Workspace(tmp_path / "w"), made, device="cpu", precision="fp32")
    assert np.abs(again.encode_all(sentences) - vectors).max() < 1e-6


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize(("precision", "far"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_a_stored_bert_opens_without_the_libraries_and_gives_their_vectors(
    pooling: str, precision: str, far: float, tmp_path: Path
) -> None:
    folder = make_tiny_bert(tmp_path, pooling=pooling)
    workspace = Workspace(tmp_path / "w")
    made = make_only(workspace, name="m", backbone=str(folder), device="cpu", precision=precision)
    fast = open_encoder(workspace, made, device="cpu", precision=precision)
    slow = load(str(workspace.folder / made.folder), device="cpu", precision=precision)
    assert isinstance(fast.model, Bert)
    assert (fast.name, fast.weights_hash, fast.length) == (slow.name, slow.weights_hash, slow.length)
    bodies = [*TITLES, LONG, "Title: [SEP] <extra_id_1> [unused2] Ünïcode 電球"]
    histories = [[0], [0, 1, 2], [3, 0], [4, 2]]
    for template in (Template(), Template(HistoryFormat.UNSTRUCTURED)):
        mine, theirs = (
            [*renderer.texts(bodies), *renderer.histories(bodies, histories)]
            for renderer in (fast.renderer(template), slow.renderer(template))
        )
        assert mine == theirs
        assert np.abs(fast.encode_all(mine) - slow.encode_all(theirs)).max() < far


def test_a_stored_bert_whose_weights_changed_is_not_opened(bert: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    program = Program(five_items(tmp_path).folder)
    assert program("train", "only", "--backbone", bert, "--name", "m").code == 0
    file = tmp_path / "models" / "m" / "model.safetensors"
    weights = load_file(file)
    weights["embeddings.word_embeddings.weight"][7, 3] += 0.5
    save_file(weights, file, metadata={"format": "pt"})
    assert "not the weights that were stored as m" in refusal(
        program("recommend", "m", "--dataset", "shop", "--user", "u0")
    )


def test_prompts_stand_before_histories_and_items_and_vectors_are_those_of_the_library(e5: Path) -> None:
    encoder = load(str(e5), device="cpu", precision="fp32")
    assert encoder.prompts == E5
    renderer = encoder.renderer(Template(HistoryFormat.UNSTRUCTURED))
    items, (history,) = renderer.texts(TITLES), renderer.histories(TITLES, [[0, 2]])
    assert [item.text for item in items] == [f"passage: {title}" for title in TITLES]
    assert renderer.uncut(TITLES) == [item.text for item in items]
    assert history.text == "query: Title: lamp, Title: chair"
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(e5), device="cpu")
    assert np.abs(encoder.encode_all(items) - reference.encode(TITLES, prompt_name="passage")).max() < 1e-5
    query = reference.encode("Title: lamp, Title: chair", prompt_name="query")
    assert np.abs(encoder.encode_all([history])[0] - query).max() < 1e-5


def test_the_prompt_counts_among_the_tokens_that_the_model_reads(e5: Path) -> None:
    encoder = load(str(e5), device="cpu", precision="fp32")
    for form in (HistoryFormat.STRUCTURED, HistoryFormat.UNSTRUCTURED):
        renderer = encoder.renderer(Template(form))
        (item,), (history,) = renderer.texts([LONG]), renderer.histories([LONG, *TITLES], [[0, 1, 2, 3] * 9])
        assert item.cut
        assert len(item.ids) <= 64
        assert len(history.ids) <= 64
        assert item.text.startswith("passage: ")
        assert history.text.startswith("query: ")


@pytest.mark.parametrize(
    ("default", "prompts", "applied"),
    [
        ("query", {"query": "query: ", "passage": "passage: "}, E5),
        (None, {"query": "query: ", "document": "passage: "}, E5),
        (None, {"query": "ask: ", "document": ""}, Prompts("ask: ", "")),
        ("query", {"query": "ask: "}, Prompts("ask: ", "")),
        ("sts", {"sts": "same: ", "query": "", "document": ""}, Prompts("same: ", "same: ")),
        (None, {"sts": "same: "}, Prompts()),  # one of several tasks, and none of ours
        (None, {"query": "", "document": ""}, Prompts()),
    ],
)
def test_which_prompts_are_applied(
    bert: Path, tmp_path: Path, default: str | None, prompts: dict[str, str], applied: Prompts
) -> None:
    folder = with_prompts(bert, tmp_path / "model", default, **prompts)
    assert load(str(folder), device="cpu", precision="fp32").prompts == applied


def test_every_number_says_the_prompts_that_it_was_made_with(e5: Path, bert: Path, tmp_path: Path) -> None:
    program = Program(five_items(tmp_path).folder)
    made = program("train", "only", "--backbone", e5, "--name", "e5")
    assert '"query: " before histories, "passage: " before items' in made.err
    assert "Default prompt name" not in made.err + made.out
    assert program("train", "only", "--backbone", bert, "--name", "plain").code == 0
    said = {"history": "query: ", "item": "passage: "}
    e5_row, plain_row = program("models", "--json").document
    assert e5_row["recipe"]["prompts"] == said
    assert "prompts" not in plain_row["recipe"]
    assert e5_row["weights_hash"] != plain_row["weights_hash"]  # what decides scores; so vectors are kept apart too
    first = program("evaluate", "e5", "plain", "--datasets", "shop", "--json")
    assert first.code == 0, first.err
    protocols = {row["model"]: row["protocol"] for row in program("results", "--json").document}
    assert 'prompts "query: " before histories, "passage: " before items' in str(protocols["e5"])
    assert "prompts" not in str(protocols["plain"])
    copy = program("train", "only", "--backbone", "e5", "--name", "copy")
    assert "query: " in copy.err
    from sentence_transformers import SentenceTransformer

    stored = SentenceTransformer(str(tmp_path / "models" / "copy"), device="cpu")
    assert (stored.prompts["query"], stored.prompts["document"]) == ("query: ", "passage: ")
    assert stored.default_prompt_name is None


def test_a_model_that_was_made_before_prompts_were_applied_stays_without(e5: Path, bert: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    old = make_only(workspace, name="old", backbone=str(bert), device="cpu")
    shutil.copy(e5 / "config_sentence_transformers.json", tmp_path / old.folder)  # as earlier versions left it
    assert open_encoder(workspace, old, device="cpu").prompts == Prompts()
    copy = make_only(workspace, name="copy", backbone="old", device="cpu")
    assert "prompts" not in copy.recipe
    assert copy.weights_hash == old.weights_hash


def test_a_model_of_optimised_python_opens_afterwards(bert: Path, tmp_path: Path) -> None:
    program = Program(five_items(tmp_path).folder)
    made = subprocess.run(
        [sys.executable, "-c", "from engine.commands import main; main()", "train", "only", "--backbone", str(bert),
         "--name", "m", "--precision", "bf16"],
        env={**os.environ, "PYTHONOPTIMIZE": "1", "ST5_WORKSPACE": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    for precision in ("fp32", "bf16"):
        opened = program("evaluate", "m", "--datasets", "shop", "--precision", precision)
        assert opened.code == 0, opened.err
