"""Each area at three sizes, as text."""

from __future__ import annotations

import pytest
from conftest import check_snapshot, press, screen_text, settle

from store.workspace import Workspace
from workbench.application import Workbench

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("area", "keys"),
    [
        ("home", ""),
        ("results", "4"),
        ("compare", "4 space j j space j space a v j j j enter"),
        ("users", "5 x"),
        ("help", "5 question_mark"),
    ],
)
async def test_area(workspace: Workspace, size: tuple[int, int], area: str, keys: str) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        check_snapshot(app, f"{area}-{size[0]}x{size[1]}")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("item", "5 enter"),
        ("chart", "4 c"),
        ("slice", "4 v j j enter"),
        ("datasets", "4 d"),
        ("search", "5 slash u s e r 0 0 0 1"),
    ],
)
async def test_layer(workspace: Workspace, name: str, keys: str) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        check_snapshot(app, f"{name}-80x24")


async def test_when_the_terminal_is_too_small_one_sentence_says_so_and_nothing_is_lost(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await pilot.resize_terminal(60, 15)
        await settle(pilot)
        assert screen_text(app).strip() == "st5 needs 80×22, has 60×15"
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        assert screen_text(app) == before


async def test_no_color_keeps_what_matters_readable(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        text = screen_text(app)
        assert "[4 Results]" in text
        assert "¹" in text
        assert "²" in text
