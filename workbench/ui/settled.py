"""When everything that was asked for is on the screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump
from textual.screen import UPDATE_PERIOD

if TYPE_CHECKING:
    from workbench.application import Workbench

AGAIN_S = 0.005  # until it is asked again; a read, an animation and a frame take longer
FRAME_S = 2 * UPDATE_PERIOD  # the event loop comes back from it after each frame that was due before


async def settled(app: Workbench) -> None:
    """Return when no work is under way, no part has a message left and all is drawn; or when the app ends.

    Parts are asked twice: the first time a part may answer that was just ending what another part then begins; and a
    screen below a dialog cannot be asked whether it is to be drawn: its next frame has the dialog drawn again.
    """
    while app.is_running:
        await app.animator.wait_until_complete()
        if not under_way(app) and await _all_idle(app):
            if len(app.screen_stack) > 1:
                await asyncio.sleep(FRAME_S)
            if not under_way(app) and await _all_idle(app):
                return
        await asyncio.sleep(AGAIN_S)


def under_way(app: Workbench) -> list[str]:
    """What is at work or waits to be handled, in words; empty where nothing is."""
    found = {
        "the first frame": not app.painted,  # before that the area on the screen has no body
        "a request to the inference process": app.awaits_inference,
        "an area that is built": app._batch_count,  # Textual's, while it masks that; there is no public name
        "a resize": app.screen.outer_size != app.size,  # the terminal's is passed on a moment later
    }
    workers = [f"a worker of {worker.node}: {worker.group}" for worker in app.workers if not worker.is_finished]
    waiting = [f"{part.message_queue_size} messages of {part}" for part in _parts(app) if part.message_queue_size]
    return [words for words, so in found.items() if so] + workers + waiting


def _parts(app: Workbench) -> list[MessagePump]:
    """The app, every screen of its stack and all that is on them."""
    return [app, *(part for screen in app.screen_stack for part in (screen, *screen.walk_children()))]


async def _all_idle(app: Workbench) -> bool:
    """Whether no part handles a message, and the screen has nothing to draw: then all answer in the next turn of
    the event loop. A part that is busy, or a screen that is to be drawn, answers later."""
    below = app.screen_stack[:-1]
    answers: list[None] = []

    def answer() -> None:  # no built-in function: Textual parses the signature of one at every call, 0.4 ms
        answers.append(None)

    # A screen below would draw itself for the question.
    asked = sum(part.call_later(answer) for part in _parts(app) if part not in below)
    asked += app.screen.call_after_refresh(answer)
    await asyncio.sleep(0)
    return len(answers) == asked
