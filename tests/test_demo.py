"""The demo from an empty folder to its last line, with a small random encoder in the place of the real one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Run

pytest.importorskip("recbole", reason="MovieLens-100k (recbole 1.2.1) is not installed")


def test_the_demo_runs_every_first_model_on_everything_and_is_quick_the_second_time(st5: Run, tiny_t5: Path) -> None:
    # The demo takes the model `only` as it finds it; the real backbone would take minutes here.
    assert st5("train", "only", "--backbone", tiny_t5).returncode == 0
    first = st5("demo")
    assert first.returncode == 0, first.stderr
    rows = json.loads(st5("results", "--by", "all", "--metric", "ndcg@10", "--seen", "mask", "--json").stdout)
    datasets = {"ml-100k", "synthetic-Cameras", "synthetic-Games", "synthetic-Kitchen"}
    assert {(row["dataset"], row["model"]) for row in rows} == {
        (dataset, model) for dataset in datasets for model in ("pop", "pop-recent", "last-item", "only", "final")
    }
    assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in rows)
    for row in rows:
        label = f"{row['model']}, unstructured" if "; unstructured" in row["protocol"] else row["model"]
        assert re.search(rf"{row['dataset']} +{label} +{row['n']} +{row['mean']:.3f} ", first.stdout)
    assert first.stdout.count("Chose: ") == 3
    marked = [row for row in rows if "; unstructured" not in row["protocol"]]
    assert len(rows) == len(marked) + 4  # without markers, `only` alone is run again
    films = {row["model"]: row["mean"] for row in marked if row["dataset"] == "ml-100k"}
    word = "above" if films["only"] > films["pop"] else "below"
    assert re.search(rf"ml-100k: {films['only']:.3f} is (far )?{word} {films['pop']:.3f}", first.stderr)
    assert "(synthetic)" in first.stderr
    assert re.search(rf"ml-100k: {films['only']:.3f} -> {films['final']:.3f}", first.stderr)
    final = json.loads(st5("models", "final", "--json").stdout)[0]
    assert [phase["phase"] for phase in final["lineage"]] == ["item-description", "sequence-sequence", "sequence-item"]
    jobs = json.loads(st5("jobs", "list", "--json").stdout)
    assert [(job["kind"], job["state"]) for job in jobs] == [("train", "succeeded")]
    assert re.search(r"Took \d+ s: .*training final \d", first.stderr)
    assert "opens the workbench" in first.stderr

    second = st5("demo")
    assert second.returncode == 0
    assert second.stdout == first.stdout
    seconds = {text: float(re.search(r"Took (\d+) s", text)[1]) for text in (first.stderr, second.stderr)}  # type: ignore[index]
    assert seconds[second.stderr] < seconds[first.stderr]


def test_the_films_are_real_and_split_by_time(st5: Run) -> None:
    from engine.sources.movielens import embedded_folder

    done = st5("ingest", "movielens", embedded_folder(), "--name", "films", "--json")
    assert done.returncode == 0, done.stderr
    films = json.loads(done.stdout)[0]
    assert (films["users"], films["items"], films["interactions"]) == (943, 1682, 100_000)
    assert films["split"] == "quantile"
    assert sum(films["events"].values()) == 100_000 - 943  # a user's first film has no history
