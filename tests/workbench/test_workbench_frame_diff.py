"""What is not sent again stands there already: a terminal gets the same picture from fewer bytes."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from workbench.ui.frame_diff import FrameDiff

WIDTH, HEIGHT = 8, 3
MOVE = re.compile(r"\x1b\[(\d+);(\d+)H([^\x1b\n]*)")
CONSOLE = Console(width=WIDTH, color_system=None)


class Grid:
    """The cells of a terminal, and how much was written to it."""

    def __init__(self) -> None:
        self.cells = [[" "] * WIDTH for _ in range(HEIGHT)]
        self.written = 0

    def write(self, update: CompositorUpdate) -> None:
        for row, column, text in MOVE.findall(update.render_segments(CONSOLE)):
            self.written += len(text)
            for place, letter in enumerate(text, int(column) - 1):
                self.cells[int(row) - 1][place] = letter


texts = st.lists(st.text("ab", min_size=WIDTH, max_size=WIDTH), min_size=HEIGHT, max_size=HEIGHT)
cuts = st.sets(st.integers(1, WIDTH - 1), max_size=2).map(lambda inner: [0, *sorted(inner), WIDTH])
spans = st.lists(
    st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).filter(
        lambda span: span[1] < span[2]
    ),
    min_size=1, max_size=4,
).map(sorted)  # fmt: skip


@st.composite
def updates(draw: st.DrawFn) -> tuple[bool, list[str], list[list[int]], list[tuple[int, int, int]]]:
    return draw(st.booleans()), draw(texts), [draw(cuts) for _ in range(HEIGHT)], draw(spans)


def update(whole: bool, text: list[str], cut: list[list[int]], spans: list[tuple[int, int, int]]) -> CompositorUpdate:
    pieces = [
        {start: Strip([Segment(row[start:end])]) for start, end in pairwise(places)}
        for row, places in zip(text, cut, strict=True)
    ]
    if whole:
        return LayoutUpdate([piece.values() for piece in pieces], Region(0, 0, WIDTH, HEIGHT))
    return ChopsUpdate(pieces, spans, [places[1:] for places in cut])


WHOLE, HALVES = [[0, WIDTH]] * HEIGHT, [[0, 4, WIDTH]] * HEIGHT
ROW = [(0, 0, WIDTH)]
A, B = ["aaaaaaaa"] * HEIGHT, ["aaaabbbb"] * HEIGHT


@example([(True, A, WHOLE, ROW), (False, B, HALVES, ROW), (False, A, WHOLE, ROW), (False, B, HALVES, ROW)])
@given(st.lists(updates(), max_size=6))
def test_the_picture_is_the_same_after_every_update(sequence: list) -> None:
    all_of_it, thinned, last = Grid(), Grid(), FrameDiff()
    for one in sequence:
        all_of_it.write(update(*one))
        left = last.thin(update(*one))
        assert isinstance(left, CompositorUpdate)
        thinned.write(left)
        assert thinned.cells == all_of_it.cells
    assert thinned.written <= all_of_it.written


def test_an_unchanged_line_is_not_sent_again_unless_something_else_wrote() -> None:
    grid, last = Grid(), FrameDiff()
    frame = (True, ["aaaaaaaa"] * HEIGHT, [[0, 4, WIDTH]] * HEIGHT, [])
    again = (False, ["aaaaaaaa", "aaaabbbb", "aaaaaaaa"], [[0, 4, WIDTH]] * HEIGHT, [(0, 0, 8), (1, 0, 8), (2, 0, 8)])
    grid.write(last.thin(update(*frame)))
    assert grid.written == WIDTH * HEIGHT
    grid.write(last.thin(update(*again)))
    assert grid.written == WIDTH * HEIGHT + 4
    grid.write(last.thin(update(*again)))
    assert grid.written == WIDTH * HEIGHT + 4
    grid.write(last.thin(update(True, again[1], again[2], [])))
    assert grid.written == WIDTH * HEIGHT + 4
    last.forget()
    grid.write(last.thin(update(*again)))
    assert grid.written == 2 * WIDTH * HEIGHT + 4
