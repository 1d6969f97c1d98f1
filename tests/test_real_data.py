"""Every real dataset beside the project through the command line: ingest, evaluate, results, recommend."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.program import Program

pytestmark = pytest.mark.real

SAMPLE = 8
LEAVE_ONE_OUT = ["--split", "leave-one-out"]
# name -> (how it is read, files, options, users, items of the source). The embedded MiniLM reads the two small
# catalogues; encoding 23,000 titles with it takes minutes, so a tiny random T5 reads two others, and bm25 the rest.
REAL = {
    "industrial_scientific_2018": ("table", {}, LEAVE_ONE_OUT, 8_317, 4_344),
    "beauty_2014": ("table", {}, LEAVE_ONE_OUT, 22_363, 12_101),
    "video_games_2018": ("table", {}, LEAVE_ONE_OUT, 50_546, 16_859),
    "books_2014": ("table", {}, ["--split", "quantile"], 37_692, 23_348),
    "all_beauty_2023": (
        "amazon23",
        {f"--{split}": f"All_Beauty.{split}.csv.gz" for split in ("train", "valid", "test")}
        | {"--meta": "meta_All_Beauty.jsonl.gz"},
        ["--domain", "All_Beauty"],
        253,
        356,
    ),
    "gift_cards_2018": (
        "amazon23",
        {"--reviews": "Gift_Cards.jsonl.gz", "--meta": "meta_Gift_Cards.jsonl.gz"},
        ["--domain", "Gift_Cards", "--split", "quantile"],
        458,
        1_547,
    ),
    "ml_latest_small": ("movielens", {}, ["--split", "quantile"], 610, 9_742),
}
SMALL = ("all_beauty_2023", "gift_cards_2018")
READ_BY_T5 = ("industrial_scientific_2018", "books_2014")


def ingested(program: Program, name: str, data: Path) -> dict[str, Any]:
    kind, files, options, *_ = REAL[name]
    folder = data / name
    arguments: list[str | Path] = [part for option, file in files.items() for part in (option, folder / file)]
    if kind == "table":
        arguments = ["--events", folder / "interactions.csv.gz", "--items", folder / "items.jsonl.gz"]
    if kind == "movielens":
        arguments = [folder]
    made = program("ingest", kind, *arguments, *options, "--name", name, "--json")
    return dict(made.document[0])


@pytest.mark.parametrize("name", REAL)
def test_ingest_evaluate_results_recommend(name: str, real_data: Path, tiny_t5: Path, tmp_path: Path) -> None:
    program = Program(tmp_path / "w")
    dataset = ingested(program, name, real_data)
    users, items = REAL[name][3:]
    assert 0.9 * users <= dataset["users"] <= users
    assert 0.9 * items <= dataset["items"] <= items
    assert dataset["events"]["test"] > 100
    shown = program("datasets", name, "--json").document[0]
    assert shown | dataset == shown

    if name in READ_BY_T5:
        assert program("train", "only", "--backbone", tiny_t5).code == 0
    models = ("only", "last-item", "pop") if name in SMALL + READ_BY_T5 else ("bm25", "pop")
    made = program("evaluate", *models, "--datasets", name, "--sample", str(SAMPLE), "--json")
    whole = made.document
    assert {row["model"] for row in whole} == set(models)
    assert {row["n"] for row in whole} == {SAMPLE}
    rows = program("results", "--json").document
    assert [row for row in rows if row["slice"] == "all"] == whole
    assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in rows if row["slice"] == "all")
    assert all(row["tie_lower"] - 1e-9 <= row["mean"] <= row["tie_upper"] + 1e-9 for row in rows)
    assert all(f"full catalogue of {dataset['items']}" in row["protocol"] for row in rows)

    out = tmp_path / "ranks.csv"
    assert program("ranks", models[0], "--dataset", name, "--out", out).code == 0
    table = list(csv.DictReader(out.open(newline="")))
    assert len(table) == SAMPLE
    hit = sum(int(row["better_masked"]) + int(row["tied_masked"]) < 10 for row in table) / SAMPLE
    (lower,) = {
        row["tie_lower"] for row in whole if (row["model"], row["metric"], row["seen"]) == (models[0], "hr@10", "mask")
    }
    assert lower == pytest.approx(hit)

    user, target = table[0]["user"], table[0]["target"]
    for model in models:
        best = program("recommend", model, "--dataset", name, "--user", user, "--json").document
        assert [row["rank"] for row in best] == list(range(1, 11))
        assert [row["score"] for row in best] == sorted((row["score"] for row in best), reverse=True)
        assert target not in {row["item"] for row in best}  # what a user is known to have is left out
    if name in SMALL:
        question = ("--history", best[0]["title"], "--history", "a gift")
        by_title = program("recommend", "only", "--dataset", name, *question, "--json")
        assert len(by_title.document) == 10
        assert "a gift  (read as words" in by_title.err
        assert dataset["fingerprint"] in program("datasets", name).out
