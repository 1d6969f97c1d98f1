"""The canvas of a map in numbers: which dot, whose cell, and the way there and back."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.map.map_raster import View, braille, density, fit, letters, levels, quadrants, rasterise

ONE_CELL = View(1.0, 2.0, 1.0)  # with 1×1 cells: 0 to 2 across and 0 to 4 up, a dot per unit


def raster(points: list[tuple[float, float]], labels: list[int] | None = None, *, columns: int = 1, rows: int = 1,
           view: View = ONE_CELL, hidden: tuple[int, ...] = ()):  # fmt: skip
    xy = np.array(points, np.float32).reshape(-1, 2)
    label = np.array(labels or [0] * len(points), np.int16)
    shown = np.array([number not in hidden for number in range(max([0, *label.tolist()]) + 1)])
    return rasterise(xy, label, shown, view, columns, rows)


def text(codes: np.ndarray) -> list[str]:
    return ["".join(map(chr, row)) for row in codes]


@pytest.mark.parametrize(
    ("points", "shown"),
    [
        ([], " "),
        ([(0.5, 3.5)], "⠁"),
        ([(1.5, 3.5)], "⠈"),
        ([(0.5, 2.5)], "⠂"),
        ([(0.5, 1.5)], "⠄"),
        ([(0.5, 0.5)], "⡀"),
        ([(1.5, 0.5)], "⢀"),
        ([(0.5, 3.5), (1.5, 0.5)], "⢁"),
        ([(0.5, 3.5), (0.6, 3.6)], "⠁"),
        ([(2.1, 1.0), (-0.1, 1.0), (1.0, 4.1), (1.0, -0.1)], " "),
    ],
)
def test_each_point_lights_its_dot(points: list[tuple[float, float]], shown: str) -> None:
    assert text(braille(raster(points))) == [shown]


def test_quarters_letters_and_density_of_the_same_points() -> None:
    drawn = raster([(0.5, 3.5), (1.5, 0.5), (1.5, 1.5)], [0, 2, 2])
    assert text(quadrants(drawn)) == ["▚"]
    assert text(letters(drawn)) == ["c"]
    assert drawn.count.tolist() == [[3]]
    wide = raster([(0.5, 1.0)] * 100 + [(2.5, 1.0)] * 10 + [(4.5, 1.0)], columns=4, view=View(4.0, 2.0, 1.0))
    assert levels(wide.count, 9).tolist() == [[9, 5, 1, 0]]  # 100, 10 and 1 are evenly apart by logarithm
    assert text(density(wide)) == ["@+. "]
    assert text(letters(wide)) == ["aaa "]


def test_a_cell_belongs_to_the_label_with_most_points_and_the_first_of_equals() -> None:
    assert raster([(0.5, 1.0)] * 3, [0, 1, 1]).winner.tolist() == [[1]]
    assert raster([(0.5, 1.0)] * 2, [1, 0]).winner.tolist() == [[0]]
    assert raster([(0.5, 1.0)] * 3, [0, 1, 1], hidden=(1,)).winner.tolist() == [[0]]
    assert raster([(0.5, 1.0)] * 3, [0, 1, 1], hidden=(1,)).cell.tolist() == [0, -1, -1]
    assert raster([], []).winner.tolist() == [[-1]]


def test_a_quiet_label_has_only_cells_where_there_is_no_other() -> None:
    xy = np.array([[0, 0], [0, 0], [0, 0], [8, 0], [8, 0]], np.float32)
    label = np.array([1, 1, 0, 1, 1], np.int16)
    view = fit(xy, 9, 3)
    drawn = rasterise(xy, label, np.ones(2, bool), view, 9, 3, quiet=[1])
    assert drawn.winner[drawn.count > 0].tolist() == [0, 1]
    assert drawn.count[drawn.count > 0].tolist() == [3, 2]
    assert rasterise(xy, label, np.ones(2, bool), view, 9, 3).winner[drawn.count > 0].tolist() == [1, 1]
    hidden = rasterise(xy, label, np.array([False, True]), view, 9, 3, quiet=[1])
    assert hidden.winner[hidden.count > 0].tolist() == [1, 1]


def test_many_points_against_one_at_a_time() -> None:
    draw = np.random.default_rng(0)
    xy = draw.normal(size=(500, 2)).astype(np.float32)
    label = draw.integers(0, 4, 500).astype(np.int16)
    shown = np.array([True, False, True, True])
    columns, rows, view = 17, 9, View(0.3, -0.2, 0.08)
    drawn = rasterise(xy, label, shown, view, columns, rows)
    dots, votes = np.zeros((rows, columns), int), np.zeros((rows, columns, 4), int)
    bit = {(0, 0): 0, (1, 0): 1, (2, 0): 2, (0, 1): 3, (1, 1): 4, (2, 1): 5, (3, 0): 6, (3, 1): 7}
    left, top = 0.3 - 17 * 0.08, -0.2 + 18 * 0.08
    for (x, y), own, cell in zip(xy.tolist(), label.tolist(), drawn.cell.tolist(), strict=True):
        across, down = int((x - left) // 0.08), int((top - y) // 0.08)
        inside = 0 <= across < 34 and 0 <= down < 36 and own != 1
        assert cell == ((down // 4) * 17 + across // 2 if inside else -1)
        if inside:
            dots[down // 4, across // 2] |= 1 << bit[down % 4, across % 2]
            votes[down // 4, across // 2, own] += 1
    np.testing.assert_array_equal(drawn.dots, dots)
    np.testing.assert_array_equal(drawn.count, votes.sum(2))
    np.testing.assert_array_equal(drawn.winner, np.where(votes.sum(2) > 0, votes.argmax(2), -1))


@pytest.mark.parametrize("size", [(1, 1), (39, 16), (78, 34), (200, 5)])
def test_the_whole_map_shows_every_point_and_fills_one_direction(size: tuple[int, int]) -> None:
    xy = (np.random.default_rng(1).normal(size=(300, 2)) * (5, 1) + (40, -7)).astype(np.float32)
    drawn = rasterise(xy, np.zeros(300, np.int16), np.ones(1, bool), fit(xy, *size), *size)
    assert (drawn.cell >= 0).all()
    assert drawn.count.sum() == 300
    used = [np.ptp(np.flatnonzero(drawn.count.sum(axis))) + 1 for axis in (0, 1)]
    assert used[0] >= 0.9 * size[0] or used[1] >= 0.9 * size[1]


def test_when_all_points_are_one_or_none_the_map_is_still_drawn() -> None:
    same = np.full((5, 2), 3.0, np.float32)
    assert rasterise(same, np.zeros(5, np.int16), np.ones(1, bool), fit(same, 9, 3), 9, 3).count.max() == 5
    none = np.zeros((0, 2), np.float32)
    assert rasterise(none, np.zeros(0, np.int16), np.ones(1, bool), fit(none, 9, 3), 9, 3).count.sum() == 0


def test_a_cell_and_the_place_in_its_middle_are_each_others() -> None:
    view = View(12.5, -3.25, 0.37)
    for columns, rows in ((7, 4), (8, 5)):
        for column in range(-2, columns + 2):
            for row in range(-2, rows + 2):
                assert view.cell(*view.middle(column, row, columns, rows), columns, rows) == (column, row)


def test_the_cursor_of_a_point_is_in_the_cell_that_the_point_is_drawn_in() -> None:
    xy = (np.random.default_rng(2).normal(size=(200, 2)) * 30).astype(np.float32)
    for number, (x, y) in enumerate(xy.tolist()):
        view = View(x, y, 0.01 + 0.001 * number)  # right on the border between cells
        drawn = rasterise(xy, np.zeros(200, np.int16), np.ones(1, bool), view, 40, 16)
        column, row = view.cell(x, y, 40, 16)
        assert number in drawn.under(column, row).tolist()


def test_zooming_keeps_the_place_under_the_cursor_and_moving_goes_by_cells() -> None:
    view = View(0.0, 0.0, 1.0)
    closer = view.zoomed(2.0, 10.0, 6.0)
    assert closer == View(5.0, 3.0, 0.5)
    assert view.cell(10.0, 6.0, 40, 20) == (25, 8)
    assert closer.cell(10.0, 6.0, 40, 20) == (25, 8)
    assert view.moved(3, 2) == View(6.0, -8.0, 1.0)
