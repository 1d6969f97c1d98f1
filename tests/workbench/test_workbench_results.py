"""Results: the right numbers in the right cells, and what may not be compared."""

from __future__ import annotations

import shop
from conftest import press, screen_text, settle

from store.evaluations import metric_rows
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.results_grid import read_results
from workbench.ui import numbers
from workbench.ui.table import Table
from workbench.ui.ui_state import ResultsChoice


def stored(workspace: Workspace, model: str, dataset: str, metric: str, seen: str, value: str = "all") -> float:
    with workspace.read() as db:
        rows = metric_rows(db, metric=metric, seen=seen, model=model, dataset=dataset)
    return next(row.metric.mean for row in rows if row.metric.value == value)


async def test_keys_switch_metric_k_seen_and_mean(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        for keys, metric, seen in [
            ("", "ndcg@10", "mask"),
            ("x", "ndcg@10", "keep"),
            ("plus", "ndcg@20", "keep"),
            ("plus plus", "ndcg@50", "keep"),
            ("minus minus minus minus minus", "ndcg@1", "keep"),
            ("m", "mrr", "keep"),
            ("m x", "hr@1", "mask"),
        ]:
            await press(pilot, keys)
            shown = numbers.mean(stored(workspace, "only", "movielens-small", metric, seen))
            assert shown in screen_text(app), (metric, seen)
            assert metric.upper() in screen_text(app)
        await press(pilot, "u")
        assert "mean over users" in screen_text(app)


def test_best_and_second_are_marked_where_events_agree(workspace: Workspace) -> None:
    grid = read_results(workspace, ResultsChoice(dataset="movielens-small")).grid
    means = {label: row[0].mean for label, row in zip(grid.labels, grid.cells, strict=True) if row[0]}
    places = {label: row[0].place for label, row in zip(grid.labels, grid.cells, strict=True) if row[0]}
    first, second, *others = sorted(means, key=means.__getitem__, reverse=True)
    assert (places[first], places[second]) == (1, 2)
    assert all(places[label] == 0 for label in others)
    assert grid.columns[0].n == 60
    assert grid.notes == ()


def test_a_sample_of_one_dataset_and_all_events_of_another_are_one_row(workspace: Workspace) -> None:
    shop.add_model(workspace, "new")
    shop.evaluate(workspace, "new", "movielens-small", sample=20)
    shop.evaluate(workspace, "new", "shop-garden")
    for choice in (ResultsChoice(), ResultsChoice(dataset="movielens-small")):
        view = read_results(workspace, choice)
        row = view.grid.labels.index("new")
        assert all(view.grid.cells[row][: len(view.grid.columns)])
    view = read_results(workspace, ResultsChoice())
    assert [line.label for line in view.curves.lines][-1] == "new"
    shop.evaluate(workspace, "new", "shop-garden", sample=20)  # now one dataset has both
    labels = read_results(workspace, ResultsChoice()).grid.labels
    assert "new" not in labels
    assert {"new · sample 20", "new · all events"} <= set(labels)


def test_different_samples_are_told_apart_and_not_compared(workspace: Workspace) -> None:
    shop.evaluate(workspace, "only", "movielens-small", sample=20)
    shop.evaluate(workspace, "only", "movielens-small", history="unstructured")
    grid = read_results(workspace, ResultsChoice(dataset="movielens-small")).grid
    assert "only · sample 20 · structured" in grid.labels
    assert "only · all events · unstructured" in grid.labels
    assert {cell.place for row in grid.cells for cell in row if cell} == {0}
    assert grid.columns[0].n is None
    assert grid.notes == (
        "movielens-small: not comparable across rows (60 test events against 20 test events, sample seed 0);"
        " none is marked best.",
    )


async def test_history_lengths_come_in_order_and_the_chart_follows(workspace: Workspace) -> None:
    view = read_results(workspace, ResultsChoice(dataset="movielens-small", slice="history-length"))
    assert [column.value for column in view.grid.columns][-3:] == ["10", "11-20", "21-50"]
    assert view.curves.ticks == tuple(column.value for column in view.grid.columns)
    assert [line.label for line in view.curves.lines] == ["pop", "pop-recent", "last-item", "only"]
    line = view.curves.lines[3]
    assert line.values[-1] == stored(workspace, "only", "movielens-small", "ndcg@10", "mask", "21-50")


async def test_sort_and_filter_and_the_chart_of_the_column(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 s")
        table = app.screen.query_one("#grid", Table)
        names = [str(table.get_row_at(row)[0]).split()[0] for row in range(table.row_count)]
        means = [stored(workspace, name, "movielens-small", "ndcg@10", "mask") for name in names]
        assert means == sorted(means, reverse=True)
        assert "▼ n 60" in screen_text(app)
        await press(pilot, "l")
        assert "shop-garden, NDCG@10" in screen_text(app)
        await press(pilot, "slash p o p enter")
        assert table.row_count == 2
        await press(pilot, "slash escape c")
        assert "By history length" not in screen_text(app)


async def test_what_was_looked_at_is_remembered(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 d j enter v j j enter m x plus u")
        await press(pilot, "5 r")
        user = app.ui_state.users.user
        app.theme = "nord"
        await settle(pilot)
        await pilot.press("q")
    again = Workbench(workspace)
    assert again.theme == "nord"
    assert again.ui_state.users.user == user
    assert again.ui_state.results == ResultsChoice(
        dataset="movielens-small", slice="category", family="mrr", cutoff=10, seen="keep", user_mean=True
    )


async def test_readonly_remembers_nothing(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 x q")
    assert Workbench(workspace).ui_state.results.seen == "mask"


async def test_the_thesis_number_stands_below_ours_where_it_has_one(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "video_games_2018", users=12, items=30, seed=5)
    for model in ("pop", "pop-recent", "only"):
        shop.evaluate(workspace, model, "video_games_2018")
    shop.evaluate(workspace, "only", "video_games_2018", history="unstructured")
    choice = ResultsChoice(dataset="video_games_2018", family="hr")
    grid = read_results(workspace, choice).grid
    found = {label: row[0].thesis for label, row in zip(grid.labels, grid.cells, strict=True) if row[0]}
    source = "Video_Games, {}, another edition of the data (2018)"
    assert {label: thesis and (thesis.value, thesis.source) for label, thesis in found.items()} == {
        "pop": (0.005, "A.1, " + source.format("pop")),
        "pop-recent": None,
        "only · structured": (0.0147, "A.1, " + source.format("st5-only")),
        "only · unstructured": (0.0148, "A.3, " + source.format("unstructured")),
    }
    lengths = read_results(workspace, ResultsChoice(dataset="video_games_2018", slice="history-length", family="hr"))
    assert not any(cell.thesis for row in lengths.grid.cells for cell in row if cell)  # published for all events only
    app = Workbench(workspace)
    app.ui_state.results = choice
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        assert "thesis .0050" in screen_text(app)
        assert "thesis 0.0050 (A.1, Video_Games, pop, another edition of the data (2018))" in screen_text(app)
        await press(pilot, "p")
        assert "thesis .0050" not in screen_text(app)
        await press(pilot, "m m")  # MRR was not published
        assert "p thesis" not in screen_text(app)


async def test_what_does_not_differ_from_the_best_is_marked(workspace: Workspace) -> None:
    app = Workbench(workspace)
    app.ui_state.results.dataset = "movielens-small"
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        table = app.screen.query_one("#grid", Table)
        shown = {str(row[0]).split()[0]: str(row[1]).split()[0] for row in map(table.get_row_at, range(4))}
        means = {name: numbers.mean(stored(workspace, name, "movielens-small", "ndcg@10", "mask")) for name in shown}
        # pop's interval (.00–.08) lies below that of the best (.17–.38); all the others overlap widely
        marks = {"pop": "", "pop-recent": "≈", "last-item": "¹", "only": "²≈"}
        assert shown == {name: means[name] + mark for name, mark in marks.items()}
        assert "≈ not significantly different from the best" in screen_text(app)


async def test_nothing_is_marked_where_events_differ(workspace: Workspace) -> None:
    shop.evaluate(workspace, "pop-recent", "movielens-small", sample=20)
    app = Workbench(workspace)
    app.ui_state.results.dataset = "movielens-small"
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        table = app.screen.query_one("#grid", Table)
        assert not any("≈" in str(table.get_row_at(row)[1]) for row in range(table.row_count))
