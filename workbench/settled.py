"""When everything that was asked for is on the screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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
        if _nothing_under_way(app) and await _all_idle(app):
            if len(app.screen_stack) > 1:
                await asyncio.sleep(FRAME_S)
            if _nothing_under_way(app) and await _all_idle(app):
                return
        await asyncio.sleep(AGAIN_S)


def _nothing_under_way(app: Workbench) -> bool:
    """Whether no worker works, no question is with the warm process, and no frame is held back."""
    return (
        app.painted  # before that the area on the screen has no body
        and all(worker.is_finished for worker in app.workers)
        and not app.asks_warm
        and not app._batch_count  # Textual's, while it masks that a new area is built; there is no public name
        and app.screen.outer_size == app.size  # a resize of the terminal is passed on a moment later
    )


async def _all_idle(app: Workbench) -> bool:
    """Whether no part has or handles a message, and the screen has nothing to draw: then all answer in the next turn of
    the event loop. A part that is busy, or a screen that is to be drawn, answers later."""
    below, screen = app.screen_stack[:-1], app.screen
    parts = [app, screen, *(part for each in (*below, screen) for part in each.walk_children())]
    if any(part.message_queue_size for part in (*below, *parts)):
        return False
    answers: list[None] = []

    def answer() -> None:  # no built-in function: Textual parses the signature of one at every call, 0.4 ms
        answers.append(None)

    asked = sum(part.call_later(answer) for part in parts)  # a screen below would draw itself for the question
    asked += screen.call_after_refresh(answer)
    await asyncio.sleep(0)
    return len(answers) == asked
