"""The compare view: the right differences, what they are held against, and bars that show them."""

from __future__ import annotations

import pytest
import shop
from conftest import notifications, poll, press, screen_text, settle
from hypothesis import given
from hypothesis import strategies as st

from engine.tables.labels import RowKey, joined, key_of
from store.evaluations import evaluations, metric_rows
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.comparison import read_comparison
from workbench.results.difference_bar import bar, ruler, span, zero
from workbench.ui import numbers
from workbench.ui.ui_state import ResultsChoice

FILMS = ResultsChoice(dataset="movielens-small")
BY_LENGTH = ResultsChoice(dataset="movielens-small", slice="history-length")


def keys(workspace: Workspace, *models: str) -> list[RowKey]:
    with workspace.read() as db:
        everything = evaluations(db)
    rows = joined(everything)
    found = {e.model: key_of(rows[e.id]) for e in everything if e.dataset == "movielens-small"}
    return [found[model] for model in models]


def means(workspace: Workspace, model: str, slice_name: str = "all") -> dict[str, float]:
    with workspace.read() as db:
        rows = metric_rows(
            db, slice_name=slice_name, metric="ndcg@10", seen="mask", model=model, dataset="movielens-small"
        )
    return {row.metric.value: row.metric.mean for row in rows}


def test_a_difference_is_that_of_the_means_and_turns_with_its_sides(workspace: Workspace) -> None:
    one = read_comparison(workspace, keys(workspace, "only", "pop"), FILMS).rows
    other = read_comparison(workspace, keys(workspace, "pop", "only"), FILMS).rows
    assert [row.dataset for row in one] == ["movielens-small"]
    assert one[0].mean == pytest.approx(means(workspace, "only")["all"] - means(workspace, "pop")["all"])
    assert one[0].means == (means(workspace, "only")["all"], means(workspace, "pop")["all"])
    assert one[0].low < one[0].mean < one[0].high
    assert (one[0].n, one[0].users) == (60, 60)
    assert (other[0].low, other[0].mean, other[0].high) == pytest.approx((-one[0].high, -one[0].mean, -one[0].low))
    assert one[0].p == other[0].p < 0.05  # the intervals of the two, .17–.37 and .00–.08, do not even touch


def test_holm_goes_over_all_that_is_shown(workspace: Workspace) -> None:
    found = read_comparison(workspace, keys(workspace, "only", "pop", "last-item"), BY_LENGTH)
    assert {row.other for row in found.rows} == {"pop", "last-item"}
    assert sum(row.n for row in found.rows) == 2 * 60
    ordered = sorted(found.rows, key=lambda row: row.p)
    least = 0.0
    for place, row in enumerate(ordered):
        least = max(least, min(1.0, row.p * (len(ordered) - place)))
        assert row.p_holm == pytest.approx(least)
    lengths = means(workspace, "only", "history-length")
    for row in found.rows:
        own = means(workspace, row.other, "history-length")
        assert row.mean == pytest.approx(lengths[row.value] - own[row.value])


def test_what_was_measured_on_other_events_is_named_and_left_out(workspace: Workspace) -> None:
    shop.evaluate(workspace, "pop", "movielens-small", sample=20)
    found = read_comparison(workspace, keys(workspace, "only", "pop"), FILMS)
    assert found.rows == ()
    assert found.notes == (
        "movielens-small: pop · sample 20 was measured on other events"
        " (60 test events against 20 test events, sample seed 0).",
    )


async def test_marked_rows_are_compared_and_escape_leads_back(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 a")
        assert "Mark the rows to compare with Space first" in notifications(app)
        await press(pilot, "G space k space")  # only, then last-item
        assert "A only" in screen_text(app)
        assert "B last-item" in screen_text(app)
        await press(pilot, "space k k space a")  # pop instead
        text = screen_text(app)
        assert "A only   B pop" in text
        films, garden = read_comparison(workspace, keys(workspace, "only", "pop"), ResultsChoice()).rows
        for row in (films, garden):
            assert numbers.difference(row.mean) in text
            assert f"{numbers.difference(row.low)}, {numbers.difference(row.high)}" in text
        assert "significantly different" in text
        await press(pilot, "x u m")
        changed = ResultsChoice(seen="keep", user_mean=True, family="mrr")
        text = screen_text(app)
        assert "seen items kept   u mean over users" in text
        assert (
            numbers.difference(read_comparison(workspace, keys(workspace, "only", "pop"), changed).rows[0].mean) in text
        )
        await press(pilot, "escape")
        assert "metric MRR" in screen_text(app)  # the choice is one, and the table below follows it
        assert "A only" in screen_text(app)
        await press(pilot, "escape")
        assert "A only" not in screen_text(app)


async def test_rows_without_common_events_say_so(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "own", users=5, items=20, seed=4)
    shop.add_model(workspace, "lonely")
    shop.evaluate(workspace, "lonely", "own")
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 space G space a")
        assert "These rows have no events in common" in screen_text(app)
        shop.add_dataset(workspace, "movielens-small", users=3, items=10, seed=9, replace=True)
        await poll(pilot)
        await press(pilot, "v j enter escape")
        assert "[4 Results]" in screen_text(app)


ends = st.floats(-1, 1, allow_nan=False)


@given(st.lists(st.tuples(ends, ends, ends).map(sorted), min_size=1, max_size=5), st.integers(12, 90), st.booleans())
def test_a_bar_holds_its_interval_on_one_scale(intervals: list[list[float]], width: int, sure: bool) -> None:
    scale = span((low, high) for low, _, high in intervals)
    nothing = zero(scale, width).index("│")
    for low, mean, high in intervals:
        drawn = bar(low, mean, high, scale, width, sure=sure)
        assert len(drawn) == width
        dot = "●" if sure else "○"
        assert drawn.count(dot) == 1
        assert (drawn.index(dot) >= nothing) if mean >= 0 else (drawn.index(dot) <= nothing)
        assert drawn.strip()[0] in "├│" + dot
    assert len(ruler(scale, width)) == width


def test_a_bar_by_hand() -> None:
    assert bar(-0.5, 0.0, 0.5, (-1.0, 1.0), 9, sure=False) == "  ├─○─┤  "
    assert bar(0.25, 0.5, 0.75, (-1.0, 1.0), 9, sure=True) == "    │├●┤ "
    assert bar(-1.0, -0.75, 1.0, (-1.0, 1.0), 9, sure=True) == "├●──┼───┤"
    assert ruler((-1.0, 1.0), 21) == "−1.0000   0   +1.0000"
