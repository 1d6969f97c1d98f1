"""One workbench without a terminal: keys go in, the screen comes out as a picture and as text."""

from __future__ import annotations

import asyncio
import re
from html import unescape

from textual.pilot import Pilot
from textual.widgets import Input

from workbench.application import Workbench
from workbench.ui.area import AreaScreen
from workbench.ui.table import Table

LIMIT_S = 900.0  # a model that gets warm encodes its whole catalogue first
CELL = 12.2  # wide, in the pictures that Textual draws
_TEXT = re.compile(r'<text [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*textLength[^>]*>([^<]*)</text>')


class Stage:
    """A running workbench."""

    def __init__(self, app: Workbench, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def area(self) -> AreaScreen:
        """The area or layer that is on top."""
        assert isinstance(self.app.screen, AreaScreen)
        return self.app.screen

    async def settle(self) -> None:
        """Wait until what was asked for is read and drawn; `TimeoutError` with the screen if it never is."""
        try:
            async with asyncio.timeout(LIMIT_S):
                await self.app.settled()
        except TimeoutError:
            raise TimeoutError(f"the screen still waits for something after {LIMIT_S:.0f} s:\n{self.text()}") from None

    async def press(self, *keys: str) -> None:
        """Press keys, each after the one before has had its effect."""
        for key in keys:
            await self._pilot.press(key)
            await self.settle()

    async def to_row(self, table: str, key: str) -> None:
        """Put the cursor of a table on the row with this key."""
        found = self.area.query_one(table, Table)
        found.focus()
        found.move_cursor(row=found.get_row_index(key))
        await self.settle()

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(lines(self.picture()))

    def picture(self) -> str:
        """The screen as SVG, without what blinks or goes by itself."""
        self.app.clear_notifications()
        for field in self.app.screen.query(Input):
            field.cursor_blink = False
        return self.app.export_screenshot(title="st5", simplify=True)


def lines(picture: str) -> list[str]:
    """The lines of a picture as text, without trailing blanks."""
    rows: dict[float, str] = {}
    for x, y, words in _TEXT.findall(picture):
        row = rows.get(float(y), "").ljust(round(float(x) / CELL))
        rows[float(y)] = row + unescape(words).replace("\N{NO-BREAK SPACE}", " ")
    return [rows[y].rstrip() for y in sorted(rows)]
