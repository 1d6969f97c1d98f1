"""A workspace built once, copies of it to write to, and the screen as text."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import shop
from textual.events import Key
from textual.keys import key_to_character
from textual.pilot import Pilot
from textual.strip import Strip

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.ui.settled import under_way

SNAPSHOTS = Path(__file__).parent / "snapshots"
LIMIT_S = 60.0  # only what hangs takes as long
LOOK_S = 0.02  # between two looks at what another process or thread does
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


@asynccontextmanager
async def limited(pilot: Pilot, what: str) -> AsyncIterator[None]:
    """Fail where what is awaited takes `LIMIT_S`: name it, with what is still under way and the screen."""
    try:
        async with asyncio.timeout(LIMIT_S):
            yield
    except TimeoutError:
        app: Workbench = pilot.app  # type: ignore[assignment]
        at_work = ", ".join([*under_way(app), *await silent(app)]) or "nothing"
        raise AssertionError(
            f"waited {LIMIT_S:.0f} s for {what}; under way: {at_work}; the screen:\n{screen_text(app)}"
        ) from None


async def silent(app: Workbench) -> list[str]:
    """The parts on the screen that answer nothing within a second: they are stuck in a message."""
    parts = [app, app.screen, *app.screen.walk_children()]
    answers: set[int] = set()
    for number, part in enumerate(parts):
        part.call_later(lambda number=number: answers.add(number))
    await asyncio.sleep(1)  # only where a test has failed
    return [f"{part} answers nothing" for number, part in enumerate(parts) if number not in answers]


async def settle(pilot: Pilot) -> None:
    """Wait until what was asked for is read and drawn."""
    async with limited(pilot, "everything asked for to be on the screen"):
        await pilot.app.settled()  # type: ignore[attr-defined]


async def happens(pilot: Pilot, what: str, condition: Callable[[], object]) -> None:
    """Wait until a condition holds that another process, or a thread, brings about."""
    async with limited(pilot, what):
        while not condition():
            await asyncio.sleep(LOOK_S)  # see LOOK_S


async def until(pilot: Pilot, words: str) -> str:
    """Wait until the words are on a screen on which everything asked for is drawn; returns that screen."""
    app: Workbench = pilot.app  # type: ignore[assignment]
    async with limited(pilot, f"{words!r}"):
        while True:
            await app.settled()
            if words in (text := screen_text(app)):
                return text
            await asyncio.sleep(LOOK_S)  # see LOOK_S


async def poll(pilot: Pilot) -> None:
    """Let the workbench look at the workspace now instead of within a second."""
    pilot.app.poll()  # type: ignore[attr-defined]
    await settle(pilot)


def notifications(app: Workbench) -> str:
    """What the notifications say."""
    return " ".join(notification.message for notification in app._notifications)


async def press(pilot: Pilot, keys: str) -> None:
    """Press keys (separated by blanks), each after the one before has had its effect."""
    for key in keys.split():
        pilot.app.post_message(Key(key, key_to_character(key)))
        await settle(pilot)


def drawn(app: Workbench) -> list[Strip]:
    """The rows of the screen as the terminal gets them; Textual has no public way to ask."""
    return app.screen._compositor.render_strips()


def screen_text(app: Workbench) -> str:
    """The rows of the screen, without trailing blanks; moments and what a warm model took are masked."""
    rows = ("".join(segment.text for segment in strip).rstrip() for strip in drawn(app))
    return WARM.sub("ready, … MB, … ms", MOMENT.sub("YYYY-MM-DD hh:mm", "\n".join(rows))) + "\n"


def check_snapshot(app: Workbench, name: str) -> None:
    """Compare the screen with the file kept; `ST5_UPDATE_SNAPSHOTS=1` writes it anew."""
    path = SNAPSHOTS / f"{name}.txt"
    now = screen_text(app)
    if os.environ.get("ST5_UPDATE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8"), f"{name} changed; ST5_UPDATE_SNAPSHOTS=1 accepts it"
