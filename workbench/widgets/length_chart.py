"""A metric over history lengths, one line per model; each has a colour and a letter."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static
from textual_plotext.plot import Plot

from workbench.display import line
from workbench.results_grid import Curve, Curves
from workbench.themes import SERIES
from workbench.widgets.section import Section

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Y_LABEL = 6  # cells of `0.525┤`
LINES = len(SERIES)  # more lines than colours cannot be told apart


class LengthChart(Vertical):
    """Chart, legend and title; what is left out is said."""

    def __init__(self) -> None:
        super().__init__(id="chart")
        self._drawn: tuple[Curves, str] | None = None

    def compose(self) -> ComposeResult:
        yield Section("By history length", id="chart-title")
        yield Static(id="legend", markup=False)
        yield LengthPlot()

    def put(self, curves: Curves, metric: str) -> None:
        """Draw these curves; the same again is not drawn."""
        if self._drawn == (curves, metric):
            return
        self._drawn = (curves, metric)
        remark = f"{curves.dataset}, {metric}" if curves.lines else "nothing measured"
        if len(curves.lines) > LINES:
            remark += f"; the first {LINES} of {len(curves.lines)} rows"
        self.query_one(Section).say("", remark)
        shown = curves.lines[:LINES]
        self.query_one("#legend", Static).update(_legend(shown))
        self.query_one(LengthPlot).put(curves.values, shown)


class LengthPlot(Widget):
    """The lines themselves, drawn anew for every size: plotext's figures keep marks of the size before."""

    def __init__(self) -> None:
        super().__init__(id="plot")
        self._values: tuple[str, ...] = ()
        self._lines: tuple[Curve, ...] = ()

    def put(self, values: tuple[str, ...], lines: tuple[Curve, ...]) -> None:
        self._values, self._lines = values, lines
        self.refresh()

    def render(self) -> Text:
        width, height = self.size
        if not self._lines or width < 20 or height < 4:
            return Text()
        means = [mean for curve in self._lines for mean in curve.means if mean is not None]
        top = max(means, default=0.0) * 1.05 or 1.0
        plot = Plot()
        plot.theme("clear")  # the widget's own colours, not plotext's
        plot.plotsize(width, height - 2)
        plot._set_size(width, height - 2)  # `plotsize` alone is cut to what plotext takes for the terminal's size
        for number, curve in enumerate(self._lines):
            points = [(x, y) for x, y in enumerate(curve.means) if y is not None]
            if points:
                xs, ys = [x for x, _ in points], [y for _, y in points]
                plot.plot(xs, ys, marker="braille", color=SERIES[number])
                plot.scatter(xs, ys, marker=LETTERS[number], color=SERIES[number])
        plot.ylim(0, top)  # from zero: a difference should look as large as it is
        plot.yticks([0, top / 2, top], [f"{value:.3f}" for value in (0, top / 2, top)])
        plot.xlim(-0.5, len(self._values) - 0.5)
        plot.frame(False)
        plot.xaxes(False, False)  # plotext drops labels by the hash of their text, others on each start
        plot.xfrequency(0)
        plot.yaxes(True, False)
        return Text.from_ansi(plot.build().rstrip("\n")).append("\n").append(axis(self._values, width - Y_LABEL))


def axis(values: tuple[str, ...], width: int) -> str:
    """The horizontal axis and its labels for equal steps over `width` cells; labels that would touch are left out."""
    ticks, labels = ["─"] * width, [" "] * width
    free = 0
    for number, value in enumerate(values):
        place = int((number + 0.5) / len(values) * (width - 1) + 0.5)
        start = min(max(0, place - (len(value) - 1) // 2), width - len(value))
        if start >= free:
            ticks[place] = "┬"
            labels[start : start + len(value)] = value
            free = start + len(value) + 1
    edge = " " * (Y_LABEL - 1)
    return f"{edge}└{''.join(ticks)}\n{edge} {''.join(labels)}"


def _legend(lines: tuple[Curve, ...]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, curve in enumerate(lines):
        red, green, blue = SERIES[number]
        text.append(f"{LETTERS[number]} ", style=f"bold rgb({red},{green},{blue})")
        text.append_text(line(curve.label)).append("   ")
    return text
