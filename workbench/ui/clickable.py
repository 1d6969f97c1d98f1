"""Text of which parts run an action when clicked, without looking like links."""

from __future__ import annotations

from rich.style import Style
from textual.events import Click
from textual.widget import Widget

RUNS = "runs"  # a key of a style's meta data; Textual's own `@click` would underline the text


def runs(action: str) -> Style:
    """The style of text that runs this action of the screen (or `app.…`) when clicked."""
    return Style.from_meta({RUNS: action})


class Clickable(Widget):
    """A widget whose text may carry `runs`."""

    async def on_click(self, event: Click) -> None:
        action = event.style.meta.get(RUNS)
        if isinstance(action, str):
            await self.app.run_action(action, self.screen)
