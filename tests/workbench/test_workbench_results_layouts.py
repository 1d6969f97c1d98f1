"""Results by format and by variant: what stands beside what, which is the best of a row, and what is never compared."""

from __future__ import annotations

import pytest
import shop
from conftest import check_snapshot, press, screen_text, settle

from engine.measuring.against_best import compare_with_best
from engine.measuring.highlighting import not_significant
from engine.measuring.metrics import measure
from engine.tables.significance import group_p_values, groups_to_test, verdicts
from store.enums import Seen, Slice
from store.models import put_model
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.results_grid import read_results
from workbench.ui.ui_state import ResultsChoice

FORMAT = ResultsChoice(dataset="movielens-small", columns="format")
VARIANT = ResultsChoice(dataset="movielens-small", columns="variant")


def add_variants(workspace: Workspace, *names: str, recipe: str = "thesis") -> None:
    for name in names:
        with workspace.write() as db:
            put_model(
                db, name=name, kind="text", variant=name.partition("-")[0], weights_hash=name, code_version="test",
                backbone="all-MiniLM-L6-v2", seed=0,
                recipe={"recipe": recipe, "request": {"datasets": {"movielens-small": "f"}}},
            )  # fmt: skip
        shop.evaluate(workspace, name, "movielens-small")


def test_formats_are_columns_and_the_best_is_that_of_its_row(workspace: Workspace) -> None:
    for history in ("unstructured", "instruction+structured"):
        shop.evaluate(workspace, "only", "movielens-small", history=history)
    grid = read_results(workspace, FORMAT).grid
    assert [column.value for column in grid.columns] == [
        "structured · title",
        "unstructured · title",
        "instruction+structured · title",
    ]
    assert grid.labels == ("only · n 60",)
    (row,) = grid.cells
    order = sorted(row, key=lambda cell: -cell.mean if cell else 0)
    assert [cell.place for cell in order if cell] == [1, 2, 0]
    assert grid.notes == ("Without a format of the history: pop, pop-recent, last-item.",)


def test_formats_over_other_events_stand_in_rows_of_their_own(workspace: Workspace) -> None:
    shop.evaluate(workspace, "only", "movielens-small", history="unstructured", sample=20)
    grid = read_results(workspace, FORMAT).grid
    assert grid.labels == ("only · all events · n 60", "only · sample 20 · n 20")
    assert [[cell is not None for cell in row] for row in grid.cells] == [[True, False], [False, True]]
    assert {cell.place for row in grid.cells for cell in row if cell} == {0}


def test_variants_are_columns_in_the_order_of_the_thesis_beside_the_untrained_backbone(workspace: Workspace) -> None:
    add_variants(workspace, "final", "nopre")
    add_variants(workspace, "nopre-long", recipe="long")
    grid = read_results(workspace, VARIANT).grid
    assert [column.value for column in grid.columns] == ["only", "nopre", "final"]
    shown = {
        label: [cell.evaluation.model if cell else "" for cell in row]
        for label, row in zip(grid.labels, grid.cells, strict=True)
    }
    assert shown == {
        "all-MiniLM-L6-v2 · recipe thesis · n 60": ["only", "nopre", "final"],
        "all-MiniLM-L6-v2 · recipe long · n 60": ["only", "nopre-long", ""],
    }
    everywhere = read_results(workspace, ResultsChoice(columns="variant")).grid
    assert everywhere.labels[0] == "all-MiniLM-L6-v2 · movielens-small · recipe thesis · n 60"
    assert "all-MiniLM-L6-v2 · shop-garden · n 30" in everywhere.labels


def test_models_alike_in_all_that_is_known_of_their_training_get_a_row_each(workspace: Workspace) -> None:
    add_variants(workspace, "nopre", "nopre-again")
    labels = read_results(workspace, VARIANT).grid.labels
    assert labels == ("all-MiniLM-L6-v2 · nopre · n 60", "all-MiniLM-L6-v2 · nopre-again · n 60")


def test_an_unusual_format_is_named_also_where_a_model_has_no_other(workspace: Workspace) -> None:
    with workspace.write() as db:
        put_model(db, name="other", kind="text", variant="nopre", weights_hash="o", code_version="test")
    shop.add_model(workspace, "only")
    shop.add_dataset(workspace, "fresh", users=10, items=30, seed=8)
    shop.evaluate(workspace, "only", "fresh", history="unstructured")
    assert read_results(workspace, ResultsChoice(dataset="fresh")).grid.labels == ("only · unstructured",)


@pytest.mark.parametrize("choice", [ResultsChoice(), ResultsChoice(slice="domain"), FORMAT])
def test_holm_goes_over_the_whole_table(workspace: Workspace, choice: ResultsChoice) -> None:
    shop.evaluate(workspace, "only", "movielens-small", history="unstructured")
    grid = read_results(workspace, choice).grid
    groups = groups_to_test(grid, choice.measured)
    p: dict[tuple[str, str], float] = {}
    with workspace.read() as db:
        answers = {group: group_p_values(db, group, cells) for group, cells in groups.items()}
        for each in groups.values():
            found = compare_with_best(
                db, each.evaluations, Slice(choice.divided), [measure(choice.metric)], [Seen(choice.seen)]
            )
            keys = {one.id: one.key for one in each.evaluations}
            p |= {(keys[one.evaluation_id], one.value): one.p for one in found}
    found_verdicts = verdicts(groups, answers, grid)
    shown = {
        (cell.evaluation.key, cell.metric.value): sure
        for (r, c), sure in found_verdicts.items()
        if (cell := grid.cells[r][c])
    }
    alike = not_significant(p)
    assert shown == {key: key not in alike for key in p}
    assert len(p) > 0
    one = next(iter(groups))
    assert verdicts(groups, {one: answers[one]}, grid) == (found_verdicts if len(groups) == 1 else {})


async def test_v_chooses_formats_and_slices_alike_and_marks_are_set_on_numbers(workspace: Workspace) -> None:
    shop.evaluate(workspace, "only", "movielens-small", history="unstructured")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 v G k enter")
        assert "v by format" in screen_text(app)
        check_snapshot(app, "formats-80x24")
        await press(pilot, "space l space")
        text = screen_text(app)
        assert "A " in text
        assert "B " in text
        await press(pilot, "a")
        assert "A only · structured   B only · unstructured" in screen_text(app)
        await press(pilot, "escape escape v g j enter")
        assert "v by domain" in screen_text(app)


async def test_columns_are_sorted_best_first_worst_first_and_as_made(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        names = []
        for key in ("", "s", "s", "s", "h s", "s"):
            await press(pilot, key)
            table = app.screen.query_one("#grid")
            names.append([str(table.get_row_at(row)[0]).split()[0] for row in range(table.row_count)])  # type: ignore[attr-defined]
        made, best, worst, again, rising, falling = names
        assert made == again
        assert best == worst[::-1]
        assert rising == sorted(made)
        assert falling == rising[::-1]
        assert "▼" in screen_text(app)
