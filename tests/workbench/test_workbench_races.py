"""Reads, draws and writes that meet: each order is driven on purpose, and both are right."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import maps
import pytest
import shop
from conftest import LIMIT_S, happens, poll, press, screen_text, settle

from store.projections import projections
from store.workspace import Workspace
from workbench import application
from workbench.application import Workbench
from workbench.data import screen as data_screen
from workbench.data.data_view import DataView, Measured, read_data, read_pass
from workbench.ui.problem import ProblemDialog

NEVER_S = 3_600.0  # the workbench looks at the workspace when the test says so
READS = {  # keys to an area, and keys that read there
    "data": ("2", "j k"),
    "items": ("2 o", "G"),
    "results": ("4", "x m"),
    "compare": ("4 space j j space a", "x"),
    "users": ("5", "n r"),
    "find a user": ("5", "slash u s e r enter"),
    "map": ("6", "space"),
    "find on the map": ("6", "slash s enter"),
    "neighbours": ("6 space", "n"),
}


@pytest.fixture
def mapped(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(application, "POLL_S", NEVER_S)
    maps.add_map(workspace, ("movielens-small",))
    return workspace


class Gate:
    """Lets each call of a function wait until it is let through; counts them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0
        self._open = threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        assert self._open.wait(LIMIT_S), "the gate was never opened"
        return self.function(*arguments)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Holds up what Data reads."""
    gate = Gate(read_data)
    yield gate
    gate.open()


async def test_what_is_still_read_is_waited_for(mapped: Workspace, monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    monkeypatch.setattr(data_screen, "read_data", gate)
    app = Workbench(mapped, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await happens(pilot, "the read", lambda: gate.calls)
        settled = asyncio.create_task(app.settled())
        await happens(pilot, "the first frame of Data", lambda: "Reading …" in screen_text(app))
        assert not settled.done()
        gate.open()
        await settled
        assert "History lengths" in screen_text(app)  # which are read once the datasets are


async def test_writes_that_go_on_let_a_long_read_come_to_its_end(
    mapped: Workspace, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    app = Workbench(mapped, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        monkeypatch.setattr(data_screen, "read_data", gate)
        for number in range(3):
            shop.add_dataset(mapped, f"more-{number}", users=5, items=9, seed=number)
            app.poll()
            await happens(pilot, "a read", lambda: gate.calls)
            await pilot.pause()  # so that one more would begin
        assert gate.calls == 1  # the two other writes did not start it anew
        gate.open()
        await settle(pilot)
        assert gate.calls == 2  # for what was written meanwhile
        assert "Datasets  6" in screen_text(app)


async def test_an_answer_that_was_overtaken_is_not_shown(mapped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Workbench(mapped, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        shop.add_dataset(mapped, "more", users=5, items=9, seed=9)
        old, read, newer = app.screen.view, threading.Event(), threading.Event()

        class Held(data_screen.DataScreen.Loaded):
            """Where a thread makes an answer of what it read, it is held up until a newer one is shown."""

            def __init__(self, view: DataView) -> None:
                super().__init__(view)
                if view is old and threading.current_thread() is not threading.main_thread():
                    assert newer.wait(LIMIT_S)

        def read_before_the_write(workspace: Workspace) -> DataView:
            read.set()
            return old

        monkeypatch.setattr(data_screen.DataScreen, "Loaded", Held)
        monkeypatch.setattr(data_screen, "read_data", read_before_the_write)
        app.screen.reload()
        await happens(pilot, "the first read", read.is_set)
        monkeypatch.setattr(data_screen, "read_data", read_data)
        app.screen.reload()
        await happens(pilot, "the newer answer", lambda: app.screen.view != old)
        newer.set()
        await settle(pilot)
        assert "Datasets  4" in screen_text(app)


@pytest.mark.parametrize("first", ["poll", "read"])
@pytest.mark.parametrize("change", ["replaced", "removed"])
@pytest.mark.parametrize("area", READS)
async def test_a_dataset_that_changes_before_a_read(mapped: Workspace, area: str, change: str, first: str) -> None:
    keys, reads = READS[area]
    app = Workbench(mapped, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        if change == "replaced":
            shop.add_dataset(mapped, "movielens-small", users=5, items=9, seed=9, titles=["New"] * 9, replace=True)
        else:
            with mapped.write() as db:
                db.execute("DELETE FROM dataset WHERE name = 'movielens-small'")
        for what in (first, "read" if first == "poll" else "poll"):
            await (poll(pilot) if what == "poll" else press(pilot, reads))
            assert not isinstance(app.screen, ProblemDialog), screen_text(app)
        await press(pilot, "escape escape escape 1")
        on_home = "movielens-small 5 9" in " ".join(screen_text(app).split())
        assert on_home == (change == "replaced"), screen_text(app)


async def test_a_map_that_is_out_of_date_names_no_point(mapped: Workspace) -> None:
    app = Workbench(mapped, readonly=True)
    with mapped.read() as db:
        app.ui_state.map.first = projections(db)[0].key
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6 space")
        shop.add_dataset(mapped, "movielens-small", users=60, items=100, seed=9, titles=["Zebra"] * 100, replace=True)
        await press(pilot, "n")  # before the workbench looks at the workspace
        text = " ".join(screen_text(app).split())
        assert "Zebra" not in text
        assert "was of a dataset that was replaced or removed since" in text


def test_a_pass_over_a_dataset_that_is_gone_says_nothing_of_it(mapped: Workspace) -> None:
    old = next(each for each in read_data(mapped).datasets if each.name == "shop-kitchen")
    shop.add_dataset(mapped, "shop-kitchen", users=5, items=9, seed=9, replace=True)
    assert read_pass(mapped, old, Measured(), lambda: False) == Measured()
    new = next(each for each in read_data(mapped).datasets if each.name == "shop-kitchen")
    assert read_pass(mapped, new, Measured(), lambda: False) != Measured()
