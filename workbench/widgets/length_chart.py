"""A metric over history lengths, one line per model; each has a colour and a letter."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual_plotext import PlotextPlot

from workbench.display import line
from workbench.results_grid import Curve, Curves
from workbench.themes import SERIES
from workbench.widgets.section import Section

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LINES = len(SERIES)  # more lines than colours cannot be told apart


class LengthChart(Vertical):
    """Chart, legend and title; what is left out is said."""

    def __init__(self) -> None:
        super().__init__(id="chart")
        self._drawn: tuple[Curves, str] | None = None

    def compose(self) -> ComposeResult:
        yield Section("By history length", id="chart-title")
        yield Static(id="legend", markup=False)
        yield PlotextPlot(id="plot")

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
        self._plot(curves.values, shown)

    def _plot(self, values: tuple[str, ...], lines: tuple[Curve, ...]) -> None:
        widget = self.query_one(PlotextPlot)
        plot = widget.plt
        plot.clear_data()
        plot.clear_figure()
        for number, curve in enumerate(lines):
            points = [(x, y) for x, y in enumerate(curve.means) if y is not None]
            if points:
                xs, ys = [x for x, _ in points], [y for _, y in points]
                plot.plot(xs, ys, marker="braille", color=SERIES[number])
                plot.scatter(xs, ys, marker=LETTERS[number], color=SERIES[number])
        if lines:
            means = [mean for curve in lines for mean in curve.means if mean is not None]
            top = max(means, default=0.0) * 1.05 or 1.0
            plot.ylim(0, top)  # from zero: a difference should look as large as it is
            plot.yticks([0, top / 2, top], [f"{value:.3f}" for value in (0, top / 2, top)])
            plot.xticks(list(range(len(values))), list(values))
            plot.xlim(-0.5, len(values) - 0.5)
        plot.frame(False)
        plot.xaxes(True, False)
        plot.yaxes(True, False)
        widget.refresh()


def _legend(lines: tuple[Curve, ...]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, curve in enumerate(lines):
        red, green, blue = SERIES[number]
        text.append(f"{LETTERS[number]} ", style=f"bold rgb({red},{green},{blue})")
        text.append_text(line(curve.label)).append("   ")
    return text
