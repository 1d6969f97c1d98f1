"""Points on a canvas of cells: which dots are lit, whose cell it is, and in which cell each point lies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

DOTS_ACROSS, DOTS_DOWN = 2, 4  # of a braille cell; on most terminals they lie on a square grid
MARGIN = 1.04  # of the extent, so that no point lies on the border
CLOSEST = 1e-6  # of the extent per dot: float32 places tell no more apart
OUTSIDE = -1

# Unicode numbers the dots of a cell column by column, and put the fourth row last.
_BRAILLE_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
_BRAILLE = 0x2800
_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # bits: upper left 1, upper right 2, lower left 4, lower right 8
_DENSITY = " .:-=+*#%@"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class View:
    """What a canvas looks at: the place in its middle, and how far apart two dots are, in units of the map."""

    x: float
    y: float
    dot: float

    def moved(self, columns: float, rows: float) -> View:
        """So many cells to the right and down."""
        return replace(self, x=self.x + columns * DOTS_ACROSS * self.dot, y=self.y - rows * DOTS_DOWN * self.dot)

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """`factor` times closer, with the place (x, y) where it was."""
        return View(x + (self.x - x) / factor, y + (self.y - y) / factor, self.dot / factor)

    def corner(self, columns: int, rows: int) -> tuple[float, float]:
        """The place at the upper left corner of a canvas of this size."""
        return self.x - columns * DOTS_ACROSS / 2 * self.dot, self.y + rows * DOTS_DOWN / 2 * self.dot

    def dots(self, x: np.ndarray, y: np.ndarray, columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """How many dots right of and below the upper left corner of the canvas places (float32) are; float32."""
        left, top = self.corner(columns, rows)
        inverse = np.float32(1 / self.dot)
        return (x - np.float32(left)) * inverse, (np.float32(top) - y) * inverse

    def cell(self, x: float, y: float, columns: int, rows: int) -> tuple[int, int]:
        """The column and row in which a place lies, also where they are not on the canvas."""
        at = np.array([[x], [y]], np.float32)  # rounded as the points are
        across, down = self.dots(at[0], at[1], columns, rows)
        return int(np.floor(across[0] / DOTS_ACROSS)), int(np.floor(down[0] / DOTS_DOWN))

    def middle(self, column: int, row: int, columns: int, rows: int) -> tuple[float, float]:
        """The place in the middle of a cell."""
        left, top = self.corner(columns, rows)
        return left + (column + 0.5) * DOTS_ACROSS * self.dot, top - (row + 0.5) * DOTS_DOWN * self.dot


@dataclass(frozen=True)
class Raster:
    """A drawn view. dots: braille bits, uint8 [R, C]; winner: the label with most points, of those that are not quiet
    where there are any, int16 [R, C], −1 where there are no points; count: points, int64 [R, C]; cell: row · C + column
    of each point, int32 [N], −1 outside or hidden.
    """

    dots: np.ndarray
    winner: np.ndarray
    count: np.ndarray
    cell: np.ndarray

    def under(self, column: int, row: int) -> np.ndarray:
        """The points in a cell, ascending."""
        return np.flatnonzero(self.cell == row * self.dots.shape[1] + column)


def fit(xy: np.ndarray, columns: int, rows: int) -> View:
    """The view of a canvas that shows all points (float32 [N, 2]), as large as they can be."""
    if not len(xy):
        return View(0.0, 0.0, 1.0)
    low, high = xy.min(axis=0).astype(float), xy.max(axis=0).astype(float)
    width, height = high - low
    dot = MARGIN * max(width / (columns * DOTS_ACROSS), height / (rows * DOTS_DOWN))
    return View(float(low[0] + width / 2), float(low[1] + height / 2), float(dot) or 1.0)


def rasterise(
    xy: np.ndarray,
    label: np.ndarray,
    shown: np.ndarray,
    view: View,
    columns: int,
    rows: int,
    quiet: Collection[int] = (),
) -> Raster:
    """Draw all points (float32 [N, 2]) whose label (int16 [N]) is `shown` (bool [labels]) and that lie in the view.

    quiet: labels that a cell belongs to only where it has no other.
    """
    across, down = columns * DOTS_ACROSS, rows * DOTS_DOWN
    x, y = view.dots(xy[:, 0], xy[:, 1], columns, rows)
    inside = (x >= 0) & (x < across) & (y >= 0) & (y < down)
    if not shown.all():
        inside &= shown[label]
    drawn = np.flatnonzero(inside)
    column, row = x[drawn].astype(np.int32), y[drawn].astype(np.int32)
    lit = np.bincount(row * across + column, minlength=across * down) > 0
    dots = (lit.reshape(rows, DOTS_DOWN, columns, DOTS_ACROSS) * _BRAILLE_BITS[:, None, :]).sum((1, 3), np.uint8)
    at = (row // DOTS_DOWN) * columns + column // DOTS_ACROSS
    labels = max(1, len(shown))
    votes = np.bincount(at * labels + label[drawn], minlength=columns * rows * labels).reshape(rows, columns, labels)
    count = votes.sum(axis=2)
    cell = np.full(len(xy), OUTSIDE, np.int32)
    cell[drawn] = at
    if quiet:
        loud = votes.copy()
        loud[:, :, list(quiet)] = 0
        votes = np.where(loud.any(axis=2, keepdims=True), loud, votes)
    return Raster(dots, np.where(count > 0, votes.argmax(axis=2), OUTSIDE).astype(np.int16), count, cell)


def braille(raster: Raster) -> np.ndarray:
    """A character per cell (its code, uint32 [R, C]) with a dot for each place that holds a point."""
    return np.where(raster.dots > 0, _BRAILLE + raster.dots.astype(np.uint32), ord(" "))


def quadrants(raster: Raster) -> np.ndarray:
    """The same in quarters of a cell, for fonts without braille."""
    return _QUARTERS[raster.dots]


def density(raster: Raster) -> np.ndarray:
    """How many points a cell holds, in ten characters of ASCII, by powers of the fullest cell's number."""
    return _codes(_DENSITY)[levels(raster.count, len(_DENSITY) - 1)]


def letters(raster: Raster) -> np.ndarray:
    """The letter of the label that has most points in the cell."""
    return _codes(LETTERS + " ")[np.where(raster.winner < 0, len(LETTERS), raster.winner % len(LETTERS))]


def levels(count: np.ndarray, steps: int) -> np.ndarray:
    """1 to `steps` for cells with one point to the fullest, evenly by logarithm; 0 for empty ones; int64."""
    most = max(2, int(count.max(initial=0)))
    share = np.log(np.maximum(count, 1)) / np.log(most)
    return np.where(count > 0, 1 + np.round(share * (steps - 1)).astype(np.int64), 0)


def _codes(characters: str) -> np.ndarray:
    return np.array([ord(character) for character in characters], np.uint32)


def _quarters() -> np.ndarray:
    bits = np.arange(256)[:, None] & _BRAILLE_BITS.ravel()  # [256, 8], row by row
    upper, lower = bits[:, :4].reshape(-1, 2, 2).any(1), bits[:, 4:].reshape(-1, 2, 2).any(1)
    return _codes(_QUADRANTS)[np.hstack((upper, lower)) @ np.array([1, 2, 4, 8])]


_QUARTERS = _quarters()
