"""A table that keeps its place when its rows change, moves by hjkl, and gives one column what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widgets import DataTable

SCROLLBAR = 1  # kept free also if there is none yet, so that nothing moves when there is
MINIMUM_FLEXIBLE = 8  # cells; a title cut shorter than this says nothing
# The most that a column takes by what its rows need: a longer name would push the other columns out of sight.
WIDEST_SHARE, WIDEST_AT_LEAST = 0.4, 32  # of the table's width, and in cells
DRAWN_LINES = 400  # of some screens; a line is a few hundred cells of the terminal


@dataclass(frozen=True)
class Heading:
    """A column's header and width in cells; 0 takes what the rows need, `flexible` what the others leave."""

    text: Text
    width: int = 0
    flexible: bool = False


@dataclass(frozen=True)
class TableLine:
    """A row: a key that stays its own when rows change, a cell per column, and the height in lines."""

    key: str
    cells: tuple[Text, ...] = field(compare=True)
    height: int = 1


@dataclass(frozen=True)
class Build:
    """What rows and columns are made of, less what is in the cells."""

    heads: tuple[object, ...]
    widths: tuple[int, ...]
    header_height: int
    rows: tuple[tuple[str, int], ...]  # keys and heights


class Table(DataTable[Text]):
    """Rows of `Text`, shown by `put`; equal rows are not drawn again."""

    HELP_TITLE: ClassVar[str] = "In tables"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="table.down", show=False, tooltip="One row down (also ↓)"),
        Binding("k", "cursor_up", "Up", id="table.up", show=False, tooltip="One row up (also ↑)"),
        Binding("h", "cursor_left", "Left", id="table.left", show=False, tooltip="One column left (also ←)"),
        Binding("l", "cursor_right", "Right", id="table.right", show=False, tooltip="One column right (also →)"),
        Binding("g", "first_row", "First row", id="table.first", show=False, tooltip="To the first row"),
        Binding("G", "last_row", "Last row", id="table.last", show=False, tooltip="To the last row"),
        Binding(
            "ctrl+d", "page_down", "Page down", id="table.page_down", show=False, tooltip="A page down (also PgDn)"
        ),
        Binding("ctrl+u", "page_up", "Page up", id="table.page_up", show=False, tooltip="A page up (also PgUp)"),
    ]

    class AtEnd(Message):
        """The cursor reached the last row: a long list may add its next page."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table:
            return self.table

    class Appeared(Message):
        """The table got its first rows, or is on the screen again after it was hidden and lost the focus."""

    def __init__(self, *, id: str, by_cell: bool = False, fixed: int = 0) -> None:
        super().__init__(id=id, cursor_type="cell" if by_cell else "row", fixed_columns=fixed, cell_padding=1)
        self._headings: tuple[Heading, ...] = ()
        self._lines: tuple[TableLine, ...] = ()
        self._appearance: tuple[object, ...] = ()  # everything that was put, in values that can be compared
        self._drawn_width = 0
        self._built: Build | None = None  # what the rows and columns that stand there were made of
        self._inks: tuple[object, ...] = ()
        self._drawn_lines: LRUCache[object, Strip] = LRUCache(DRAWN_LINES)
        self._extent = (0, 0)  # how wide and high all of it was when it was drawn
        self._by_width = False  # whether the columns are as wide as they are because of the table's width

    def put(self, headings: Sequence[Heading], lines: Sequence[TableLine], *, header_height: int = 1) -> None:
        """Show these rows; the cursor stays on its row's key, or where it was."""
        said = (
            header_height,
            tuple((heading.width, heading.flexible, _appearance(heading.text)) for heading in headings),
            tuple((line.key, line.height, tuple(map(_appearance, line.cells))) for line in lines),
        )
        if said == self._appearance:
            return
        before = [line.cells for line in self._lines]
        self._headings, self._lines, self._appearance = tuple(headings), tuple(lines), said
        self.header_height = header_height
        build = self._build()
        if build == self._built:
            self._change(before)
        else:
            self._draw(build)

    def line_at_cursor(self) -> TableLine | None:
        """The row under the cursor."""
        return self._lines[self.cursor_row] if 0 <= self.cursor_row < len(self._lines) else None

    def as_text(self) -> str:
        """Headers and rows separated by tabs, as they are copied."""
        rows = [tuple(heading.text for heading in self._headings), *(line.cells for line in self._lines)]
        return "\n".join("\t".join(" ".join(cell.plain.split()) for cell in row) for row in rows)

    def cell_text(self) -> str:
        """The text under the cursor: the cell, or the row where whole rows are chosen."""
        line = self.line_at_cursor()
        if line is None:
            return ""
        if self.cursor_type == "cell":
            return " ".join(line.cells[self.cursor_column].plain.split())
        return "\t".join(" ".join(cell.plain.split()) for cell in line.cells)

    def action_first_row(self) -> None:
        self.move_cursor(row=0)

    def action_last_row(self) -> None:
        self.move_cursor(row=self.row_count - 1)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The height of header and rows, known at once; what `DataTable` answers lags behind by a layout."""
        header = self.header_height if self.show_header else 0
        across = sum(self._widths(width)) + 2 * self.cell_padding * len(self._headings)
        return header + sum(line.height for line in self._lines) + (across > max(width, 1))

    def on_show(self) -> None:
        self.post_message(self.Appeared())

    def on_resize(self, event: Resize) -> None:
        self._fit()

    def _fit(self) -> None:
        """Make the columns as wide as the table's width asks for, where it has changed."""
        if self._headings and self._drawn_width != self._room() and self._by_width:
            self._draw(self._build())

    def watch_cursor_coordinate(self, old: Coordinate, new: Coordinate) -> None:
        super().watch_cursor_coordinate(old, new)
        if self.row_count and new.row == self.row_count - 1 and new != old:
            self.post_message(self.AtEnd(self))

    def render_lines(self, crop: Region) -> list[Strip]:
        self._fit()  # the first frame comes before the message that says how wide the table is
        inks = (self.get_component_rich_style(name) for name in sorted(self.COMPONENT_CLASSES))
        self._inks = (self.background_colors, *inks)
        return super().render_lines(crop)

    def _render_line(self, y: int, x1: int, x2: int, base_style: Style) -> Strip:
        """As `DataTable` draws it, kept for as long as the line says the same. There a cell that changes and a cursor
        that moves let go of all lines, and to draw a full table takes a twentieth of a second. Its own name: there is
        no public one."""
        try:
            row_key, within = self._get_offsets(y)
        except LookupError:
            return super()._render_line(y, x1, x2, base_style)
        heading = self.show_header and y < self.header_height
        row = -1 if heading else self.get_row_index(row_key)
        texts = [one.text for one in self._headings] if heading else self._lines[row].cells
        key = (
            (row, within, x1, x2, self.size.width, base_style),
            tuple(map(_appearance, texts)),
            tuple(column.get_render_width(self) for column in self.ordered_columns),
            tuple(place if place.row == row else None for place in (self.cursor_coordinate, self.hover_coordinate)),
            (self.cursor_type, self.show_cursor, self._show_hover_cursor, self._pseudo_class_state, self._inks),
        )
        found = self._drawn_lines.get(key)
        if found is None:
            found = self._drawn_lines[key] = super()._render_line(y, x1, x2, base_style)
        return found

    def _room(self) -> int:
        return self.container_size.width or self.size.width

    def _build(self) -> Build:
        self._drawn_width = self._room()
        heads = tuple(_appearance(heading.text) for heading in self._headings)
        rows = tuple((line.key, line.height) for line in self._lines)
        widths = self._widths(self._drawn_width)
        self._by_width = any(heading.flexible for heading in self._headings) or self._widest_column() in widths
        return Build(heads, tuple(widths), self.header_height, rows)

    def _change(self, before: Sequence[Sequence[Text]]) -> None:
        """Other words in the same rows and columns: only those rows are drawn. `update_cell` would draw all."""
        columns = [column.key for column in self.ordered_columns]
        for row, (old, line) in enumerate(zip(before, self._lines, strict=True)):
            if tuple(map(_appearance, old)) != tuple(map(_appearance, line.cells)):
                self._data[self.ordered_rows[row].key] = dict(zip(columns, line.cells, strict=True))
                self.refresh_row(row)
        self._update_count += 1  # nothing that Textual keeps of a row is valid
        self._highlight_cursor()  # what is under the cursor may be something else now

    def _draw(self, build: Build) -> None:
        line = self.ordered_rows[self.cursor_row].key.value if 0 <= self.cursor_row < self.row_count else None
        place, offset, empty = self.cursor_coordinate, self.scroll_offset, not self.row_count
        self._built = build
        self.clear(columns=True)
        for heading, width in zip(self._headings, build.widths, strict=True):
            self.add_column(heading.text, width=width)
        for row in self._lines:
            self.add_row(*row.cells, key=row.key, height=row.height)
        keys = [row.key for row in self._lines]
        row_number = keys.index(line) if line in keys else place.row
        self.move_cursor(
            row=max(0, min(row_number, len(keys) - 1)),
            column=max(0, min(place.column, len(self._headings) - 1)),
            scroll=False,
        )
        self.scroll_to(offset.x, offset.y, animate=False)
        if row_number != place.row:
            self.move_cursor(row=max(0, min(row_number, len(keys) - 1)))
        across = sum(column.get_render_width(self) for column in self.columns.values())
        before, self._extent = self._extent, (across, self.header_height + sum(row.height for row in self._lines))
        self.refresh(layout=self._extent != before)
        if empty and keys:
            self.post_message(self.Appeared())

    def _widths(self, room: int) -> list[int]:
        """The columns' widths in a table that is `room` cells wide; 0 where that is not known yet."""
        widths = []
        for column, heading in enumerate(self._headings):
            widths.append(heading.width or self._needed(column, heading))
        flexible = [column for column, heading in enumerate(self._headings) if heading.flexible]
        if flexible:  # as narrow as they may be while the width is not known: what is too wide gets a scrollbar
            others = sum(width for column, width in enumerate(widths) if column not in flexible)
            padding = 2 * self.cell_padding * len(widths)
            share = (room - others - padding - SCROLLBAR) // len(flexible)
            for column in flexible:
                widths[column] = max(MINIMUM_FLEXIBLE, share)
        return widths

    def _needed(self, column: int, heading: Heading) -> int:
        """What the widest text of a column takes; a table of thousands of cells is asked only where it has to be."""
        cells = (_widest(line.cells[column]) for line in self._lines)
        return min(self._widest_column(), max([_widest(heading.text), *cells])) if self._lines else 1

    def _widest_column(self) -> int:
        return max(WIDEST_AT_LEAST, int(WIDEST_SHARE * self._drawn_width))


def _widest(text: Text) -> int:
    return max(map(cell_len, text.plain.split("\n")))


def _appearance(text: Text) -> tuple[object, ...]:
    """What a text looks like; texts of two colours are equal to rich."""
    return text.plain, text.style, tuple(text.spans), text.overflow, text.justify
