"""One series over the optimizer steps: of a job, averaged weights beside the last ones; or of several jobs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static
from textual_plotext.plot import Plot

from workbench.jobs import job_formatting
from workbench.jobs.curves_beside import Points, Trace, best_trace, phase_lengths, series_of, trace
from workbench.jobs.job_view import AVERAGED, Curve, Traced, families
from workbench.ui.numbers import counted
from workbench.ui.section import Section
from workbench.ui.themes import SERIES

LABEL = 8  # cells of a number on the left axis
MARGIN = LABEL + 1  # and of the axis itself
SMALLEST = (24, 4)  # cells; smaller says nothing
LETTERS = "abcdef"


@dataclass(frozen=True)
class Stretch:
    """A part of the horizontal axis: its name, its length, and that in words."""

    name: str
    length: float
    words: str


@dataclass(frozen=True)
class CurveShape:
    """What is drawn: the parts of the axis, and per line its parts with their points."""

    axis: tuple[Stretch, ...]
    lines: tuple[tuple[Points, ...], ...]


class JobCurve(Vertical):
    """The chart, below a line that names the series and its last value, or all jobs that are compared."""

    def __init__(self) -> None:
        super().__init__(id="job-curve")
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Section("Curve", id="job-curve-title")
        yield Static(id="job-curve-legend", markup=False)
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
        self.query_one("#job-curve-legend").display = False
        self.query_one(Section).say("", _remark(shown, names), title=name or "Curve")
        self.query_one(CurvePlot).put(new[0])

    def put_beside(self, traced: tuple[Traced, ...], wanted: str, *, by_time: bool) -> None:
        """Draw one series of several jobs."""
        if self._drawn == (traced, wanted, by_time):
            return
        self._drawn = (traced, wanted, by_time)
        names = series_of(traced)
        name = wanted if wanted in names else names[0] if names else ""
        traces = [best_trace(one, name, by_time=by_time) for one in traced]
        end = max((part[-1][0] for one in traces for part in one.parts if part), default=0.0)
        words = job_formatting.duration(end) if by_time else f"{end:,.0f} steps"
        axis = (Stretch("run time" if by_time else "all phases", max(1.0, end), words),)
        remark = f"of {counted(len(traced), 'job')}; c another series; t over {'steps' if by_time else 'run time'}"
        legend = self.query_one("#job-curve-legend", Static)
        legend.display = True
        legend.update(_legend(traced, traces, self.size.width))
        self.query_one(Section).say("", remark, title=name or "Curve")
        self.query_one(CurvePlot).put(CurveShape(axis, tuple(one.parts for one in traces)))


class CurvePlot(Widget):
    """The lines themselves, drawn anew for every size: plotext's figures keep marks of the size before."""

    def __init__(self) -> None:
        super().__init__(id="job-plot")
        self._shape = CurveShape((), ())

    def put(self, new: CurveShape) -> None:
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
        last = max(1.0, sum(one.length for one in self._shape.axis))
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
        return drawn.append("\n").append(axis_lines(self._shape.axis, width - MARGIN))


def shape(curves: tuple[Curve, ...], name: str) -> CurveShape:
    """One job's series, and beside it the one that was measured with averaged weights."""
    axis = tuple(Stretch(phase, steps, f"{steps:,} steps") for phase, steps in phase_lengths(curves).items())
    traces = (trace(curves, wanted) for wanted in (name, name + AVERAGED))
    return CurveShape(axis, tuple(one.parts for one in traces if one.parts))


def number_label(value: float | None) -> str:
    """A number in `LABEL` cells: four digits that matter."""
    if value is None:
        return "not a number"
    text = f"{value:.4f}" if 0.001 <= abs(value) < 10 else f"{value:.4g}"
    return f"{text:>{LABEL}}"[:LABEL]


def axis_lines(axis: tuple[Stretch, ...], width: int) -> str:
    """The horizontal axis over `width` cells: where each part ends, and its name and length as far as they fit."""
    total = max(1.0, sum(one.length for one in axis))
    ticks, labels = ["─"] * width, [" "] * width
    start, done = 0, 0.0
    for one in axis:
        done += one.length
        end = round(done / total * (width - 1))
        ticks[end] = "┴" if done < total else "┘"
        room = end - start
        for label in (f"{one.name} · {one.words}", one.name, one.words):
            if len(label) < room:
                place = start + (room - len(label)) // 2
                labels[place : place + len(label)] = label
                break
        start = end + 1
    edge = " " * (MARGIN - 1)
    return f"{edge}└{''.join(ticks)}\n{edge} {''.join(labels)}"


def letter(index: int) -> Text:
    """The letter of a marked job in the colour of its line."""
    red, green, blue = SERIES[index]
    return Text(LETTERS[index], style=f"bold rgb({red},{green},{blue})")


def _legend(traced: tuple[Traced, ...], traces: list[Trace], width: int) -> Text:
    """The last value of each line; with what the jobs are where there is room for it, as the list says it too."""

    def words(*, named: bool) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for place, (one, line_of) in enumerate(zip(traced, traces, strict=True)):
            last = number_label(line_of.last).strip() if line_of.parts else "nothing"
            text.append("   " if place else "").append_text(letter(place)).append(f" {one.job.id} ")
            text.append(f"{job_formatting.short(one.job)[:24]} " if named else "").append(last, style="bold")
        return text

    full = words(named=True)
    return full if full.cell_len <= width - 2 else words(named=False)


def _remark(curves: tuple[Curve, ...], names: list[str]) -> str:
    if not curves:
        return "no series yet"
    parts = []
    lasts = {curve.name: curve.last for curve in curves}  # of the newest phase
    for sign, (name, value) in zip(LETTERS, lasts.items(), strict=False):
        said = number_label(value).strip()
        kind = "averaged weights" if name.endswith(AVERAGED) else "last weights"
        parts.append(f"{sign} {kind} {said}" if len(lasts) > 1 else f"last {said}")
    if len(names) > 1:
        parts.append(f"{len(names)} series, c shows the next")
    parts.append("Space compares jobs")
    return "; ".join(parts)
