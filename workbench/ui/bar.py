"""The first line: the areas with their keys, and which workspace this is."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from store.plain_text import plain
from workbench.areas import AREAS
from workbench.ui.clickable import Clickable, runs

ROOMY = 90  # cells


class Bar(Clickable):
    """The current area stands out in weight and by brackets, not by colour alone."""

    def __init__(self, current: str, location: str, *, readonly: bool) -> None:
        super().__init__(id="bar")
        self._current = current
        self._location = plain(location) + (" · read-only" if readonly else "")

    def render(self) -> Text:
        areas = sum(len(area.title) + 4 for area in AREAS) + 3
        spare = self.size.width - areas - len(self._location)
        name = " st5 " if spare >= len(" st5 ") or self.size.width >= ROOMY else " "  # which workspace says more
        text = Text(name, style="bold", no_wrap=True, overflow="ellipsis")
        gap = " " if spare - text.cell_len >= len(AREAS) else ""
        for area in AREAS:
            label = f"[{area.key} {area.title}]" if area.name == self._current else f" {area.key} {area.title} "
            click = runs(f"app.area('{area.name}')")
            text.append(gap)
            text.append(label, style=click + Style(bold=area.name == self._current, dim=area.name != self._current))
        room = self.size.width - text.cell_len - 3
        if room >= min(8, len(self._location)):
            location = self._location if len(self._location) <= room else "…" + self._location[1 - room :]
            text.append(" " * (room - Text(location).cell_len + 2))
            text.append(location, style="dim")
        return text
