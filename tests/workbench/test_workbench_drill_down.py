"""From a number to the users behind it: the right events in the right order, and Users with the right models."""

from __future__ import annotations

import numpy as np
import pytest
import shop
from conftest import check_snapshot, notifications, press, screen_text, settle

from store.evaluations import evaluations, metric_rows, ranks
from store.rows import Evaluation
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.results.drill_down import DrillDown, read_drill_down


def of(workspace: Workspace, model: str) -> Evaluation:
    with workspace.read() as db:
        return next(e for e in evaluations(db, model=model, dataset="movielens-small"))


def drill_down(workspace: Workspace, model: str, other: str = "", slice: str = "all", value: str = "all") -> DrillDown:
    second = of(workspace, other).key if other else ""
    return DrillDown("movielens-small", of(workspace, model).key, second, slice, value, "ndcg@10", "mask")


def test_the_events_behind_a_number_have_its_mean_and_the_worst_come_first(workspace: Workspace) -> None:
    view = read_drill_down(workspace, drill_down(workspace, "only", slice="category", value="Drama"), best_first=False)
    assert view is not None
    with workspace.read() as db:
        rows = metric_rows(db, slice_name="category", metric="ndcg@10", seen="mask", model="only")
        stored = next(r.metric for r in rows if r.metric.value == "Drama" and r.evaluation.dataset == "movielens-small")
    assert view.total == len(view.events) == stored.n
    assert view.users == stored.users
    assert np.mean([event.values[0] for event in view.events]) == pytest.approx(stored.mean)
    assert [event.values[0] for event in view.events] == sorted(event.values[0] for event in view.events)
    missed = [event.positions[0] or 0 for event in view.events if not event.values[0]]
    assert missed == sorted(missed, reverse=True)
    assert {event.target.category for event in view.events} == {"Drama"}


def test_a_difference_is_ordered_by_who_makes_it(workspace: Workspace) -> None:
    view = read_drill_down(workspace, drill_down(workspace, "only", "pop"), best_first=True)
    assert view is not None
    gains = [event.difference for event in view.events]
    assert gains == sorted(gains, reverse=True)
    assert (view.better, view.worse) == (sum(g > 0 for g in gains), sum(g < 0 for g in gains))
    with workspace.read() as db:
        own, other = (ranks(db, of(workspace, model)) for model in ("only", "pop"))
    for event in view.events:
        place = own.event.tolist().index(event.event)
        expected = [r.better_masked[place] + 1 + r.tied_masked[place] / 2 for r in (own, other)]
        assert [p for p in event.positions if p is not None] == pytest.approx(
            [e for e, p in zip(expected, event.positions, strict=True) if p is not None]
        )


def test_when_the_evaluation_is_gone_there_is_nothing_behind(workspace: Workspace) -> None:
    lost = DrillDown("movielens-small", "0" * 32, "", "all", "all", "ndcg@10", "mask")
    assert read_drill_down(workspace, lost, best_first=False) is None


async def test_enter_leads_from_a_number_to_its_users_and_on_to_one_of_them(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 G enter")
        text = screen_text(app)
        assert "60 events" in text
        assert "s order worst first" in text
        check_snapshot(app, "behind-80x24")
        view = read_drill_down(workspace, drill_down(workspace, "only"), best_first=True)
        assert view is not None
        await press(pilot, "s j enter")
        assert app.current_mode == "users"
        users = app.ui_state.users
        assert (users.dataset, users.user, users.event) == (
            "movielens-small",
            view.events[1].user,
            view.events[1].event,
        )
        assert users.left == of(workspace, "only").key
        assert view.events[1].user in screen_text(app)
        await press(pilot, "4 escape")
        assert "Space Mark" in screen_text(app)


async def test_a_difference_leads_to_the_users_who_make_it_with_both_models(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4 G space g space a enter")
        text = screen_text(app)
        assert "A ahead first" in text  # only is better than pop
        assert "A only ahead in" in text
        await press(pilot, "enter")
        users = app.ui_state.users
        assert (users.left, users.right) == (of(workspace, "only").key, of(workspace, "pop").key)


async def test_enter_on_nothing_says_so_and_ends_typing_in_the_filter(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4 j l enter")  # pop-recent was not measured on shop-garden
        assert "There is no number here" in notifications(app)
        await press(pilot, "slash p o p enter")
        assert "order worst first" not in screen_text(app)


async def test_text_from_data_is_text_among_the_events(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "odd", users=9, items=30, seed=4, titles=[f"[red]x[/] \x1b[31m{n}" for n in range(30)])
    shop.evaluate(workspace, "pop", "odd")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.ui_state.results.dataset = "odd"
        await press(pilot, "4 enter")
        text = screen_text(app)
        assert "[red]x[/]" in text
        assert "\x1b" not in text
