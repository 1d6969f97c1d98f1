"""What stands on the screen can be seen: no word has the colour of its ground, and the colours are the theme's."""

from __future__ import annotations

import pytest
from conftest import drawn, press, settle
from rich.color import Color

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.areas import AREAS
from workbench.ui import themes
from workbench.ui.settings import UserSettings


def grounds(app: Workbench) -> set[Color]:
    """The colours that rows stand on; fails for a word that has the colour of its ground."""
    found = set()
    for strip in drawn(app):
        for segment in strip:
            if segment.style is not None and segment.style.bgcolor is not None:
                found.add(segment.style.bgcolor)
                hidden = segment.style.color == segment.style.bgcolor and not segment.style.reverse
                assert not segment.text.strip() or not hidden, (segment.text, segment.style)
    return found


@pytest.mark.parametrize("theme", [themes.DARK, themes.LIGHT], ids=lambda theme: theme.name)
async def test_every_word_of_every_area_is_seen_on_the_grounds_of_its_theme(workspace: Workspace, theme) -> None:
    app = Workbench(workspace, readonly=True, settings=UserSettings(theme=theme.name))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        own = {Color.parse(theme.background), Color.parse(theme.panel)}
        for key in ("", *(area.key for area in AREAS), "1"):  # the first one as it is first drawn, and found again
            await press(pilot, key)
            assert own <= grounds(app), key
