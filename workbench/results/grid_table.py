"""The table of one metric: knows which number and which model are under the cursor, and its order."""

from __future__ import annotations

from functools import partial

from engine.tables.labels import RowKey
from engine.tables.results_table import Cell, ResultsTable
from engine.tables.significance import Verdicts
from workbench.results.results_grid import ResultsView
from workbench.results.results_table import Sort, headings, row_line, sorted_rows
from workbench.ui.table import Table


class GridTable(Table):
    """Shows a grid in an order; `places` are the rows shown as indices into the grid's."""

    def __init__(self) -> None:
        super().__init__(id="grid", by_cell=True, fixed=1)
        self.row_order: list[int] = []
        self.order: Sort | None = None
        self._grid: ResultsTable | None = None
        self._keys: dict[int, RowKey] = {}  # of the row of each evaluation

    def show_grid(
        self, view: ResultsView, wanted: str, *, what: str, marks: list[RowKey], verdicts: Verdicts, thesis: bool
    ) -> None:
        """Draw the rows whose label holds `wanted`; `what` rows are. marks, verdicts, thesis: as in `row_line`."""
        grid, self._keys = view.grid, view.keys
        self._grid = grid
        self.row_order = sorted_rows(grid, self.order, wanted)
        heads, height = headings(grid, self.order, what=what, one_dataset=bool(view.dataset), marked=bool(marks))
        widths = [heading.width for heading in heads[1:]]
        row = partial(row_line, grid, widths=widths, keys=view.keys, marks=marks, verdicts=verdicts, thesis=thesis)
        first = self.cursor_column == 0 and not self.row_count
        self.put(heads, [row(place) for place in self.row_order], header_height=height)
        if first:
            self.move_cursor(column=1)

    def cell_at_cursor(self) -> Cell | None:
        """The number under the cursor; that of the first column where it is on the name."""
        grid, column = self._grid, max(self.cursor_column - 1, 0)
        if grid is None or not 0 <= self.cursor_row < len(self.row_order) or column >= len(grid.columns):
            return None
        return grid.cells[self.row_order[self.cursor_row]][column]

    def key_at_cursor(self) -> RowKey | None:
        """The model under the cursor: that of the number where a row has several."""
        if self._grid is None or not 0 <= self.cursor_row < len(self.row_order):
            return None
        if not self._grid.across:
            return self._grid.rows[self.row_order[self.cursor_row]]
        cell = self.cell_at_cursor()
        return self._keys[cell.evaluation.id] if cell else None

    def turn_sort(self) -> bool:
        """By the column under the cursor, best first, then worst first, then as made; False if there is none."""
        place = self.cursor_column - 1
        if self._grid is None or place >= len(self._grid.columns):
            return False
        column = self._grid.columns[place] if place >= 0 else None
        wanted = (column.dataset, column.value) if column else None
        first, second = Sort(wanted, rising=column is None), Sort(wanted, rising=column is not None)
        self.order = second if self.order == first else None if self.order == second else first
        return True
