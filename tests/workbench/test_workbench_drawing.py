"""What makes drawing quick changes nothing that is drawn."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from conftest import LIMIT_S, happens, poll, screen_text, settle
from rich.text import Text
from textual._compositor import LayoutUpdate
from textual.app import App, ComposeResult
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.theme import Theme

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.ui.table import Heading, Table, TableLine

WIDTH, HEIGHT = 60, 14
CURSORS = ["red", "green"]  # themes that differ in their cursor only


class Tables(App[None]):
    """A table that has lived through everything, and above it nothing."""

    CSS = "Table { height: 1fr; }"

    def compose(self) -> ComposeResult:
        yield Table(id="lived", by_cell=True, fixed=1)


def drawn(table: Table) -> list[Strip]:
    return table.render_lines(table.size.region)


def rows(draw: random.Random) -> list[TableLine]:
    """Up to a dozen rows of few different texts and styles, so that lines come again in other places."""

    keys = draw.sample("abcdefghijklm", draw.randint(0, 12))
    return [TableLine(key, (cell(draw), cell(draw), cell(draw)), draw.choice([1, 1, 2])) for key in keys]


def cell(draw: random.Random) -> Text:
    return Text(draw.choice(["", "a", "wide text", "2\nlines"]), style=draw.choice(["", "bold", "red"]))


async def test_a_table_that_changed_often_looks_like_one_that_was_made_just_now() -> None:
    draw = random.Random(0)
    app = Tables()
    for colour in CURSORS:
        app.register_theme(Theme(colour, primary="blue", variables={"block-cursor-background": colour}))
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        table = app.query_one(Table)
        table.focus()
        heads: list[Heading] = []
        lines: list[TableLine] = []
        for _ in range(120):
            if draw.random() < 0.3:
                heads = [Heading(Text(draw.choice(["n", "name"])), width) for width in (draw.choice([0, 5]), 0, 6)]
                lines = rows(draw)
                table.put(heads, lines, header_height=draw.choice([1, 2]))
            elif lines and draw.random() < 0.5:  # another word in the last column, which is as wide as it was
                place = draw.randrange(len(lines))
                lines[place] = replace(lines[place], cells=(*lines[place].cells[:2], cell(draw)))
                table.put(heads, lines, header_height=table.header_height)
                assert table.get_cell_at(Coordinate(place, 2)).plain == lines[place].cells[2].plain
            elif draw.random() < 0.5:
                app.theme = draw.choice(["textual-light", *CURSORS])
            elif lines:  # an empty one is never focused in the workbench
                await pilot.press(draw.choice("jkhlgG"))
            await pilot.pause()
            seen = drawn(table)
            table._styles_cache.clear()
            table._drawn_lines.clear()  # what the kept lines stand for
            assert seen == drawn(table)


async def test_a_cell_that_says_the_same_in_another_colour_is_drawn_again() -> None:
    app = Tables()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        table = app.query_one(Table)
        for style in ("#ff0000", "#00ff00"):
            table.put(
                [Heading(Text("n"))], [TableLine("a", (Text("0.5", style=style),)), TableLine("b", (Text("0.5"),))]
            )
            table.move_cursor(row=1)
            await pilot.pause()
            colours = {segment.style.color.name for segment in drawn(table)[1] if segment.style and segment.style.color}
            assert style in colours


async def test_an_area_that_is_shown_again_is_first_drawn_as_a_whole(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[tuple[Screen[Any], bool]] = []
    display = Workbench._display

    def recorded(self: Workbench, screen: Screen[Any], renderable: Any) -> None:
        if not self._batch_count:
            frames.append((screen, isinstance(renderable, LayoutUpdate)))
        display(self, screen, renderable)

    monkeypatch.setattr(Workbench, "_display", recorded)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        areas: dict[str, Screen[Any]] = {}
        for key in "1234567":
            await pilot.press(key)
            await settle(pilot)
            areas[key] = app.screen
        for key in "12345671":
            for table in areas[key].query(Table):
                table.refresh(layout=True)  # something came while it could not be seen
            frames.clear()
            await pilot.press(key)
            await settle(pilot)
            of_it = [whole for screen, whole in frames if screen is app.screen]
            assert of_it[0], f"{app.screen} is drawn over what stood there"


BLINK_S = 0.5  # as Textual's cursors do
BLINKS = 3  # of a clock that starts after the cursor's: then that has blinked, too


async def blinks(app: Workbench) -> None:
    """Wait until a cursor would have blinked: by a timer of the same loop."""
    seen = asyncio.Event()
    ticks = iter(range(BLINKS))

    def tick() -> None:
        if next(ticks, None) is None:
            seen.set()

    timer = app.set_interval(BLINK_S, tick)
    async with asyncio.timeout(LIMIT_S):
        await seen.wait()
    timer.stop()


async def test_nothing_is_drawn_without_input(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[Screen[Any]] = []
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys in (["5", "slash", "u"], ["enter"], ["1"], ["i"]):  # typing; done; elsewhere; a form
            await pilot.press(*keys)
            await settle(pilot)
            with monkeypatch.context() as patch:
                patch.setattr(Workbench, "_display", lambda self, screen, renderable: frames.append(screen))
                await blinks(app)
            assert frames == [], f"drawn after {keys}"


COLLECTIONS = """
import gc
from workbench.ui import gc_policy

now = 0.0
gc_policy.monotonic = lambda: now
found = []
gc.callbacks.append(lambda phase, about: phase == "stop" and about["generation"] == 2 and found.append(1))
one = gc_policy.GcPolicy()
old = [[] for _ in range(50_000)]
gc.collect(); found.clear()
one.keep()


def work():
    return [[[]] for _ in range(200_000)]


kept = work()
one.touched()
one.look()
print(len(found))
now += gc_policy.QUIET_S
one.look()
print(len(found))
one.look()
print(len(found))
"""


def test_garbage_is_collected_without_input() -> None:
    said = subprocess.run([sys.executable, "-c", COLLECTIONS], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "1", "1"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_first_frame_with_data_is_as_it_stays(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    frames: list[str] = []
    display = Workbench._display

    def recorded(self: Workbench, screen: Screen[Any], renderable: Any) -> None:
        display(self, screen, renderable)
        frames.append(screen_text(self))

    monkeypatch.setattr(Workbench, "_display", recorded)
    app = Workbench(workspace)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        with_data = [frame for frame in frames if "Evaluations  7" in frame]
        assert with_data
        assert set(with_data) == {screen_text(app)}


async def test_a_resize_that_was_lost_is_made_up_for(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        other = Size(120, 40)
        app.screen.post_message(Resize(other, other))  # as if the way back to 80 × 24 had been lost
        await happens(pilot, "the screen to have another size", lambda: app.screen.outer_size == other)
        await poll(pilot)
        assert app.screen.outer_size == Size(80, 24)
        assert len(screen_text(app).splitlines()) == 24
