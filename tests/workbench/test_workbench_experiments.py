"""Experiments in the workbench: what they show of what is stored, page by page, and text from data as it is."""

from __future__ import annotations

import dataclasses

import pytest
import shop
from conftest import check_snapshot, poll, press, screen_text, settle
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.arguments import Arguments
from engine.experiments.sheet import Cell, Line, LineFigure, Outcome, PointFigure, Row, Sheet
from store.evaluations import metric_rows
from store.experiments import put_experiment
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.experiment import ExperimentScreen
from workbench.results.experiment_view import ExperimentView, Offered
from workbench.results.sheet_table import sheet_table
from workbench.ui import numbers
from workbench.ui.table import Table

BEST = Cell(0.0456, 0.0412, 0.0501, n=1_000, users=900, place=1, significant=True, published=0.038)
SECOND = Cell(0.0444, 0.04, 0.0488, n=1_000, users=900, place=2, significant=False, note="3,000 events drawn")
SEEDS = Cell(0.041, n=1_000, users=900, seeds=3, spread=0.0012)
SHEET = Sheet(
    "own-mask", "Own models", ("dataset", "metric"), ("pop", "only", "nopre", "final"),
    (Row(("Books", "ndcg@10"), (SECOND, BEST, SEEDS, None)),), protocol="the rules",
    fingerprints={"Books": "0123456789"}, notes=("Books: 1,000 of 2,000 test events.",),
)  # fmt: skip
RATINGS = Sheet(
    "rating", "Ratings", ("dataset",), ("mean",), (Row(("films",), (Cell(1.0431, 1.0213, 1.0633, n=50, users=9),)),),
    lower_is_better=True,
)  # fmt: skip
LINES = (Line("pop", (Cell(0.1), Cell(0.2))), Line("only", (None, Cell(0.3))))
FIGURES = (
    LineFigure("f", "By length", "items before", "ndcg@10", ("1", "2"), LINES, notes=("few events",)),
    PointFigure("p", "Items", 7, (("silhouette", "0.123"),)),
)
MISSING = (("baseline", "pop", "--datasets", "Books"),)
OUTCOME = Outcome("own", "Own", "table A.1", (SHEET, RATINGS), FIGURES, MISSING, ("one was left out",))
VIEW = ExperimentView((Offered("own", "Own", requested=True),), OUTCOME, ("experiment", "own", "--datasets", "Books"))
OWN = """
title = "My own"
kind = "evaluations"
metrics = ["ndcg@10"]

[[arms]]
label = "popular"
model = "pop"

[[arms]]
label = "sentences"
model = "only"
"""
CURVES = OWN.replace('"evaluations"', '"curves"').replace("My own", "My curves")


def ask(workspace: Workspace, name: str, definition: str) -> None:
    arguments = Arguments(datasets=("movielens-small", "shop-garden"))
    with workspace.write() as db:
        put_experiment(db, name=name, definition=definition, arguments=arguments.document(), code_version="test")


def stored(workspace: Workspace, model: str, dataset: str, seen: str) -> float:
    with workspace.read() as db:
        (row,) = metric_rows(db, slice_name="all", metric="ndcg@10", seen=seen, model=model, dataset=dataset)
    return row.metric.mean


def texts(sheet: Sheet, *, thesis: bool) -> list[list[str]]:
    """The cells' lines, without blanks."""
    _, (line,) = sheet_table(sheet, thesis=thesis)
    return [[part.strip() for part in cell.plain.split("\n")] for cell in line.cells]


def test_a_cell_says_all_that_it_has() -> None:
    assert texts(SHEET, thesis=True) == [
        ["Books", "ndcg@10"],
        ["0.0444†²≈", ".0400–.0488"],
        ["0.0456¹", ".0412–.0501", "thesis .0380"],
        ["0.0410", "sd .0012 (3 seeds)"],
        ["–"],
    ]
    assert texts(SHEET, thesis=False)[2] == ["0.0456¹", ".0412–.0501"]
    assert texts(RATINGS, thesis=True)[1] == ["1.0431", "1.0213–1.0633"]
    counts = dataclasses.replace(RATINGS, rows=(Row(("films",), (Cell(12_101.0),)),), decimals=0)
    assert texts(counts, thesis=True)[1] == ["12,101"]


@given(st.text(max_size=60), st.text(max_size=60), st.floats(0, 1e6), st.integers(0, 6))
def test_no_text_from_data_breaks_a_sheet(name: str, column: str, value: float, decimals: int) -> None:
    sheet = Sheet("s", "s", (name, name), (column,), (Row((name, name), (Cell(value, 0.0, value),)),), decimals)
    headings, lines = sheet_table(sheet, thesis=True)
    assert [len(line.cells) for line in lines] == [len(headings)] == [2]
    for cell in lines[0].cells:
        assert len(cell.plain.split("\n")) <= lines[0].height
        assert not any(ord(c) < 32 and c != "\n" for c in cell.plain)


async def test_an_experiment_that_was_asked_for_is_shown_and_follows_the_seen_rule(workspace: Workspace) -> None:
    ask(workspace, "own", OWN)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        for seen in ("mask", "keep"):
            text = screen_text(app)
            assert "My own" in text
            for model, dataset in (("pop", "movielens-small"), ("only", "shop-garden")):
                assert numbers.mean(stored(workspace, model, dataset, seen)) in text
            await press(pilot, "x")
        assert "popular, movielens-small, ndcg@10: " in screen_text(app)
        assert "60 events; 60 users" in screen_text(app)
        await press(pilot, "l")
        assert "sentences, movielens-small, ndcg@10: " in screen_text(app)
        await press(pilot, "e")
        assert "» own  My own" in screen_text(app)
        assert "main" in screen_text(app)
        await press(pilot, "j enter")
        assert app.ui_state.results.experiment != "own"
        assert "My own" not in screen_text(app)
        await press(pilot, "C")
        assert app.clipboard.startswith(f"st5 experiment {app.ui_state.results.experiment} --datasets ")
        await press(pilot, "escape")
        assert "metric NDCG@10" in screen_text(app)
        await press(pilot, "e e g enter")  # one metric
        assert "metric NDCG@10" in screen_text(app)


async def test_pages_in_turn_tables_then_figures(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        app.screen.post_message(ExperimentScreen.Loaded(VIEW))
        await settle(pilot)
        text = screen_text(app)
        assert "page 1 of 4" in text
        assert "Own models  table A.1" in text
        for words in ("thesis .0380", "the rules", "data: Books 01234567", "1,000 of 2,000", "one was left out"):
            assert words in text
        assert "3,000 events drawn" in text
        await press(pilot, "p")
        assert "thesis .0380" not in screen_text(app)
        assert "p thesis hidden" in screen_text(app)
        await press(pilot, "n")
        assert "1.0431" in screen_text(app)
        await press(pilot, "n")
        text = screen_text(app)
        assert "a pop   b only" in text
        assert "few events" in text
        assert not app.screen.query_one("#sheet", Table).display
        await press(pilot, "n")
        text = screen_text(app)
        assert "silhouette" in text
        assert "0.123" in text
        assert "projection 7" in text
        await press(pilot, "n N n")
        assert "Own models" in screen_text(app)
        assert "1 command to be run" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_page(workspace: Workspace, size: tuple[int, int]) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        app.screen.post_message(ExperimentScreen.Loaded(VIEW))
        await settle(pilot)
        check_snapshot(app, f"experiment-{size[0]}x{size[1]}")


async def test_curves_of_what_is_stored_are_drawn(workspace: Workspace) -> None:
    ask(workspace, "lengths", CURVES.replace("metrics", 'slices = ["history-length"]\nmetrics'))
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e N")
        assert "a popular   b sentences" in screen_text(app)
        assert "21-50" in screen_text(app)


async def test_without_a_dataset_there_is_a_next_step(tmp_path) -> None:
    app = Workbench(Workspace(tmp_path / "none"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        shown = screen_text(app)
        assert "there is no dataset. Home (1) says how to get one." in shown
        await press(pilot, "e n C p escape")  # no key leads to an experiment of nothing
        assert screen_text(app) == shown


async def test_what_is_not_stored_yet_comes_with_its_command(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "books [red]", users=6, items=12, seed=1)
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        assert "st5 experiment main --datasets 'books [red]'" in " ".join(screen_text(app).split())


async def test_a_dataset_removed_under_an_experiment_leaves_the_rest(workspace: Workspace) -> None:
    ask(workspace, "own", OWN)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        shop.add_dataset(workspace, "shop-garden", users=3, items=10, seed=9, replace=True)
        await poll(pilot)
        assert numbers.mean(stored(workspace, "pop", "movielens-small", "mask")) in screen_text(app)
        with workspace.write() as db:
            db.execute("DELETE FROM dataset")
        await poll(pilot)
        assert "There is no dataset yet" in screen_text(app)


@pytest.mark.parametrize("definition", ["{broken", 'title = "x"\nkind = "none"'])
async def test_a_broken_definition_becomes_a_dialog(workspace: Workspace, definition: str) -> None:
    ask(workspace, "own", definition)
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 e")
        assert "Something could not be read" in screen_text(app)
        await press(pilot, "escape escape")
        assert "metric NDCG@10" in screen_text(app)
