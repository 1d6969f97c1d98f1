"""The encoder: the same vectors however they are computed, and clear words about broken backbones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine.encoding.backbone import embedded_backbone
from engine.encoding.batching import token_batches
from engine.encoding.embedding import embed, embed_items
from engine.encoding.encoder import Encoder, load
from engine.models import make_only, open_encoder
from engine.text.sentences import Sentence, Template
from store.embeddings import VectorIndex, sentence_key
from store.errors import BadInput, Failed
from store.models import put_model
from store.workspace import Workspace

WORDS = ["red", "green", "blue", "lamp", "chair", "table", "wireless", "keyboard", "for", "office", "and", "home"]


@pytest.fixture(scope="module")
def t5(tiny_t5: Path) -> Encoder:
    return load(str(tiny_t5), device="cpu", precision="fp32")


def sentences(encoder: Encoder, count: int, seed: int = 0) -> list[Sentence]:
    rng = np.random.default_rng(seed)
    bodies = [" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(count)]
    return encoder.renderer(Template()).texts([f"Title: {n} {body}" for n, body in enumerate(bodies)])


def test_vectors_are_those_of_sentence_transformers(t5: Encoder) -> None:
    read = sentences(t5, 20)
    reference = t5.model.encode([sentence.text for sentence in read])
    assert np.abs(t5.encode_all(read) - reference).max() < 1e-5


def test_vectors_of_the_embedded_backbone_are_those_of_sentence_transformers() -> None:
    encoder = load(embedded_backbone(), device="cpu", precision="fp32")
    read = sentences(encoder, 6)
    vectors = encoder.encode_all(read)
    assert vectors.shape == (6, 384)
    assert np.abs(vectors - encoder.model.encode([sentence.text for sentence in read])).max() < 1e-5


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 400))
def test_vectors_agree_for_any_order_and_batch_size(t5: Encoder, order: list[int], tokens: int) -> None:
    read = sentences(t5, 12)
    reference = t5.encode_all(read)
    result = np.empty_like(reference)
    for rows, vectors in t5.encode([read[row] for row in order], tokens):
        result[[order[row] for row in rows]] = vectors
    assert np.abs(result - reference).max() < 1e-5


def test_bf16_stays_close_to_fp32(tiny_t5: Path) -> None:
    exact, fast = (load(str(tiny_t5), device="cpu", precision=precision) for precision in ("fp32", "bf16"))
    read = sentences(exact, 30)
    cosines = (exact.encode_all(read) * fast.encode_all(read)).sum(axis=1)
    assert cosines.min() > 0.999  # two random layers; the real backbone is measured by the benchmark
    assert exact.name != fast.name
    assert exact.weights_hash == fast.weights_hash


def test_bf16_vectors_of_the_embedded_backbone_agree_for_any_order_and_batch_size() -> None:
    encoder = load(embedded_backbone(), device="cpu", precision="bf16")
    read = sentences(encoder, 24)
    order = np.random.default_rng(0).permutation(len(read))
    together, apart = np.empty((24, 384), np.float32), np.empty((24, 384), np.float32)
    for rows, vectors in encoder.encode(read, tokens_per_batch=2_000):
        together[rows] = vectors
    for rows, vectors in encoder.encode([read[row] for row in order], tokens_per_batch=30):
        apart[order[rows]] = vectors
    assert (together * apart).sum(axis=1).min() > 0.9999


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 600))
def test_batches_hold_every_row_once_longest_first_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(np.array(lengths, dtype=np.int64), budget))
    assert sorted(int(row) for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
    order = [lengths[row] for batch in batches for row in batch]
    assert order == sorted(lengths, reverse=True)


def test_a_saved_model_opens_with_plain_sentence_transformers_and_reads_the_markers(
    tiny_roberta: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = load(str(tiny_roberta), device="cpu", precision="fp32")  # its vocabulary has to grow for the markers
    encoder.save(tmp_path / "saved")
    read = sentences(encoder, 8)
    again = SentenceTransformer(str(tmp_path / "saved"), device="cpu").encode([sentence.text for sentence in read])
    assert np.abs(encoder.encode_all(read) - again).max() < 1e-5
    reopened = load(str(tmp_path / "saved"), device="cpu", precision="fp32")
    assert (reopened.weights_hash, reopened.tokenizer_hash, reopened.name) == (
        encoder.weights_hash,
        encoder.tokenizer_hash,
        encoder.name,
    )


def test_each_distinct_sentence_is_encoded_once_and_an_interrupted_run_goes_on(t5: Encoder, tmp_path: Path) -> None:
    read = sentences(t5, 40)
    workspace = Workspace(tmp_path / "w")

    class Interrupted(Exception):
        pass

    def stop_halfway(stage: str, done: int, total: int) -> None:
        if done >= total / 2:
            raise Interrupted

    with workspace.write() as db:
        with pytest.raises(Interrupted):
            embed(db, t5, [*read, *read], stop_halfway)
        before = int(VectorIndex(db, t5.name).contains([sentence_key(s.text) for s in read]).sum())
        assert 0 < before < 40
        asked: list[int] = []
        keys = embed(db, t5, [*read, *read], lambda stage, done, total: asked.append(total))
        assert asked[0] == 40 - before
        asked.clear()
        embed(db, t5, read, lambda stage, done, total: asked.append(total))
        assert asked == []
        stored = VectorIndex(db, t5.name).read(keys)
    assert np.abs(stored - np.concatenate([t5.encode_all(read)] * 2)).max() < 1e-5


def test_when_a_stored_block_is_damaged_it_is_not_believed(t5: Encoder, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    read = sentences(t5, 3)
    with workspace.write() as db:
        keys = embed(db, t5, read)
        db.execute("UPDATE embedding_block SET data = zeroblob(length(data))")
        with pytest.raises(Failed, match="checksum"):
            VectorIndex(db, t5.name).read(keys)


def test_when_weights_give_nan_the_sentence_is_named_and_nothing_stored(tiny_t5: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_t5, broken)
    weights = load_file(broken / "model.safetensors")
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in weights.items()},
              broken / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    encoder = load(str(broken), device="cpu", precision="fp32")
    with Workspace(tmp_path / "w").write() as db:
        with pytest.raises(Failed, match="not finite for «<extra_id_1>Title: 0"):
            embed(db, encoder, sentences(encoder, 1))
        assert db.execute("SELECT count(*) FROM embedding_block").fetchone()[0] == 0


@pytest.mark.parametrize("gone", ["model.safetensors", "tokenizer.json", "config.json"])
def test_when_a_file_of_the_backbone_is_missing_it_is_named(tiny_t5: Path, tmp_path: Path, gone: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_t5, folder)
    (folder / gone).unlink()
    with pytest.raises(BadInput, match=f"{gone} missing"):
        load(str(folder))


def test_when_the_weights_are_cut_short_it_is_said(tiny_t5: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_t5, folder)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput, match="cannot be opened"):
        load(str(folder))


@pytest.mark.parametrize("source", ["./nowhere", "/no/such/folder", "no-such-model-on-any-hub"])
def test_when_the_backbone_is_not_there_it_is_said(source: str) -> None:
    with pytest.raises(BadInput, match="Backbone"):
        load(source)


def test_when_the_device_is_not_there_it_is_said(tiny_t5: Path) -> None:
    with pytest.raises(BadInput, match="Allowed: auto, cpu"):
        load(str(tiny_t5), device="toaster")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="not on this machine"):
            load(str(tiny_t5), device="cuda")


def test_vectors_that_are_not_stored_are_refused(tmp_path: Path) -> None:
    with Workspace(tmp_path / "w").write() as db, pytest.raises(Failed, match="1 of 1 sentences have no stored vector"):
        VectorIndex(db, "nobody").read([sentence_key("x")])


def test_items_encoded_before_are_found_again_and_cut_ones_too(t5: Encoder, tmp_path: Path) -> None:
    renderer = t5.renderer(Template())
    bodies = ["Title: lamp", "Title: " + "very long " * 200, "Title: chair", "Title: lamp"]
    counted: list[int] = []
    with Workspace(tmp_path / "w").write() as db:
        first = embed_items(db, t5, renderer, bodies, lambda stage, done, total: counted.append(total))
        assert counted[0] == 3  # two of the four read alike
        counted.clear()
        again = embed_items(db, t5, renderer, bodies, lambda stage, done, total: counted.append(total))
        assert (again, counted) == (first, [])
        stored = VectorIndex(db, t5.name).read(again)
    assert np.abs(stored - t5.encode_all(renderer.texts(bodies))).max() < 1e-5


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_plain_transformers_model_is_pooled_as_asked(tiny_roberta: Path, pooling: str) -> None:
    encoder = load(str(tiny_roberta.parent / "raw"), pooling=pooling, device="cpu", precision="fp32")
    core = encoder.model[0].auto_model
    for sentence, vector in zip(read := sentences(encoder, 4), encoder.encode_all(read), strict=True):
        with torch.no_grad():
            tokens = core(torch.tensor([list(sentence.ids)])).last_hidden_state[0]
        wanted = tokens[0] if pooling == "cls" else tokens.mean(dim=0)
        assert np.abs(vector - (wanted / wanted.norm()).numpy()).max() < 1e-5


def test_a_plain_model_keeps_its_pooling_in_the_workspace(tiny_roberta: Path, tmp_path: Path) -> None:
    plain, workspace = str(tiny_roberta.parent / "raw"), Workspace(tmp_path)
    for pooling in ("cls", "mean"):
        made = make_only(workspace, name=pooling, backbone=plain, pooling=pooling, device="cpu")
        assert made.recipe["pooling"] == pooling
        assert open_encoder(workspace, made, device="cpu").weights_hash == made.weights_hash
    assert made.weights_hash != make_only(workspace, name="again", backbone="cls", device="cpu").weights_hash


def test_a_copy_of_a_trained_model_knows_what_it_was_trained_on(tiny_t5: Path, tmp_path: Path) -> None:
    workspace, taught = Workspace(tmp_path), [{"settings": {"history": "unstructured"}, "datasets": {"shop": "print"}}]
    made = make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu")
    row = {"kind": "text", "variant": "nopre", "code_version": "0", "lineage": taught}
    with workspace.write() as db:
        put_model(db, name="trained", weights_hash=made.weights_hash, folder=made.folder, **row)
    copy = make_only(workspace, name="copy", backbone="trained", device="cpu")
    assert (copy.weights_hash, copy.backbone, copy.lineage) == (made.weights_hash, "trained", taught)


@pytest.mark.parametrize(
    ("folder", "pooling", "words"),
    [
        ("raw", "", ["no modules.json", "st5 train only --backbone", "--pooling cls"]),
        ("raw", "max", ['No pooling "max"', "cls, mean"]),
        ("model", "cls", ["modules.json says how it pools", "Leave --pooling cls out"]),
    ],
)
def test_a_pooling_that_is_missing_unknown_or_too_many(
    tiny_roberta: Path, folder: str, pooling: str, words: list[str]
) -> None:
    with pytest.raises(BadInput) as refused:
        load(str(tiny_roberta.parent / folder), pooling=pooling, device="cpu")
    assert all(word in str(refused.value) for word in words)
