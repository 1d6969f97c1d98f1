"""The last line: the few keys that work here, the area's own first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from rich.text import Text
from textual.binding import Binding

from workbench.ui.clickable import Clickable, runs
from workbench.ui.key_names import shown

if TYPE_CHECKING:
    from workbench.application import Workbench

AT_MOST = 7


class KeyLine(Clickable):
    """One widget and one line, drawn anew when the focus moves; Textual's `Footer` makes a widget per key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key"}

    def __init__(self) -> None:
        super().__init__(id="keys")

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        key_style = self.get_visual_style("keys--key").rich_style
        for binding in self._few():
            key = binding.key.split(",")[0]
            click = runs(f"app.press_key({key!r})")
            text.append(f" {self._key_name(key)}", style=key_style + Style(bold=True) + click)
            text.append(f" {binding.description} ", style=Style(dim=True) + click)
        return text

    def _key_name(self, key: str) -> str:
        """A key's name; in ASCII an arrow would look like the letter v."""
        plain = cast("Workbench", self.app).plain_signs
        return key.capitalize() if plain and key in ("up", "down", "left", "right") else shown(key)

    def _few(self) -> list[Binding]:
        first_of_action: dict[str, Binding] = {}
        for found in self.screen.active_bindings.values():
            way_back = self.screen.maximized is not None and found.binding.id == "area.escape"
            if found.enabled and (found.binding.show or way_back):
                first_of_action.setdefault(found.binding.action, found.binding)
        ranked = sorted(first_of_action.values(), key=_rank)
        own = [binding for binding in ranked if _rank(binding) == 0]
        others = ranked[len(own) :]  # help and the way out are never what has no room
        return own[: AT_MOST - len(others)] + others


def _rank(binding: Binding) -> int:
    owner = (binding.id or "").partition(".")[0]
    return {"area": 1, "app": 2}.get(owner, 0)
