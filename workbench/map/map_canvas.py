"""The canvas of a map: points as braille, a cursor that moves by cell, and marks on chosen points."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Blur, Click, Focus, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.map import map_raster
from workbench.map.map_raster import CLOSEST, Raster, View, fit, levels, rasterise

if TYPE_CHECKING:
    from workbench.map.map_labels import Colour

STEP = 1.5  # times closer by one key
SHADES = 4  # steps of brightness by how many points a cell holds
FAINTEST = 0.35  # of a label's colour over the ground, for a single point
GLYPHS = {
    "braille": map_raster.braille,
    "quadrants": map_raster.quadrants,
    "letters": map_raster.letters,
    "density": map_raster.density,
}
FLOWN = 4.0  # times closer than the whole map, at least, where the map flies to a point


class MapCanvas(Widget, can_focus=True):
    """Draws every point that is put there. The cursor stays at its place on the map while that is zoomed."""

    ALLOW_SELECT = False
    HELP_TITLE: ClassVar[str] = "On the map"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"map--mark", "map--same", "map--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "move(-1, 0)", "Left", id="canvas.left", show=False, tooltip="The cursor one cell left"),
        Binding("j,down", "move(0, 1)", "Down", id="canvas.down", show=False, tooltip="The cursor one cell down"),
        Binding("k,up", "move(0, -1)", "Up", id="canvas.up", show=False, tooltip="The cursor one cell up"),
        Binding("l,right", "move(1, 0)", "Right", id="canvas.right", show=False, tooltip="The cursor one cell right"),
        Binding("H,shift+left", "pan(-1, 0)", "Pan left", id="canvas.pan_left", show=False,
                tooltip="The map a quarter of the canvas to the left"),
        Binding("J,shift+down", "pan(0, 1)", "Pan down", id="canvas.pan_down", show=False,
                tooltip="The same downwards"),
        Binding("K,shift+up", "pan(0, -1)", "Pan up", id="canvas.pan_up", show=False, tooltip="The same upwards"),
        Binding("L,shift+right", "pan(1, 0)", "Pan right", id="canvas.pan_right", show=False,
                tooltip="The same to the right"),
        Binding("plus,equals_sign", "zoom(1)", "Zoom", id="canvas.closer", tooltip="Closer, around the cursor"),
        Binding("minus", "zoom(-1)", "Zoom out", id="canvas.farther", show=False, tooltip="Farther away"),
        Binding("0,f", "fit", "Fit", id="canvas.fit", show=False, tooltip="The whole map"),
        Binding("space", "snap", "To a point", id="canvas.snap", show=False,
                tooltip="The cursor to the nearest point that is shown"),
        Binding("enter", "open", "Points", id="canvas.open", show=False, tooltip="To the list of points here"),
    ]  # fmt: skip

    class Moved(Message):
        """The cursor moved to another cell, or the points under it changed."""

        def __init__(self, canvas: MapCanvas) -> None:
            super().__init__()
            self.canvas = canvas

        @property
        def control(self) -> MapCanvas:
            return self.canvas

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, MapCanvas.Moved) and message.canvas is self.canvas

    class Opened(Message):
        """The points under the cursor are wanted."""

        def __init__(self, canvas: MapCanvas) -> None:
            super().__init__()
            self.canvas = canvas

    class Chosen(Message):
        """This canvas is the one that is looked at now."""

        def __init__(self, canvas: MapCanvas) -> None:
            super().__init__()
            self.canvas = canvas

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.active = False  # whether its cursor is the one that the list follows
        self.view: View | None = None
        self._fitted = True
        self._xy = np.zeros((0, 2), np.float32)
        self._label = np.zeros(0, np.int16)
        self._shown = np.ones(0, bool)
        self._colours: tuple[Colour, ...] = ()
        self._quiet: tuple[int, ...] = ()
        self._marks, self._shade = "braille", False
        self._cursor: tuple[float, float] | None = None
        self._unmoved = True  # the user has not moved the cursor since it was put where there is most to see
        self._raster: Raster | None = None
        self._codes = np.zeros((0, 0), np.uint32)
        self._inks = np.zeros((0, 0), np.int64)
        self._styles: list[Style] = []
        self._ranked: dict[int, str] = {}
        self._same = np.zeros(0, np.int64)
        self._over: dict[int, dict[int, tuple[str, str]]] = {}

    def put(
        self,
        xy: np.ndarray,
        label: np.ndarray,
        colours: Sequence[Colour],
        hidden: Collection[int] = (),
        quiet: Collection[int] = (),
    ) -> None:
        """Show these points (float32 [N, 2], int16 [N]), but none with a hidden label.

        The same ones in other colours stay where they are. quiet: labels that give way to any other in a cell.
        """
        if xy is not self._xy:
            self._cursor, self._unmoved, self._fitted = None, True, True
            self._ranked, self._same = {}, np.zeros(0, np.int64)
            self._raster = None  # of other points
        self._xy, self._label, self._colours, self._quiet = xy, label, tuple(colours), tuple(quiet)
        self._shown = np.ones(max(1, len(colours)), bool)
        self._styles = []
        self.hide(hidden)

    def hide(self, hidden: Collection[int]) -> None:
        """Draw no points with these labels."""
        self._shown = np.ones(len(self._shown), bool)
        self._shown[list(hidden)] = False
        self.draw()

    def look(self, marks: str, *, shade: bool) -> None:
        """Choose the marks, and whether cells with few points are fainter."""
        if (marks, shade) != (self._marks, self._shade):
            self._marks, self._shade = marks, shade
            self.draw()

    def mark(self, ranked: Mapping[int, str], same: np.ndarray) -> None:
        """Write a character over the cells of some points, and set the cells of others apart."""
        self._ranked, self._same = dict(ranked), same
        before = self._over
        self._lay_over()
        other = [y for y in {*before, *self._over} if before.get(y) != self._over.get(y)]
        if other:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in other))

    def under_cursor(self) -> np.ndarray:
        """The points in the cursor's cell."""
        if self._raster is None or self._cursor is None:
            return np.zeros(0, np.int64)
        return self._raster.under(*self._cell())

    def in_view(self, indices: Sequence[int]) -> int:
        """How many of these points are drawn."""
        return 0 if self._raster is None else int((self._raster.cell[list(indices)] >= 0).sum())

    def drawn(self) -> np.ndarray:
        """The points that are drawn."""
        return np.zeros(0, np.int64) if self._raster is None else np.flatnonzero(self._raster.cell >= 0)

    def fly(self, index: int) -> None:
        """Bring a point into the middle, closer than the whole map is, with the cursor on it."""
        if self._raster is None or self.view is None:
            return
        x, y = map(float, self._xy[index])
        whole = fit(self._xy, *self._room())
        self.view = View(x, y, min(self.view.dot, whole.dot / FLOWN))
        self._cursor, self._unmoved, self._fitted = (x, y), False, False
        self.draw()

    def on_resize(self, event: Resize) -> None:
        if self._unmoved:
            self._cursor = None
        self.draw()

    def on_focus(self, event: Focus) -> None:
        self.post_message(self.Chosen(self))

    def on_blur(self, event: Blur) -> None:
        self._refresh_cursor()

    def on_click(self, event: Click) -> None:
        at = event.get_content_offset(self)
        if at is not None:
            self._go(at)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.action_zoom(1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.action_zoom(-1)

    def action_move(self, columns: int, rows: int) -> None:
        if self.view is None or self._cursor is None:
            return
        column, row = self._cell()
        self._go(Offset(column + columns, row + rows))

    def action_pan(self, columns: int, rows: int) -> None:
        if self.view is None or self._cursor is None:
            return
        wide, high = self._room()
        column, row = self._cell()
        self.view = self.view.moved(columns * max(1, wide // 4), rows * max(1, high // 4))
        self._fitted = self._unmoved = False
        self._cursor = self.view.middle(column, row, wide, high)  # stays where the eye is
        self.draw()

    def action_zoom(self, step: int) -> None:
        if self.view is None or self._cursor is None:
            return
        self._cursor = self._nearest(self.under_cursor()) or self._cursor  # what is looked at stays
        whole = fit(self._xy, *self._room()).dot
        dot = min(max(self.view.dot / STEP**step, whole * CLOSEST), whole * STEP)
        self.view = self.view.zoomed(self.view.dot / dot, *self._cursor)
        self._fitted = self._unmoved = False
        self.draw()

    def action_fit(self) -> None:
        self._fitted = True
        self.draw()

    def action_snap(self) -> None:
        nearest = self._nearest(self.drawn())
        if nearest is not None:
            self._put_cursor(*nearest)

    def action_open(self) -> None:
        self.post_message(self.Opened(self))

    def draw(self) -> None:
        """Draw all points anew for the size, view and labels there are."""
        columns, rows = self._room()
        if columns < 1 or rows < 1:
            return
        if self._fitted or self.view is None:
            self.view = fit(self._xy, columns, rows)
        self._raster = rasterise(self._xy, self._label, self._shown, self.view, columns, rows, self._quiet)
        if self._cursor is None and len(self._xy):
            row, column = divmod(int(self._raster.count.argmax()), columns)  # where there is most to see
            self._cursor = self.view.middle(column, row, columns, rows)
        self._codes = GLYPHS[self._marks](self._raster)
        step = levels(self._raster.count, SHADES) - 1 if self._shade else np.full((rows, columns), SHADES - 1)
        self._inks = np.where(self._raster.winner < 0, -1, self._raster.winner * SHADES + step)
        self._keep_cursor_inside()
        self._lay_over()
        self.refresh()
        self.post_message(self.Moved(self))

    def render_line(self, y: int) -> Strip:
        columns, rows = self._room()
        ground = self.background_colors[1].rgb
        if y == 0 or not self._styles:
            self._styles = _styles(self._colours, ground)
        plain = Style(bgcolor="rgb({},{},{})".format(*ground))
        if y >= rows or self._codes.shape != (rows, columns):
            return Strip([Segment(" " * columns, plain)], columns)
        inks = self._inks[y].copy()
        codes = self._codes[y]
        over = self._over.get(y, {})
        if over:
            codes = codes.copy()
        for number, (column, (character, _)) in enumerate(over.items()):
            if character:
                codes[column] = ord(character)
            inks[column] = -2 - number
        cursor = self._cell() if self.active and self._cursor is not None else (-1, -1)
        if cursor[1] == y and 0 <= cursor[0] < columns:
            inks[cursor[0]] = -2 - len(over)
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        # A blank has no colour: it goes with what stands left of it, and the line stays in few pieces.
        before = inks[np.maximum.accumulate(np.where(inks != -1, np.arange(columns), 0))]
        inks = np.where((inks == -1) & (before >= 0), before, inks)
        marks = [self.get_component_rich_style(f"map--{kind}") for _, kind in over.values()]
        marks.append(self.get_component_rich_style("map--cursor"))
        edges = [0, *(np.flatnonzero(np.diff(inks)) + 1).tolist(), columns]
        segments = []
        for start, end in pairwise(edges):
            ink = int(inks[start])
            style = plain if ink == -1 else self._styles[ink] if ink >= 0 else marks[-2 - ink]
            segments.append(Segment(text[start:end], style))
        return Strip(segments, columns)

    def _room(self) -> tuple[int, int]:
        return self.size.width, self.size.height

    def _cell(self) -> tuple[int, int]:
        assert self.view is not None
        assert self._cursor is not None
        return self.view.cell(*self._cursor, *self._room())

    def _nearest(self, indices: np.ndarray) -> tuple[float, float] | None:
        """The place of the one of these points that is nearest to the cursor."""
        if not len(indices) or self._cursor is None:
            return None
        away = ((self._xy[indices] - np.array(self._cursor, np.float32)) ** 2).sum(axis=1)
        x, y = self._xy[indices[int(away.argmin())]].tolist()
        return x, y

    def _go(self, to: Offset) -> None:
        """Move the cursor to a cell; beyond the border the map moves along."""
        if self.view is None or self._cursor is None:
            return
        columns, rows = self._room()
        across = min(to.x, 0) + max(to.x - columns + 1, 0)
        down = min(to.y, 0) + max(to.y - rows + 1, 0)
        at = self.view.middle(to.x, to.y, columns, rows)
        if across or down:
            self._cursor, self._unmoved = at, False
            self.view = self.view.moved(across, down)
            self._fitted = False
            self.draw()
        else:
            self._put_cursor(*at)

    def _put_cursor(self, x: float, y: float) -> None:
        self._refresh_cursor()
        self._cursor, self._unmoved = (x, y), False
        self._refresh_cursor()
        self.post_message(self.Moved(self))

    def _keep_cursor_inside(self) -> None:
        """A cursor that a smaller canvas or the whole map leaves outside goes to the nearest cell inside."""
        if self._cursor is None or self.view is None:
            return
        columns, rows = self._room()
        column, row = self._cell()
        inside = min(max(column, 0), columns - 1), min(max(row, 0), rows - 1)
        if inside != (column, row):
            self._cursor = self.view.middle(*inside, columns, rows)

    def _lay_over(self) -> None:
        """Where marks lie: of several in one cell, the characters above the rest, the first above the later."""
        self._over = {}
        if self._raster is None:
            return
        columns = self._raster.dots.shape[1]
        for cell in np.unique(self._raster.cell[self._same]).tolist():
            self._lay(cell, columns, "", "same")
        for index, character in reversed(self._ranked.items()):
            self._lay(int(self._raster.cell[index]), columns, character, "mark")

    def _lay(self, cell: int, columns: int, character: str, kind: str) -> None:
        if cell >= 0:
            row, column = divmod(cell, columns)
            self._over.setdefault(row, {})[column] = (character, kind)

    def _refresh_cursor(self) -> None:
        if self.view is not None and self._cursor is not None:
            self.refresh(Region(0, self._cell()[1], self.size.width, 1))


def _styles(colours: Sequence[Colour], ground: Colour) -> list[Style]:
    """A style for each label and shade, the last shade in the label's own colour."""
    styles = []
    for colour in colours:
        for shade in range(SHADES):
            share = FAINTEST + (1 - FAINTEST) * shade / (SHADES - 1)
            mixed = [round(share * c + (1 - share) * g) for c, g in zip(colour, ground, strict=True)]
            styles.append(Style.parse("rgb({},{},{}) on rgb({},{},{})".format(*mixed, *ground)))
    return styles
