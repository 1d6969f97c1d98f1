"""What Map is set to: which maps, coloured by what, drawn how; and the keys that change it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from store.enums import Seen
from workbench.launch.launching import LaunchingScreen
from workbench.map import map_formatting
from workbench.map.map_view import MapView, read_map
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.dialog import Dialog
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.ui_state import CUTOFFS, MAP_MARKS, MapChoice

if TYPE_CHECKING:
    from workbench.application import Workbench

NONE = ""


class MapChoosingScreen(LaunchingScreen):
    """Reads the chosen maps; a subclass draws them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "colour", "Colour", id="map.colour",
                tooltip="Colour by dataset, category, warm or cold, split, or how often a model hits the target"),
        Binding("a", "map('first')", "Map", id="map.first", show=False, tooltip="Choose the map"),
        Binding("b", "map('second')", "Beside", id="map.second", show=False,
                tooltip="Choose a second map beside it; what is looked at in one is marked in the other"),
        Binding("m", "marks", "Marks", id="map.marks", show=False,
                tooltip="Braille, quarters of cells, letters of the legend, or density in turn"),
        Binding("s", "shade", "Shade", id="map.shade", show=False,
                tooltip="Cells with few points fainter than those with many, or all alike"),
        Binding("w", "cutoff", "Within", id="map.cutoff", show=False,
                tooltip="Within how many places a target counts as hit: 1, 5, 10, 20, 50 in turn"),
        Binding("x", "seen", "Seen", id="map.seen", show=False,
                tooltip="Hits with items of the history masked, or kept among the candidates"),
        Binding("i", "facts", "About", id="map.facts", show=False,
                tooltip="Model, method, settings, sample and quality of the map, and the command that makes it"),
    ]  # fmt: skip

    class Loaded(Message):
        """The chosen maps were read."""

        def __init__(self, view: MapView) -> None:
            super().__init__()
            self.view = view

    def __init__(self) -> None:
        super().__init__()
        self.view: MapView | None = None

    @property
    def choice(self) -> MapChoice:
        return self.ui_state.map

    @property
    def marks(self) -> str:
        """The marks chosen, or those that suit the terminal."""
        return self.choice.marks or ("letters" if self.app.no_color or self.bench.plain_signs else "braille")

    def reload(self) -> None:
        choice, shown = replace(self.choice), self.view
        self.read("map", lambda: read_map(self.workspace, choice, shown), self.Loaded)

    def look_changed(self) -> None:
        """The same points are to be drawn differently."""

    def action_colour(self) -> None:
        if self.view is not None and self.view.way is not None:
            choices = [Choice(way.value, way.name, way.remark) for way in self.view.ways]
            self.app.push_screen(ChoiceDialog("Colour by", choices, self.view.way.value), partial(self._set, "way"))

    def action_map(self, which: str) -> None:
        if self.view is None or not self.view.sides:
            return
        shown = [side.projection for side in self.view.sides]
        offered = list(self.view.known)
        choices, title, current = [], "Map", shown[0].key
        if which == "second":
            offered = [other for other in offered if other.kind == shown[0].kind and other.key != shown[0].key]
            choices = [Choice(NONE, "none", "one map alone")]
            title, current = f"Beside it: another of {shown[0].kind}", shown[1].key if len(shown) > 1 else NONE
        choices += [Choice(p.key, map_formatting.name(p), map_formatting.remark(p)) for p in offered]
        self.app.push_screen(ChoiceDialog(title, choices, current), partial(self._set, which))

    def action_make(self) -> None:
        from workbench.launch.project import ProjectForm

        if not self.refused():
            self.launch(self._recent_forms().newest("project") or ProjectForm())

    def action_marks(self) -> None:
        order = MAP_MARKS[1:]
        self.choice.marks = order[(order.index(self.marks) + 1) % len(order)]
        self._look()

    def action_shade(self) -> None:
        self.choice.shade = not self.choice.shade
        self._look()

    def action_cutoff(self) -> None:
        self._set("cutoff", CUTOFFS[(CUTOFFS.index(self.choice.cutoff) + 1) % len(CUTOFFS)], hits=True)

    def action_seen(self) -> None:
        self._set("seen", (Seen.KEEP if self.choice.seen == Seen.MASK else Seen.MASK).value, hits=True)

    def action_facts(self) -> None:
        if self.view is not None and self.view.sides:
            self.app.push_screen(MapFacts(self.view))

    def say_settings(self) -> None:
        """Show what the screen is set to."""
        view, choice = self.view, self.choice
        if view is None or view.way is None:
            return
        names = [map_formatting.name(side.projection) for side in view.sides]
        settings = [
            Setting("a", "map", names[0], "map('first')"),
            Setting("b", "beside", names[1] if len(names) > 1 else "–", "map('second')"),
            Setting("c", "colour", view.way.name, "colour"),
        ]
        if view.way.evaluations:
            settings.append(Setting("w", "within", str(choice.cutoff), "cutoff"))
            settings.append(Setting("x", "seen items", "masked" if choice.seen == Seen.MASK else "kept", "seen"))
        settings.append(Setting("m s", "marks", self.marks + (", shaded" if choice.shade else ""), "marks"))
        self.query_one(SettingsLine).put(settings)

    def _look(self) -> None:
        self.bench.remember()
        self.say_settings()
        self.look_changed()

    def _set(self, name: str, value: str | int | None, *, hits: bool = False) -> None:
        if value is None or self.view is None:
            return
        if hits and not (self.view.way and self.view.way.evaluations):
            self.notify("It matters where hits are shown: colour by those of a model with c.", severity="warning")
            return
        setattr(self.choice, name, value)
        if name == "first" and self.choice.second == value:
            self.choice.second = NONE
        self.bench.remember()
        self.reload()


class MapFacts(Dialog[None]):
    """Everything that is stored about the maps shown."""

    HINT = "Esc closes · j k scroll"

    def __init__(self, view: MapView) -> None:
        super().__init__("About the map" if len(view.sides) == 1 else "About the maps")
        self._view = view

    def content(self) -> ComposeResult:
        option = cast("Workbench", self.app).workspace_option
        for side in self._view.sides:
            yield Static(map_formatting.in_full(side, option), classes="map-facts")
