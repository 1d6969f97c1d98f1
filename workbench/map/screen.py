"""Map: items or users as points, one map or two beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from store.plain_text import plain
from workbench.map import map_formatting
from workbench.map.choices import MapChoosingScreen
from workbench.map.map_canvas import MapCanvas
from workbench.map.map_panel import LegendTable, MapPanel, PointTable, legend_line
from workbench.map.map_view import Listed, MapView
from workbench.map.points import MapPointsScreen
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.numbers import count
from workbench.ui.search_line import SearchLine
from workbench.ui.section import Section
from workbench.ui.settings_line import SettingsLine

ABOUT_MAPS = (
    "colour", "map", "marks", "shade", "cutoff", "seen", "facts", "search", "near", "user", "legend", "export",
    *TABLE_ACTIONS,
)  # fmt: skip


class MapScreen(MapPointsScreen):
    """Items or users as points, one map or two; the canvases own view and cursor."""

    AREA = "map"
    HELP_TITLE = "Map"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "legend", "Legend", id="map.legend", show=False,
                tooltip="To the legend: Space shows or hides a label, Enter shows it alone"),
        Binding("e", "export", "Export", id="map.export", show=False,
                tooltip="Write the view as it is to an SVG or PNG file"),
        Binding("p", "make", "New map", id="map.make", tooltip="Open the form that makes a map"),
    ]  # fmt: skip

    class Written(Message):
        """A picture was written."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self) -> None:
        super().__init__()
        self._drawn: list[str] = []  # the keys of the maps on the canvases

    def body(self) -> ComposeResult:
        yield SettingsLine(id="map-settings")
        yield Static(id="map-note", classes="note", markup=False)
        search = SearchLine()
        search.placeholder = "title or key …"
        yield search
        yield Static(id="map-empty", classes="empty", markup=False)
        with Horizontal(id="map"):
            with Vertical(id="map-left"):
                with Horizontal(id="map-canvases"):
                    yield MapCanvas(id="map-first")
                    yield MapCanvas(id="map-second")
                yield Static(id="map-legend-line", markup=False)
                yield Static(id="map-status", markup=False)
            yield MapPanel(id="map-side")

    def filled(self) -> None:
        for hidden in ("#map", "#map-empty", "#map-note", "#search"):
            self.query_one(hidden).display = False

    def look_changed(self) -> None:
        for canvas in self.query(MapCanvas):
            canvas.look(self.marks, shade=self.choice.shade)

    def starting_changed(self) -> None:
        self._say_nothing()

    def open_point(self, point: Listed) -> None:
        """Show a user in Users."""
        self.ui_state.users = replace(
            self.ui_state.users, dataset=point.dataset, user=point.name, event=-1, question=""
        )
        self.bench.remember()
        self.bench.generation += 1  # Users shows another user: it has to read again
        self.bench.action_area("users")

    @on(MapChoosingScreen.Loaded)
    def _show(self, event: MapChoosingScreen.Loaded) -> None:
        before, self.view = self.view, event.view
        if event.view.making:
            self.bench.watch_jobs(True)
        if before is None or before != event.view:
            self._draw(event.view)
        if event.view.sides and (before is None or not before.sides):
            self.canvas().focus()

    @on(LegendTable.Hidden)
    def _hidden(self, event: LegendTable.Hidden) -> None:
        for canvas, _ in self.shown():
            canvas.hide(event.labels)
        self._say_legend()

    @on(Written)
    def _written(self, event: Written) -> None:
        self.notify(plain(f"Written to {event.path}"), markup=False)

    def action_legend(self) -> None:
        if self.side() is not None:
            self.add_class("-listing")
            self.query_one(LegendTable).focus()

    def action_export(self) -> None:
        if self.side() is not None:
            choices = [
                Choice("svg", "SVG", "with caption and legend, sharp at any size"),
                Choice("png", "PNG", "the points alone; caption and legend in its description"),
            ]
            self.app.push_screen(ChoiceDialog("Write this view as", choices, "svg"), self._export)

    def action_maximise(self) -> None:
        if self.maximized is None and isinstance(self.focused, MapCanvas):
            self.maximize(self.focused)
        else:
            super().action_maximise()

    def action_copy_cell(self) -> None:
        table = self.query_one(PointTable)
        if self.focused is not table and table.points:
            self.bench.copy("\t".join(_columns(table.points[0])))
        else:
            super().action_copy_cell()

    def action_copy_view(self) -> None:
        table = self.query_one(PointTable)
        if not table.points:
            self.say_nothing_here()
            return
        rows = [("key", "title", "dataset"), *map(_columns, table.points)]
        self.bench.copy("\n".join("\t".join(row) for row in rows))
        if table.total > len(table.points):
            self.notify(f"These are the first {count(len(table.points))} of {count(table.total)} points here.")

    def _export(self, kind: str | None) -> None:
        side, canvas = self.side(), self.canvas()
        if kind is None or side is None or self.view is None or self.view.way is None or canvas.view is None:
            return
        from workbench.map import map_picture

        drawn = canvas.drawn()
        picture = map_picture.Picture(
            side.points.place[drawn],
            side.label[drawn],
            self.view.legend,
            canvas.view,
            canvas.size.width,
            canvas.size.height,
            map_formatting.caption(side, len(drawn), self.view.way.name),
            canvas.background_colors[1].rgb,
            canvas.colors[3].rgb,
        )
        name = map_picture.file_name(["map", *map_formatting.name(side.projection).split(" · ")])
        folder = self.bench.access.start().absolute()
        self.read("export", lambda: map_picture.write(picture, folder, name, kind), self.Written)

    def _draw(self, view: MapView) -> None:
        shown = bool(view.sides)
        for name, there in (("#map", shown), ("#map-settings", shown), ("#map-empty", not shown)):
            self.query_one(name).display = there
        note = self.query_one("#map-note", Static)
        note.display = bool(view.sides and view.gone)
        if view.gone is not None:
            note.update(map_formatting.gone(view.gone, self.bench.workspace_option))
        self.withhold(*(() if shown else ABOUT_MAPS), *(() if shown or view.advice else ("make",)))
        if not view.sides:
            self._say_nothing()
            return
        if [side.projection.key for side in view.sides] != self._drawn:
            self._drawn = [side.projection.key for side in view.sides]
            self.begin(len(view.sides))
        self.say_settings()
        self.look_changed()
        legend = self.query_one(LegendTable)
        legend.offer(view.legend)
        self.query_one("#map-second").display = len(view.sides) > 1
        for letter, (canvas, side) in zip("ab" if len(view.sides) > 1 else " ", self.shown(), strict=True):
            canvas.border_title = map_formatting.border_title(side, letter)
            canvas.border_subtitle = map_formatting.border_subtitle(side.projection)
            colours = [label.colour for label in view.legend]
            quiet = [number for number, label in enumerate(view.legend) if label.quiet]
            canvas.put(side.points.place, side.label, colours, legend.hidden, quiet)
        self._say_legend()

    def _say_nothing(self) -> None:
        if self.view is not None and not self.view.sides:
            words = map_formatting.nothing(self.view, self.bench.starting, self.bench.workspace_option)
            self.query_one("#map-empty", Static).update(words)

    def _say_legend(self) -> None:
        legend = self.query_one(LegendTable)
        labels = self.view.legend if self.view else ()
        hidden = sum(labels[number].count for number in legend.hidden)
        self.query_one("#map-legend-line", Static).update(legend_line(labels, legend.hidden), layout=False)
        remark = f"{count(hidden)} points hidden" if hidden else ""
        self.query_one("#map-legend-title", Section).say("", remark)


def _columns(point: Listed) -> tuple[str, str, str]:
    key = point.item.key if point.item else point.name
    return key, plain(point.name), point.dataset
