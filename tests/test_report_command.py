"""`st5 report`: from a workspace's experiments to files, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.report.csv_table import FIRST
from tests.program import Program, refusal
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items

FILES = {"report.html", "report.md", "report.tex"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A shop under a name of the thesis, ranked by popularity, with two experiments asked for."""
    workspace = five_items(tmp_path_factory.mktemp("report"), "books_2014", domain="Books")
    add(workspace, "other", TITLES, CATEGORIES, HISTORIES)
    program = Program(workspace.folder)
    asked = ("--datasets", "books_2014,other")
    assert program("experiment", "main", *asked, "--models", "pop,pop-recent").code == 0
    assert program("experiment", "statistics", *asked).code == 0
    return program


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_it_writes_every_format(program: Program, tmp_path: Path) -> None:
    done = program("report", "--out", tmp_path / "deep" / "report")
    assert done.code == 0, done.err
    there = contents(tmp_path / "deep" / "report")
    assert set(there) >= FILES
    assert {str(tmp_path / "deep" / "report" / name) for name in there} == set(done.out.split("\n")) - {""}
    tables = [name for name in there if name.startswith("tables/")]
    assert {"tables/main-keep.csv", "tables/main-mask.csv", "tables/statistics-counts.csv"} <= set(tables)
    assert all(there[name].startswith(",".join(FIRST).encode()) for name in tables)


def test_numbers_provenance_audits_and_commands_are_in_it(program: Program, tmp_path: Path) -> None:
    assert program("report", "--out", tmp_path, "--format", "md").code == 0
    text = (tmp_path / "report.md").read_text()
    # Five items, so every target is among the best ten; four test events of three users.
    (row,) = [
        line for line in text.split("\n") if line.startswith(r"| books\_2014 | hr@10 | ") and "thesis" not in line
    ][:1]
    assert "1.0000" in row
    assert "4 (3)" in row
    assert "thesis 233,260" in text  # users of Books (Appendix C)
    assert "another edition of the data (2014)" in text
    for heading in ("### Datasets", "### Models", "### Evaluations", "### Test events met in training"):
        assert heading in text
    for model in ("pop", "pop-recent"):
        assert f"| {model} | {model} | – |" in text
    assert r"key probe: not measured; `st5 datasets other` does" in text.replace("\\", "")
    assert r"    st5 experiment main --datasets books_2014,other --models pop,pop-recent" in text
    evaluations = json.loads(program("results", "--json").out)
    assert {each["dataset"] for each in evaluations} == {"books_2014", "other"}
    assert text.index("All models") < text.index("The data")


def test_the_same_store_gives_the_same_bytes(program: Program, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert program("report", "--out", tmp_path / name).code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_an_older_report_makes_way_and_other_files_stay(program: Program, tmp_path: Path) -> None:
    assert program("report", "--out", tmp_path).code == 0
    everything = contents(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "tables" / "mine.csv").write_text("user,item\n1,2\n")
    (tmp_path / "report.html").write_text("broken")
    assert program("report", "--out", tmp_path, "--experiments", "statistics").code == 0
    there = contents(tmp_path)
    assert (there["notes.txt"], there["tables/mine.csv"]) == (b"mine", b"user,item\n1,2\n")
    assert "tables/main-keep.csv" not in there
    assert "tables/statistics-counts.csv" in there
    assert b"broken" not in there["report.html"]
    assert program("report", "--out", tmp_path).code == 0
    assert everything.items() <= contents(tmp_path).items()


def test_some_formats_and_some_experiments(program: Program, tmp_path: Path) -> None:
    assert program("report", "--out", tmp_path, "-f", "latex", "-f", "html", "--experiments", "main").code == 0
    assert set(contents(tmp_path)) == {"report.tex", "report.html"}
    assert "<h2>The data</h2>" not in (tmp_path / "report.html").read_text()


def test_it_is_a_job_that_can_be_detached(program: Program, tmp_path: Path) -> None:
    number = int(program("report", "--out", tmp_path / "later", "--format", "md", "--detach").out)
    assert program("jobs", "logs", str(number), "-f").code == 0
    job = next(job for job in program("jobs", "list", "--json").document if job["id"] == number)
    assert job["state"] == "succeeded"
    assert "report --out" in job["command"]
    assert (tmp_path / "later" / "report.md").exists()


def test_an_empty_workspace_is_told_what_to_do(tmp_path: Path) -> None:
    message = refusal(Program(five_items(tmp_path / "w").folder)("report", "--out", tmp_path / "r"))
    assert "st5 experiment main --datasets" in message
    assert not (tmp_path / "r").exists()
    assert "no workspace here" in refusal(Program(tmp_path / "none")("report", "--out", tmp_path / "r"))


def test_what_cannot_be_is_refused_before_anything_is_written(program: Program, tmp_path: Path) -> None:
    assert 'No format "pdf"' in refusal(program("report", "--out", tmp_path / "r", "--format", "html,pdf"))
    assert "Did you mean main" in refusal(program("report", "--out", tmp_path / "r", "--experiments", "mian"))
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "deep"):
        assert "is a file" in refusal(program("report", "--out", out))
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "r").exists()


def test_an_experiment_of_which_nothing_is_stored(tmp_path: Path) -> None:
    program = Program(five_items(tmp_path / "w").folder)
    assert "Nothing is stored yet" in program("experiment", "main", "--datasets", "shop", "--models", "final").err
    message = refusal(program("report", "--out", tmp_path / "r"))
    assert "Nothing is stored yet of main. Run it first: `st5 experiment main --datasets shop" in message
    assert not (tmp_path / "r").exists()
