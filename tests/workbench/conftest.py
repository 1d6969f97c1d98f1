"""A workspace built once, copies of it to write to, and the screen as text."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest
import shop
from textual.pilot import Pilot

from store.workspace import Workspace
from workbench.application import Workbench

SNAPSHOTS = Path(__file__).parent / "snapshots"
QUIET = 3  # rounds without a worker at work
PATIENCE = 100  # tenths of a second, on a loaded machine
MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d")
WARM = re.compile(r"ready, [\d.]+ [MG]B, [\d,]+ ms *")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace that no test may write to."""
    folder = tmp_path_factory.mktemp("built") / "shop"
    shop.build(folder)
    return folder


@pytest.fixture
def workspace(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy to write to, at the relative path `shop` so that it reads the same everywhere."""
    shutil.copytree(built, tmp_path / "shop")
    monkeypatch.chdir(tmp_path)
    return Workspace(Path("shop"))


async def settle(pilot: Pilot) -> None:
    """Wait until what was asked for is read and drawn."""
    quiet = 0
    while quiet < QUIET:  # what was read may ask for more to be read
        await pilot.pause()
        resting = getattr(pilot.app.screen, "resting", False)  # a job that is not read before the cursor rests on it
        busy = resting or any(not worker.is_finished for worker in pilot.app.workers)
        quiet = 0 if busy else quiet + 1
        await asyncio.sleep(0.01 if busy else 0)
    await pilot.pause()


async def until(pilot: Pilot, words: str) -> str:
    """Wait until the words are on the screen; returns it."""
    for _ in range(PATIENCE):
        await settle(pilot)
        text = screen_text(pilot.app)  # type: ignore[arg-type]
        if words in text:
            return text
        await pilot.pause(0.1)
    raise AssertionError(f"{words!r} did not appear in:\n{text}")


def said(app: Workbench) -> str:
    """What the notifications say."""
    return " ".join(notification.message for notification in app._notifications)


async def press(pilot: Pilot, keys: str) -> None:
    """Press keys (separated by blanks), each after the one before has had its effect."""
    for key in keys.split():
        await pilot.press(key)
        await settle(pilot)


def screen_text(app: Workbench) -> str:
    """The rows of the screen, without trailing blanks; moments and what a warm model took are masked."""
    strips = app.screen._compositor.render_strips()  # what the terminal gets, before colour
    rows = ("".join(segment.text for segment in strip).rstrip() for strip in strips)
    return WARM.sub("ready, … MB, … ms", MOMENT.sub("YYYY-MM-DD hh:mm", "\n".join(rows))) + "\n"


def check_snapshot(app: Workbench, name: str) -> None:
    """Compare the screen with the file kept; `ST5_UPDATE_SNAPSHOTS=1` writes it anew."""
    path = SNAPSHOTS / f"{name}.txt"
    now = screen_text(app)
    if os.environ.get("ST5_UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8"), f"{name} changed; ST5_UPDATE_SNAPSHOTS=1 accepts it"
