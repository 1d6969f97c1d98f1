"""Curves as SVG: a line, a marker and a dash pattern per curve, their intervals as bands."""

from __future__ import annotations

import math
from html import escape

from engine.experiments.sheet import Cell, LineFigure
from engine.report.plot_markers import colour, marker, stroke
from store.plain_text import plain

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 14, 52
STEPS = 5  # about so many between the axis and the top
ALONE = 3.0  # half the width of the band of a point without neighbours


def line_chart(figure: LineFigure) -> str:
    """An `<svg>` element; None cells leave a gap in their curve. Axes begin at nought, so that heights compare."""
    step = _round_step(_largest(figure) / STEPS)
    top = math.ceil(_largest(figure) / step - 1e-9) * step
    curves = [_curve(number, line.cells, figure, top) for number, line in enumerate(figure.lines)]
    parts = [*_axes(figure, step, top), *(band for band, _ in curves), *(line for _, line in curves)]
    label = f"{figure.title}: {figure.y} by {figure.x}, {len(figure.lines)} curves. The table below has the numbers."
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_text(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _axes(figure: LineFigure, step: float, top: float) -> list[str]:
    digits = max(0, -math.floor(math.log10(step)) + (step / 10 ** math.floor(math.log10(step)) == 2.5))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<path class="grid" d="M{LEFT} {_y(step * n, top):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 8}" y="{_y(step * n, top) + 4:.1f}" text-anchor="end">{step * n:,.{digits}f}</text>'
        for n in range(round(top / step) + 1)
    ]
    parts += [
        f'<text x="{_x(place, figure):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_text(tick)}</text>'
        for place, tick in enumerate(figure.ticks)
    ]
    return [
        *parts,
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{_text(figure.x)}</text>",
        f'<text class="axis" x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})">'
        f"{_text(figure.y)}</text>",
    ]


def _curve(number: int, cells: tuple[Cell | None, ...], figure: LineFigure, top: float) -> tuple[str, str]:
    """The bands and the line with markers of one curve, in as many pieces as its gaps leave."""
    bands, line, marks = "", "", ""
    for piece in _pieces(cells):
        at = [(_x(place, figure), cell) for place, cell in piece]
        bands += _band(at, top)
        line += _path([(x, _y(cell.value, top)) for x, cell in at])
        marks += "".join(marker(number, x, _y(cell.value, top)) for x, cell in at)
    if not marks:
        return "", ""
    return (
        f'<path class="band" style="fill:{colour(number)}" d="{bands}"/>' if bands else "",
        f'<path class="line" style="{stroke(number)}" d="{line}"/><path style="fill:{colour(number)}" d="{marks}"/>',
    )


def _band(at: list[tuple[float, Cell]], top: float) -> str:
    known = [(x, cell.low, cell.high) for x, cell in at if cell.low is not None and cell.high is not None]
    if len(known) == 1:
        x, low, high = known[0]
        known = [(x - ALONE, low, high), (x + ALONE, low, high)]
    upper = [(x, _y(high, top)) for x, _, high in known]
    lower = [(x, _y(low, top)) for x, low, _ in reversed(known)]
    return f"{_path([*upper, *lower])}z" if known else ""


def _pieces(cells: tuple[Cell | None, ...]) -> list[list[tuple[int, Cell]]]:
    pieces: list[list[tuple[int, Cell]]] = [[]]
    for place, cell in enumerate(cells):
        if cell is not None:
            pieces[-1].append((place, cell))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _largest(figure: LineFigure) -> float:
    cells = [cell for line in figure.lines for cell in line.cells if cell is not None]
    return max((max(cell.value, cell.high or 0.0) for cell in cells), default=0.0) or 1.0


def _round_step(step: float) -> float:
    """The smallest of 1, 2, 2.5, 5 or 10 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next((power * factor for factor in (1, 2, 2.5, 5) if power * factor >= step * (1 - 1e-9)), power * 10)


def _x(tick: int, figure: LineFigure) -> float:
    room = (WIDTH - LEFT - RIGHT) / max(1, len(figure.ticks))
    return LEFT + room * (tick + 0.5)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * max(0.0, value) / top


def _path(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _text(text: str) -> str:
    return escape(plain(text))
