"""What a screen is set to, each setting beside the key that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Size

from workbench.ui.clickable import Clickable, runs
from workbench.ui.display import line
from workbench.ui.key_table import keys_now

GAP = "   "


@dataclass(frozen=True)
class Setting:
    """`m metric NDCG@10`: the key (the default one), name, value, and the action of a click on it."""

    key: str
    name: str
    value: str
    action: str


class SettingsLine(Clickable):
    """Settings in as many lines as they need; one is never broken over two lines."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="settings")
        self._settings: tuple[Setting, ...] = ()

    def put(self, settings: Sequence[Setting]) -> None:
        if tuple(settings) != self._settings:
            self._settings = tuple(settings)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines(width)))

    def render(self) -> Text:
        return Text("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Text]:
        lines: list[Text] = []
        for setting in self._settings:
            part = _part(keys_now(setting.key, self.screen, self.app), setting, width)
            if lines and lines[-1].cell_len + len(GAP) + part.cell_len <= width:
                lines[-1].append(GAP).append_text(part)
            else:
                lines.append(part)
        return lines


def _part(key: str, setting: Setting, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(key, style="bold")
    text.append(f" {setting.name} ", style="dim")
    value = line(setting.value)
    value.truncate(max(8, width - text.cell_len), overflow="ellipsis")
    text.append_text(value)
    text.stylize(runs(setting.action))
    return text
