"""Looking at the points of a map: what lies under the cursor, what is searched for, and who is near whom."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import sleep
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static
from textual.worker import get_current_worker

from store.workspace import Workspace
from workbench.map import map_formatting
from workbench.map.choices import MapChoosingScreen
from workbench.map.map_canvas import MapCanvas
from workbench.map.map_panel import ITSELF, LegendTable, PointTable
from workbench.map.map_view import Listed, MapSide, Names, find_points, read_names
from workbench.ui.display import line
from workbench.ui.item import ItemDialog
from workbench.ui.numbers import count
from workbench.ui.search_line import SearchLine
from workbench.ui.section import Section

UNDER, NEAR, FOUND, USER = "here", "neighbours", "found", "user"
RANKS = "123456789"  # over the cells of neighbours; those that come later are numbered in the list
LATER = "+"
REST_S = 0.04  # a held key repeats sooner


class MapPointsScreen(MapChoosingScreen):
    """Lists what is looked at, and marks it in both maps; a subclass lays the parts out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Find", id="map.search", priority=True,
                tooltip="Find a point by its title or key; Enter flies there"),
        Binding("n", "near", "Neighbours", id="map.near",
                tooltip="Show the nearest of the point here in the original space, or end that"),
        Binding("u", "user", "User", id="map.user", show=False, tooltip="The user of this point, in Users"),
    ]  # fmt: skip

    class Named(Message):
        """Points of a map were looked up; `about` says why."""

        def __init__(self, about: str, side: MapSide, names: Names) -> None:
            super().__init__()
            self.about = about
            self.side = side
            self.names = names

    def __init__(self) -> None:
        super().__init__()
        self._active = 0
        self._near: int | None = None  # the point whose neighbours are shown
        self._fly_to_first = False

    @property
    def _searching(self) -> bool:
        return bool(self.query_one(SearchLine).display)

    def canvas(self) -> MapCanvas:
        """The canvas that is looked at."""
        return self.query_one("#map-second" if self._active else "#map-first", MapCanvas)

    def shown(self) -> list[tuple[MapCanvas, MapSide]]:
        """The canvases in use, each with its map."""
        return list(zip(self.query(MapCanvas), self.view.sides if self.view else (), strict=False))

    def side(self) -> MapSide | None:
        """The map that is looked at."""
        sides = self.view.sides if self.view else ()
        return sides[self._active] if self._active < len(sides) else None

    def _index(self) -> int | None:
        """The point that a key is about: under the list's cursor, or the first under the map's."""
        if isinstance(self.focused, PointTable):
            point = self.focused.point_at_cursor()
            return point.index if point else None
        under = self.canvas().under_cursor()
        return int(under[0]) if len(under) else None

    def open_point(self, point: Listed) -> None:
        """Show the user of this point."""

    @on(MapCanvas.Chosen)
    def _choose(self, event: MapCanvas.Chosen) -> None:
        left = self.side()
        self._activate(1 if event.canvas.id == "map-second" else 0)
        side = self.side()
        if self._near is not None and left is not None and side is not None and left is not side:
            twin = int(side.twins(left, np.array([self._near]))[0])
            self._show_near(twin) if twin >= 0 else self._end_near()  # as this model sees the same one
        else:
            self._moved(MapCanvas.Moved(event.canvas))

    @on(MapCanvas.Moved)
    def _moved(self, event: MapCanvas.Moved) -> None:
        side = self.side()
        if side is None or event.canvas is not self.canvas():
            return
        self._mark()
        if self._near is None and not self._searching:
            under = event.canvas.under_cursor()
            self._look_up(UNDER, side, lambda: _at_rest(self.workspace, side, under))

    @on(MapCanvas.Opened)
    def _opened(self) -> None:
        if len(self.canvas().under_cursor()):
            self._end_near()
            self.add_class("-listing")
            self.query_one(PointTable).focus()
        else:
            self.say_nothing_here()

    @on(Named)
    def _named(self, event: Named) -> None:
        side, names = self.side(), event.names
        if side is None or side is not event.side or self.view is None:
            return
        if names.gone:  # said where the map was
            self.reload()
            return
        if event.about == USER:
            self.open_point(names.points[0])
            return
        self.query_one(PointTable).offer(names, self.view.legend, side.label, ranked=event.about == NEAR)
        title, number, remark = _heading(event.about, names)
        self.query_one("#map-points-title", Section).say(number, remark, title=title)
        self.query_one("#map-status", Static).update(self._status(event.about, names), layout=False)
        if self._fly_to_first and event.about == FOUND:
            self._fly_to_first = False
            self._fly()

    @on(DataTable.RowHighlighted, "#map-points")
    def _pointed(self) -> None:
        if isinstance(self.focused, PointTable):
            self._mark()

    @on(DataTable.RowSelected, "#map-points")
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        point = self.query_one(PointTable).point_at_cursor()
        if self._searching:
            self._fly()
        elif point is not None and point.item is not None:
            self.app.push_screen(ItemDialog(point.item))
        elif point is not None:
            self.open_point(point)

    @on(SearchLine.Typed)
    def _typed(self, event: SearchLine.Typed) -> None:
        self._find(event.prefix)

    @on(SearchLine.Accepted)
    def _accepted(self) -> None:
        self._fly_to_first = True
        self._find(self.query_one(SearchLine).value.strip())

    @on(SearchLine.ToList)
    def _to_list(self) -> None:
        self.query_one(PointTable).focus()

    @on(SearchLine.Left)
    def _left(self) -> None:
        self._end_search()

    def action_search(self) -> None:
        if self.side() is not None:
            self._end_near()
            self.add_class("-listing")
            search = self.query_one(SearchLine)
            search.display = True
            self.set_focus(search)  # at once: what is typed ahead belongs into the line
            self._find(search.value.strip())

    def action_back(self) -> None:
        if self.maximized is not None:
            super().action_back()
        elif self._searching:
            self._end_search()
        elif self._near is not None:
            self._end_near()
        elif self.side() is not None:  # where there is no map, its canvas is out of sight
            self.remove_class("-listing")
            self.canvas().focus()

    def action_near(self) -> None:
        index = self._index()
        if index is None:
            self.say_nothing_here()
        elif index == self._near:
            self._end_near()
        else:
            self._end_search()
            self._show_near(index)

    def action_user(self) -> None:
        side, index = self.side(), self._index()
        if side is None or side.projection.kind != "users":
            self.notify("Maps of users lead to Users; this one is of items.", severity="warning")
        elif index is None:
            self.say_nothing_here()
        else:
            self._look_up(USER, side, lambda: read_names(self.workspace, side, np.array([index])))

    def _look_up(self, about: str, side: MapSide, query: Callable[[], Names]) -> None:
        self.read("points", query, partial(self.Named, about, side))

    def _find(self, words: str) -> None:
        side = self.side()
        if side is not None:
            self._look_up(FOUND, side, lambda: _find(self.workspace, side, words))

    def _fly(self) -> None:
        point = self.query_one(PointTable).point_at_cursor()
        side = self.side()
        if point is None or side is None:
            self.notify("Nothing on this map is called that.", severity="warning")
        else:
            self.query_one(LegendTable).show(int(side.label[point.index]))
            self.canvas().fly(point.index)
            said = line(point.name).append("  Enter flies to the one chosen, Esc ends", style="dim")
            self.query_one("#map-status", Static).update(said, layout=False)
            self.query_one(PointTable).focus()

    def _end_search(self) -> None:
        if self._searching:
            self.query_one(SearchLine).display = False
            self.canvas().focus()
            self._moved(MapCanvas.Moved(self.canvas()))

    def _show_near(self, index: int) -> None:
        side = self.side()
        assert side is not None
        self._near = index
        self.add_class("-listing")
        self._mark()
        indices = np.array([index, *_neighbours(side, index)])
        self._look_up(NEAR, side, lambda: read_names(self.workspace, side, indices))

    def _end_near(self) -> None:
        if self._near is not None:
            self._near = None
            self._moved(MapCanvas.Moved(self.canvas()))

    def begin(self, maps: int) -> None:
        """So many other maps are shown: nothing is looked at in them yet."""
        self._near = None
        self._activate(min(self._active, maps - 1))

    def _activate(self, active: int) -> None:
        self._active = active
        for number, canvas in enumerate(self.query(MapCanvas)):
            canvas.active = number == active
            canvas.refresh()

    def _mark(self) -> None:
        """Mark in both maps what is looked at: neighbours by rank, the list's point, in the other map what is here."""
        here = self.side()
        if here is None or self.view is None:
            return
        near = [] if self._near is None else [self._near, *_neighbours(here, self._near)]
        table = self.query_one(PointTable)
        listed = table.point_at_cursor() if self.focused is table else None
        under = self.canvas().under_cursor() if listed is None else np.array([listed.index])
        for number, (canvas, side) in enumerate(self.shown()):
            own = number == self._active
            ranked = near if own else side.twins(here, np.array(near, np.int64)).tolist()
            characters = {i: _rank_mark(rank) for rank, i in reversed(list(enumerate(ranked))) if i >= 0}
            same = np.zeros(0, np.int64) if own and listed is None else under if own else side.twins(here, under)
            canvas.mark(dict(reversed(characters.items())), same[same >= 0])

    def _status(self, about: str, names: Names) -> Text:
        if about == NEAR:
            indices = [point.index for point in names.points[1:]]
            seen = self.canvas().in_view(indices)
            return Text(f"{seen} of {len(indices)} in view; {map_formatting.NEAR}, not on the map.")
        if about == FOUND:
            return Text("Enter flies to the first; ↓ goes to the list." if names.points else "No point is called that.")
        if not names.points:
            return Text("No point here; Space goes to the nearest.")
        more = f"and {count(names.total - 1)} more here: Enter lists them" if names.total > 1 else ""
        return line(names.points[0].name).append(f"  {more}", style="dim")

    def say_nothing_here(self) -> None:
        """Say that a key needs a point."""
        self.notify("No point is under the cursor: Space goes to the nearest.", severity="warning")


def _at_rest(workspace: Workspace, side: MapSide, under: np.ndarray) -> Names:
    """The names of the points under the cursor, once it stays there: a held key should not wait for lists."""
    sleep(REST_S)
    return Names((), 0) if get_current_worker().is_cancelled else read_names(workspace, side, under)


def _find(workspace: Workspace, side: MapSide, words: str) -> Names:
    worker = get_current_worker()
    return find_points(workspace, side, words, lambda: worker.is_cancelled)


def _neighbours(side: MapSide, index: int) -> list[int]:
    """The stored neighbours of a point, nearest first."""
    found: list[int] = side.points.neighbours[index].tolist()
    return [other for other in found if other >= 0]


def _rank_mark(rank: int) -> str:
    return ITSELF if rank == 0 else RANKS[rank - 1] if rank <= len(RANKS) else LATER


def _heading(about: str, names: Names) -> tuple[str, str, str]:
    """Title, count and remark of the list."""
    listed = count(len(names.points))
    if about == NEAR:
        return "Neighbours", count(max(0, len(names.points) - 1)), f"of {names.points[0].name}" if names.points else ""
    if about == FOUND:
        return "Found", f"the first {listed}" if names.more else listed, ""
    return "Here", listed if names.total == len(names.points) else f"{listed} of {count(names.total)}", ""
