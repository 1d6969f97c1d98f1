"""`st5 evaluate`, `train`, `baseline` and `ranks`: every number checked by hand on five items and three users."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.program import Program, refusal
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items
from tests.tiny_models import make_tiny_t5

# Scores of `pop`: A 2, B 1, C 0, D 1, E 0 (see tests.small_shop). For the four test events:
#   user target history  | seen items kept      | seen items masked
#   u0   C      A B      | better A B D, tied E | better D, tied E
#   u1   B      A D      | better A, tied D     | better none, tied none
#   u1   E      A D B    | better A B D, tied C | better none, tied C
#   u2   A      B        | better none          | better none
RANKS = [
    ["u0", "k2", "2", "3", "1", "1", "1", "5"],
    ["u1", "k1", "2", "1", "1", "0", "0", "5"],
    ["u1", "k4", "3", "3", "1", "0", "1", "5"],
    ["u2", "k0", "1", "0", "0", "0", "0", "5"],
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Five items, evaluated with pop and pop-recent."""
    workspace = five_items(tmp_path_factory.mktemp("shop"))
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "pop-recent", "--datasets", "shop").code == 0
    return program


def value(
    program: Program, metric: str, seen: str = "mask", by: str = "all", of: str = "all", model: str = "pop"
) -> Any:
    rows = program("results", "--json", "--by", by, "--metric", metric, "--seen", seen, "--model", model).document
    (found,) = [row for row in rows if row["value"] == of]
    return found


def test_ranks_are_those_counted_by_hand(program: Program, tmp_path: Path) -> None:
    out = tmp_path / "ranks.csv"
    made = program("ranks", "pop", "--dataset", "shop", "--out", out)
    assert (made.code, made.out) == (0, "")
    head, *rows = list(csv.reader(out.open(newline="")))
    assert head == ["user", "target", "history_length", "better", "tied", "better_masked", "tied_masked", "candidates"]
    assert rows == RANKS


# A tie at places p and p+1 counts as the mean of both (the target is at either with equal chance).
@pytest.mark.parametrize(
    ("metric", "seen", "events"),
    [
        ("hr@1", "keep", [0, 0, 0, 1]),
        ("hr@1", "mask", [0, 1, 1 / 2, 1]),
        ("hr@5", "keep", [1, 1, 1, 1]),
        ("hr@50", "mask", [1, 1, 1, 1]),
        ("ndcg@1", "mask", [0, 1, 1 / 2, 1]),
        ("ndcg@10", "keep", [(1 / log2(5) + 1 / log2(6)) / 2, (1 / log2(3) + 1 / log2(4)) / 2,
                             (1 / log2(5) + 1 / log2(6)) / 2, 1]),
        ("ndcg@10", "mask", [(1 / log2(3) + 1 / log2(4)) / 2, 1, (1 + 1 / log2(3)) / 2, 1]),
        ("mrr", "keep", [(1 / 4 + 1 / 5) / 2, (1 / 2 + 1 / 3) / 2, (1 / 4 + 1 / 5) / 2, 1]),
        ("mrr", "mask", [(1 / 2 + 1 / 3) / 2, 1, (1 + 1 / 2) / 2, 1]),
    ],
)  # fmt: skip
def test_the_whole_is_the_mean_over_events_and_over_users(
    program: Program, metric: str, seen: str, events: list[float]
) -> None:
    found = value(program, metric, seen)
    assert (found["n"], found["users"]) == (4, 3)
    assert found["mean"] == pytest.approx(sum(events) / 4)
    assert found["user_mean"] == pytest.approx((events[0] + (events[1] + events[2]) / 2 + events[3]) / 3)
    assert found["low"] <= found["mean"] <= found["high"]
    assert found["user_low"] <= found["user_mean"] <= found["user_high"]


def test_bounds_are_those_with_all_ties_lost_and_won(program: Program) -> None:
    found = value(program, "hr@1")
    assert (found["tie_lower"], found["mean"], found["tie_upper"]) == (2 / 4, 2.5 / 4, 3 / 4)


@pytest.mark.parametrize(
    ("by", "of", "n", "users", "mean"),  # of hr@1 with seen items masked: u0 C 0, u1 B 1, u1 E 1/2, u2 A 1
    [
        ("domain", "Things", 4, 3, 2.5 / 4),
        ("category", "Home", 2, 2, 1),
        ("category", "Art", 2, 2, 0.5 / 2),  # the desk is both Office and Art
        ("category", "Office", 1, 1, 0),
        ("history-length", "1", 1, 1, 1),
        ("history-length", "2", 2, 2, 1 / 2),
        ("history-length", "3", 1, 1, 1 / 2),
        ("target", "warm", 2, 2, 1),  # A and B were bought in the train part
        ("target", "cold", 2, 2, 0.5 / 2),  # C and E were not
        ("user", "warm", 3, 2, 1.5 / 3),
        ("user", "cold", 1, 1, 1),  # u2 has no train event
        ("duplicate-text", "duplicate", 2, 2, 1.5 / 2),  # there are two lamps: A and E
        ("duplicate-text", "unique", 2, 2, 1 / 2),
    ],
)
def test_slices(program: Program, by: str, of: str, n: int, users: int, mean: float) -> None:
    found = value(program, "hr@1", by=by, of=of)
    assert (found["n"], found["users"], found["mean"]) == (n, users, pytest.approx(mean))


def test_slices_of_a_model_that_reads_no_text_have_no_visible_length(program: Program) -> None:
    assert program("results", "--json", "--by", "visible-length").document == []


def test_the_interval_of_a_single_user_says_nothing(program: Program) -> None:
    found = value(program, "hr@1", by="user", of="cold")
    assert (found["low"], found["high"]) == (0, 1)


def test_pop_recent_counts_the_newest_tenth_of_time(program: Program) -> None:
    # Train interactions are at 10, 20, 40 and 50 ms; at or after the 0.9 quantile is only D: it scores 1, all else 0.
    # Masked: u0 C: better D, tied E; u1 B: tied C E; u1 E: tied C; u2 A: better D, tied C E.
    assert value(program, "hr@1", model="pop-recent")["mean"] == pytest.approx((0 + 1 / 3 + 1 / 2 + 0) / 4)
    # Kept: u0 C: better D, tied A B E at places 2 to 5; u1 B the same; u1 E the same; u2 A the same.
    assert value(program, "mrr", "keep", model="pop-recent")["mean"] == pytest.approx(
        (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 4
    )


def test_json_names_everything_of_the_contract(program: Program) -> None:
    row = value(program, "ndcg@10")
    assert {
        "model",
        "dataset",
        "split",
        "slice",
        "value",
        "metric",
        "n",
        "mean",
        "low",
        "high",
        "seen",
        "protocol",
    } <= {*row}
    assert (row["model"], row["dataset"], row["split"], row["slice"]) == ("pop", "shop", "test", "all")
    assert row["protocol"] == "full catalogue of 5; ties expected over random order; events of one time: file"


def test_asked_again_it_is_there_already(program: Program) -> None:
    before = program("results", "--json").document
    first, again = (program("evaluate", "pop", "--datasets", "shop", "--json").document for _ in range(2))
    assert first == again
    assert program("results", "--json").document == before


def test_options_that_change_nothing_are_warned_of(program: Program) -> None:
    made = program("evaluate", "pop", "--datasets", "shop", "--seed", "5", "--history", "unstructured")
    assert made.code == 0
    assert "Warning: --seed 5 changes nothing without --sample" in made.err
    assert "Warning: --history unstructured changes nothing for pop" in made.err
    assert "Warning" not in program("evaluate", "pop", "--datasets", "shop", "--seed", "5", "--sample", "4").err


def test_a_copy_of_the_folder_has_everything(program: Program, tmp_path: Path) -> None:
    copy = Program(Path(shutil.copytree(program.workspace, tmp_path / "copy")))
    assert copy("results", "--json").document == program("results", "--json").document
    assert copy("models", "--json").document == program("models", "--json").document


def test_other_splits_and_samples_are_other_evaluations(program: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(program.workspace, tmp_path / "copy")))
    train = own("evaluate", "pop", "--datasets", "shop", "--split", "train", "--json").document
    assert {row["n"] for row in train} == {2}
    sampled = [
        own("evaluate", "pop", "--datasets", "shop", "--sample", "2", "--seed", s, "--json").document for s in "0012"
    ]
    assert sampled[0] == sampled[1]
    assert {row["n"] for rows in sampled for row in rows} == {2}
    assert len({rows[0]["evaluation"] for rows in sampled}) == 3
    assert "sample 2 seed 0" in sampled[0][0]["protocol"]
    # A sample as large as the split is the split.
    whole = own("evaluate", "pop", "--datasets", "shop", "--sample", "4", "--json").document
    assert whole[0]["evaluation"] == value(program, "hr@1")["evaluation"]
    assert refusal(own("evaluate", "pop", "--datasets", "shop", "--split", "valid")).startswith(
        "st5: shop has no valid events"
    )


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    """Five items with the text model `tiny`, evaluated with it and with last-item over it."""
    program = Program(five_items(tmp_path_factory.mktemp("text")).folder)
    made = program(
        "train", "only", "--backbone", tiny_t5, "--name", "tiny", "--precision", "fp32", "--datasets", "shop"
    )
    assert made.code == 0, made.err
    assert program("baseline", "last-item", "--features", "tiny", "--datasets", "shop", "--precision", "fp32").code == 0
    return program


def exported(program: Program, kind: str, tmp_path: Path, *options: str) -> tuple[list[str], np.ndarray]:
    out = tmp_path / f"{kind}.npz"
    made = program(
        "embeddings", "tiny", "--dataset", "shop", "--kind", kind, "--out", out, "--precision", "fp32", *options
    )
    assert made.code == 0, made.err
    with np.load(out, allow_pickle=False) as file:
        assert sorted(file.files) == ["keys", "vectors"]
        return file["keys"].tolist(), file["vectors"]


def test_exported_vectors_are_those_that_were_ranked(text: Program, tmp_path: Path) -> None:
    keys, items = exported(text, "items", tmp_path)
    owners, histories = exported(text, "events", tmp_path)
    assert keys == ["k0", "k1", "k2", "k3", "k4"]
    assert owners == ["u0", "u1", "u1", "u2"]
    assert items.dtype == histories.dtype == np.float32
    assert items.shape == (5, 32)
    assert np.linalg.norm(histories, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert np.array_equal(items[0], items[4])  # two lamps, one text
    out = tmp_path / "ranks.csv"
    assert text("ranks", "tiny", "--dataset", "shop", "--out", out).code == 0
    rows = list(csv.DictReader(out.open(newline="")))
    seen = [{0, 1}, {0, 3}, {0, 3, 1}, {1}]
    for row, query, met in zip(rows, histories.astype(np.float64), seen, strict=True):
        scores = items.astype(np.float64) @ query
        target = keys.index(row["target"])
        for suffix, hidden in (("", set()), ("_masked", met)):
            others = [n for n in range(5) if n != target and n not in hidden]
            assert int(row[f"better{suffix}"]) == sum(scores[n] > scores[target] for n in others)
            assert int(row[f"tied{suffix}"]) == sum(scores[n] == scores[target] for n in others)


def test_users_are_represented_by_all_that_is_known_of_them(text: Program, tmp_path: Path) -> None:
    keys, users = exported(text, "users", tmp_path)
    assert keys == ["u0", "u1", "u2"]
    assert not np.allclose(users[0], exported(text, "events", tmp_path)[1][0])  # also knows the target


def test_last_item_ranks_by_the_text_of_the_newest_item(text: Program, tmp_path: Path) -> None:
    _, items = exported(text, "items", tmp_path)
    out = tmp_path / "ranks.csv"
    assert text("ranks", "last-item-tiny", "--dataset", "shop", "--out", out).code == 0
    rows = list(csv.DictReader(out.open(newline="")))
    for row, newest in zip(rows, (1, 3, 1, 1), strict=True):
        scores = items.astype(np.float64) @ items[newest].astype(np.float64)
        target = int(row["target"][1:])
        assert int(row["better"]) == sum(scores[n] > scores[target] for n in range(5) if n != target)
    (protocol,) = {row["protocol"] for row in text("results", "--json", "--model", "last-item-tiny").document}
    assert "newest item, title, 64 tokens" in protocol


def test_history_formats_and_item_texts_are_protocols_of_their_own(text: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(text.workspace, tmp_path / "copy")))
    keys = set()
    for options in (["--history", "unstructured"], ["--item-text", "title+description"], ["--item-text", "fields"]):
        rows = own("evaluate", "tiny", "--datasets", "shop", "--precision", "fp32", "--json", *options).document
        assert options[1] in rows[0]["protocol"]
        keys.add(rows[0]["evaluation"])
    assert len(keys) == 3
    lengths = own("results", "--json", "--by", "visible-length", "--metric", "mrr", "--seen", "keep").document
    assert {row["value"] for row in lengths} <= {"1", "2", "3"}


def blocks(program: Program) -> int:
    with sqlite3.connect(program.workspace / "st5.db") as db:
        return int(db.execute("SELECT count(*) FROM embedding_block").fetchone()[0])


def test_the_same_weights_under_another_name_are_not_encoded_again(
    text: Program, tmp_path: Path, tiny_t5: Path
) -> None:
    own = Program(Path(shutil.copytree(text.workspace, tmp_path / "copy")))
    before = blocks(own)
    assert (
        own("train", "only", "--backbone", tiny_t5, "--name", "twin", "--precision", "fp32", "--datasets", "shop").code
        == 0
    )
    assert blocks(own) == before
    numbers = [
        [(row["slice"], row["value"], row["metric"], row["seen"], row["mean"]) for row in rows]
        for rows in (own("results", "--json", "--model", name).document for name in ("tiny", "twin"))
    ]
    assert numbers[0] == numbers[1]
    assert numbers[0]


def test_the_same_content_under_another_dataset_name_has_its_own_results(text: Program, tmp_path: Path) -> None:
    from store.workspace import Workspace

    own = Program(Path(shutil.copytree(text.workspace, tmp_path / "copy")))
    add(Workspace(own.workspace), "again", TITLES, CATEGORIES, HISTORIES)
    before = blocks(own)
    rows = own("evaluate", "tiny", "--datasets", "again", "--precision", "fp32", "--json").document
    assert {row["dataset"] for row in rows} == {"again"}
    assert blocks(own) == before


def test_a_model_opens_in_plain_sentence_transformers(text: Program, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    (model,) = text("models", "tiny", "--json").document
    opened = SentenceTransformer(str(text.workspace / model["folder"]), device="cpu")
    _, items = exported(text, "items", tmp_path, "--history", "unstructured")
    assert np.abs(opened.encode("Title: Desk") - items[2]).max() < 1e-5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "tyni", "--datasets", "shop"], 'No model "tyni". Did you mean tiny'),
        (["evaluate", "tiny", "--datasets", "shpo"], 'No dataset "shpo". Did you mean shop'),
        (["evaluate", "tiny", "--datasets", "shop,nope"], 'No dataset "nope"'),
        (["evaluate", "tiny", "--datasets", ","], "--datasets is empty"),
        (["evaluate", "tiny", "--datasets", "shop", "--history", "structred"], "Did you mean structured"),
        (["evaluate", "tiny", "--datasets", "shop", "--item-text", "titel"], "Did you mean title"),
        (["evaluate", "tiny", "--datasets", "shop", "--sample", "-1"], "--sample -1"),
        (["evaluate", "tiny", "--datasets", "shop", "--precision", "fp8"], '--precision "fp8"'),
        (["evaluate", "tiny", "--datasets", "shop", "--sample", "3", "--device", "cuda:99"], "not on this machine"),
        (["evaluate", "pop", "--datasets", "shop", "--device", "gpu"], 'No device "gpu"'),
        (["embeddings", "tiny", "--dataset", "shop", "--kind", "items", "--out", "x", "--precision", "x"], '"x"'),
        (["embeddings", "pop", "--dataset", "shop", "--kind", "items", "--out", "/tmp/x"], "pop has no vectors"),
        (["embeddings", "tiny", "--dataset", "shop", "--kind", "items", "--out", "/no/where.npz"], "No such file"),
        (["embeddings", "tiny", "--dataset", "shop", "--kind", "items", "--out", "/tmp"], "is a folder"),
        (["ranks", "pop-recent", "--dataset", "shop", "--out", "x"], "pop-recent has not been used here yet"),
        (["ranks", "tiny", "--dataset", "shop", "--split", "train", "--out", "x"], "st5 evaluate tiny --datasets shop"),
        (["baseline", "popp", "--datasets", "shop"], 'No baseline "popp". Did you mean pop'),
        (["baseline", "pop", "--datasets", "shop", "--features", "tiny"], "pop reads no vectors"),
        (["train", "only", "--name", "a/b"], '"a/b" cannot be a name'),
        (["train", "only", "--backbone", "/no/folder"], "no such folder"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_message_and_changes_nothing(
    text: Program, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [text(name, "--json").document for name in ("results", "datasets")]
    failed = text(*arguments)
    assert words in refusal(failed)
    assert failed.code == 2
    assert [text(name, "--json").document for name in ("results", "datasets")] == before
    assert list(tmp_path.iterdir()) == []


def test_a_backbone_that_gives_no_numbers_is_refused_naming_the_text(tmp_path: Path, tiny_t5: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(tiny_t5, tmp_path / "broken"))
    tensors = load_file(broken / "model.safetensors")
    name = next(name for name in tensors if name.endswith("final_layer_norm.weight"))
    save_file(tensors | {name: tensors[name] * float("nan")}, broken / "model.safetensors", {"format": "pt"})
    program = Program(five_items(tmp_path / "w").folder)
    assert program("train", "only", "--backbone", broken, "--name", "nan").code == 0
    failed = program("evaluate", "nan", "--datasets", "shop")
    assert failed.code == 1
    assert "not finite" in refusal(failed)
    assert "Title: " in refusal(failed)
    assert blocks(program) == 0
    assert program("results", "--json").document == []


def test_a_backbone_too_short_for_the_markers_is_refused(tmp_path: Path) -> None:
    short = make_tiny_t5(tmp_path, length=4)
    program = Program(five_items(tmp_path / "w").folder)
    assert program("train", "only", "--backbone", short, "--name", "short").code == 0
    failed = program("evaluate", "short", "--datasets", "shop")
    assert failed.code == 2
    assert "reads 4 tokens at most" in refusal(failed)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("model.safetensors", "model.safetensors missing"),
        ("tokenizer.json", "tokenizer.json missing"),
        ("modules.json", "does not say how the vectors of its tokens become one"),
    ],
)
def test_a_backbone_with_files_missing_is_refused(tmp_path: Path, tiny_t5: Path, missing: str, words: str) -> None:
    broken = Path(shutil.copytree(tiny_t5, tmp_path / "broken"))
    (broken / missing).unlink()
    program = Program(tmp_path / "w")
    failed = program("train", "only", "--backbone", broken, "--name", "x")
    assert failed.code == 2
    assert words in refusal(failed)
    assert not (tmp_path / "w" / "models").exists()


def test_weights_that_are_gone_or_exchanged_are_noticed(text: Program, tmp_path: Path, tiny_roberta: Path) -> None:
    own = Program(Path(shutil.copytree(text.workspace, tmp_path / "copy")))
    folder = own.workspace / "models" / "tiny"
    question = ("recommend", "tiny", "--dataset", "shop", "--user", "u0")
    shutil.rmtree(folder)
    assert "the weights of tiny are gone" in refusal(own(*question))
    shutil.copytree(tiny_roberta, folder)
    assert "not the weights that were stored as tiny" in refusal(own(*question))


def test_a_folder_that_a_killed_process_left_half_written_is_not_taken_for_a_model(
    tmp_path: Path, tiny_t5: Path
) -> None:
    workspace = five_items(tmp_path)
    half = workspace.models / "tiny"
    half.mkdir(parents=True)
    shutil.copy(tiny_t5 / "modules.json", half)
    program = Program(tmp_path)
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny", "--datasets", "shop").code == 0
    assert len(program("results", "--json").document) > 0
