"""One series of a job over its optimizer steps: phases one after another, averaged weights beside the last ones."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual_plotext.plot import Plot

from workbench.job_view import AVERAGED, Curve, families
from workbench.themes import SERIES
from workbench.widgets.section import Section

LABEL = 8  # cells of a number on the left axis
MARGIN = LABEL + 1  # and of the axis itself
SMALLEST = (24, 4)  # cells; smaller says nothing
LETTERS = "ab"


@dataclass(frozen=True)
class Shape:
    """What is drawn: per phase its name and last step, per line its points over the steps of all phases."""

    phases: tuple[tuple[str, int], ...]
    lines: tuple[tuple[tuple[tuple[int, float], ...], ...], ...]  # line, phase, point


class JobCurve(Vertical):
    """The chart, below a line that names the series and its last value."""

    def __init__(self) -> None:
        super().__init__(id="job-curve")
        self._drawn: tuple[Shape, tuple[Curve, ...]] | None = None

    def compose(self) -> ComposeResult:
        yield Section("Curve", id="job-curve-title")
        yield CurvePlot()

    def put(self, curves: tuple[Curve, ...], wanted: str) -> None:
        """Draw the series of this name, or the first there is; the same again is not drawn."""
        names = families(curves)
        name = wanted if wanted in names else names[0] if names else ""
        shown = tuple(curve for curve in curves if curve.name.removesuffix(AVERAGED) == name)
        new = (shape(curves, name), shown)
        if self._drawn == new:
            return
        self._drawn = new
        self.query_one(Section).say("", _remark(shown, names), title=name or "Curve")
        self.query_one(CurvePlot).put(new[0])


class CurvePlot(Widget):
    """The lines themselves, drawn anew for every size: plotext's figures keep marks of the size before."""

    def __init__(self) -> None:
        super().__init__(id="job-plot")
        self._shape = Shape((), ())

    def put(self, new: Shape) -> None:
        self._shape = new
        self.refresh()

    def render(self) -> Text:
        width, height = self.size
        values = [value for line in self._shape.lines for part in line for _, value in part]
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return Text()
        if not values:
            return Text("  Nothing measured yet.", style="dim")
        low, high = min(values), max(values)
        if high <= low:
            room = abs(high) * 0.1 or 1.0
            low, high = low - room, high + room
        last = max(1, sum(steps for _, steps in self._shape.phases))
        plot = Plot()
        plot.theme("clear")  # the widget's own colours, not plotext's
        plot.plotsize(width, height - 2)
        plot._set_size(width, height - 2)  # `plotsize` alone is cut to what plotext takes for the terminal's size
        for number, line in enumerate(self._shape.lines):
            for points in line:
                if points:
                    xs, ys = [x for x, _ in points], [y for _, y in points]
                    plot.plot(xs, ys, marker="braille", color=SERIES[number])
                    if len(self._shape.lines) > 1:
                        plot.scatter(xs[-1:], ys[-1:], marker=LETTERS[number], color=SERIES[number])
        plot.ylim(low, high)
        ticks = [low, (low + high) / 2, high] if height > 6 else [low, high]
        plot.yticks(ticks, [number_label(tick) for tick in ticks])
        plot.xlim(0, last)
        plot.frame(False)
        plot.xaxes(False, False)
        plot.xfrequency(0)
        plot.yaxes(True, False)
        drawn = Text.from_ansi(plot.build().rstrip("\n"))
        return drawn.append("\n").append(steps_axis(self._shape.phases, width - MARGIN))


def shape(curves: tuple[Curve, ...], name: str) -> Shape:
    """Phases one after another: the steps of each count on from the last one measured in the phase before."""
    order = list(dict.fromkeys(curve.phase for curve in curves))
    lengths = {phase: max(c.steps[-1] for c in curves if c.phase == phase) for phase in order}
    starts, start = {}, 0
    for phase in order:
        starts[phase] = start
        start += lengths[phase]
    lines = []
    for wanted in (name, name + AVERAGED):
        own = [curve for curve in curves if curve.name == wanted]
        if own:
            lines.append(
                tuple(
                    tuple((starts[c.phase] + s, v) for s, v in zip(c.steps, c.values, strict=True) if v is not None)
                    for c in own
                )
            )
    return Shape(tuple(lengths.items()), tuple(lines))


def number_label(value: float) -> str:
    """A number in `LABEL` cells: four digits that matter."""
    text = f"{value:.4f}" if 0.001 <= abs(value) < 10 else f"{value:.4g}"
    return f"{text:>{LABEL}}"[:LABEL]


def steps_axis(phases: tuple[tuple[str, int], ...], width: int) -> str:
    """The horizontal axis over `width` cells: where each phase ends, and its name with its steps as far as they fit."""
    total = max(1, sum(steps for _, steps in phases))
    ticks, labels = ["─"] * width, [" "] * width
    start = done = 0
    for phase, steps in phases:
        done += steps
        end = round(done / total * (width - 1))
        ticks[end] = "┴" if done < total else "┘"
        room = end - start
        for label in (f"{phase} · {steps:,} steps", phase, f"{steps:,}"):
            if len(label) < room:
                place = start + (room - len(label)) // 2
                labels[place : place + len(label)] = label
                break
        start = end + 1
    edge = " " * (MARGIN - 1)
    return f"{edge}└{''.join(ticks)}\n{edge} {''.join(labels)}"


def _remark(curves: tuple[Curve, ...], names: list[str]) -> str:
    if not curves:
        return "no series yet"
    parts = []
    lasts = {curve.name: curve.last for curve in curves}  # of the newest phase
    for letter, (name, value) in zip(LETTERS, lasts.items(), strict=False):
        said = "not a number" if value is None else number_label(value).strip()
        kind = "averaged weights" if name.endswith(AVERAGED) else "last weights"
        parts.append(f"{letter} {kind} {said}" if len(lasts) > 1 else f"last {said}")
    if len(names) > 1:
        parts.append(f"{len(names)} series, c shows the next")
    return "; ".join(parts)
