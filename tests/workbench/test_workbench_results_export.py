"""What is shown is written: to a file that is never overwritten unasked, or to the clipboard; in three forms."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
import shop
from conftest import check_snapshot, notifications, press, screen_text, settle, until

from store.evaluations import metric_rows
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.results_grid import read_results
from workbench.results.results_sheet import view_sheet
from workbench.ui.exported import Form, default_name, problem, written
from workbench.ui.ui_state import ResultsChoice

ALL = ResultsChoice()


def sheet_of(workspace: Workspace, choice: ResultsChoice = ALL):
    view = read_results(workspace, choice)
    rows = range(len(view.grid.rows))
    return view_sheet(view, choice, rows, verdicts={}, wanted="")


def test_csv_has_every_number_with_all_its_digits_and_its_protocol(workspace: Workspace) -> None:
    rows = list(csv.DictReader(io.StringIO(written(sheet_of(workspace), Form.CSV))))
    assert len(rows) == 7
    with workspace.read() as db:
        stored = {
            (r.evaluation.model, r.evaluation.dataset): r.metric
            for r in metric_rows(db, slice_name="all", metric="ndcg@10", seen="mask")
        }
    for row in rows:
        metric = stored[row["model"], row["column"].split(" · ")[0]]
        assert (float(row["value"]), float(row["low"]), int(row["n"])) == (metric.mean, metric.low, metric.n)
        assert row["protocol"].startswith("test events; full catalogue; ties expected")
        assert row["table"] == "NDCG@10, seen items masked, mean over events"


def test_markdown_and_latex_say_marks_n_candidates_and_fingerprints(workspace: Workspace) -> None:
    sheet = sheet_of(workspace, ResultsChoice(dataset="movielens-small"))
    text = written(sheet, Form.MARKDOWN)
    assert "best of its column" in text
    assert "movielens-small, n 60" in text
    assert "Candidates: movielens-small 100." in text
    assert "fingerprint-" in text
    tex = written(sheet, Form.LATEX)
    assert r"\toprule" in tex
    assert r"\textbf{0" in tex
    assert tex.startswith("% ")


def test_names_are_neither_formulas_nor_latex(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "fresh", users=10, items=30, seed=8)
    shop.add_model(workspace, "=a&b_c")
    shop.evaluate(workspace, "=a&b_c", "fresh")
    sheet = sheet_of(workspace, ResultsChoice(dataset="fresh"))
    assert r"=a\&b\_c" in written(sheet, Form.LATEX)
    assert next(csv.DictReader(io.StringIO(written(sheet, Form.CSV))))["model"] == "'=a&b_c"


async def test_the_filtered_and_sorted_view_is_written_also_readonly(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 s slash p o p enter o")
        check_snapshot(app, "export-80x24")
        await press(pilot, "down down down enter")  # through all forms, back to CSV
        assert "Written to ndcg-10-seen-items-masked-mean-over-events.csv" in notifications(app)
    (file,) = Path.cwd().glob("*.csv")
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert [row["model"] for row in rows] == ["pop-recent", "pop", "pop"]


async def test_a_file_that_is_there_is_replaced_only_when_asked_twice(workspace: Workspace) -> None:
    Path("mine.md").write_text("mine", encoding="utf-8")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 o down ctrl+u m i n e full_stop m d enter")
        assert "is there already" in screen_text(app)
        await press(pilot, "escape")
        assert Path("mine.md").read_text(encoding="utf-8") == "mine"
        await press(pilot, "enter enter")
        await settle(pilot)
    assert "best of its column" in Path("mine.md").read_text(encoding="utf-8")


async def test_the_clipboard_takes_it_too(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 o down ctrl+y")
        await settle(pilot)
        assert "| model |" in app.clipboard
        assert not list(Path.cwd().glob("*.md"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_when_the_folder_cannot_be_written_a_dialog_says_so(workspace: Workspace) -> None:
    Path("closed").mkdir(mode=0o500)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 o ctrl+u c l o s e d slash x enter")
        assert "Name another file" in await until(pilot, "cannot be written")


def test_what_is_typed_is_judged_as_it_is_typed(tmp_path: Path) -> None:
    assert problem(str(tmp_path / "new.csv")) == ""
    assert "is a folder" in problem(str(tmp_path))
    assert "is not an existing folder" in problem(str(tmp_path / "no" / "x.csv"))
    assert "needed" in problem("  ")
    assert default_name("NDCG@10 by category, ../x; rm") == "ndcg-10-by-category-x-rm"
    assert default_name("…") == "table"


async def test_differences_and_events_are_written_too(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 G space g space a o ctrl+y")
        rows = list(csv.DictReader(io.StringIO(app.clipboard)))
        assert {row["column"] for row in rows} == {"first", "other", "difference", "p", "p Holm"}
        assert {row["dataset"] for row in rows} == {"movielens-small", "shop-garden"}
        await press(pilot, "enter o ctrl+y")
        rows = list(csv.DictReader(io.StringIO(app.clipboard)))
        assert len(rows) == 60 * 4
        assert {row["column"] for row in rows} == {"rank only", "ndcg@10 only", "rank pop", "ndcg@10 pop"}
