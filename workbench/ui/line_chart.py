"""Lines over named ticks, such as a metric over history lengths; each line has a colour and a letter."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static
from textual_plotext.plot import Plot

from store.plain_text import plain
from workbench.ui.chart_lines import ChartLine, Lines
from workbench.ui.display import line
from workbench.ui.section import Section
from workbench.ui.themes import SERIES

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Y_LABEL = 6  # cells of `0.525┤`
LINES = len(SERIES)  # more lines than colours cannot be told apart


class LineChart(Vertical):
    """Chart, legend and title; what is left out is said."""

    def __init__(self) -> None:
        super().__init__(id="chart")
        self._drawn: Lines | None = None

    def compose(self) -> ComposeResult:
        yield Section("", id="chart-title")
        yield Static(id="legend", markup=False)
        yield LinePlot()

    def put(self, lines: Lines) -> None:
        """Draw these lines; the same again are not drawn."""
        if lines == self._drawn:
            return
        self._drawn = lines
        remark = lines.remark if lines.lines else "nothing measured"
        if len(lines.lines) > LINES:
            remark += f"; the first {LINES} of {len(lines.lines)} lines"
        self.query_one(Section).say("", remark, title=lines.title)
        shown = lines.lines[:LINES]
        self.query_one("#legend", Static).update(_legend(shown))
        self.query_one(LinePlot).put(lines.ticks, shown)


class LinePlot(Widget):
    """The lines themselves, drawn anew for every size: plotext's figures keep marks of the size before."""

    def __init__(self) -> None:
        super().__init__(id="plot")
        self._ticks: tuple[str, ...] = ()
        self._lines: tuple[ChartLine, ...] = ()

    def put(self, ticks: tuple[str, ...], lines: tuple[ChartLine, ...]) -> None:
        if (ticks, lines) != (self._ticks, self._lines):
            self._ticks, self._lines = ticks, lines
            self.refresh()

    def render(self) -> Text:
        width, height = self.size
        if not self._lines or width < 20 or height < 4:
            return Text()
        values = [value for one in self._lines for value in one.values if value is not None]
        top = max(values, default=0.0) * 1.05 or 1.0
        plot = Plot()
        plot.theme("clear")  # the widget's own colours, not plotext's
        plot.plotsize(width, height - 2)
        plot._set_size(width, height - 2)  # `plotsize` alone is cut to what plotext takes for the terminal's size
        for number, one in enumerate(self._lines):
            points = [(x, y) for x, y in enumerate(one.values) if y is not None]
            if points:
                xs, ys = [x for x, _ in points], [y for _, y in points]
                plot.plot(xs, ys, marker="braille", color=SERIES[number])
                plot.scatter(xs, ys, marker=LETTERS[number], color=SERIES[number])
        plot.ylim(0, top)  # from zero: a difference should look as large as it is
        plot.yticks([0, top / 2, top], [f"{value:.3f}" for value in (0, top / 2, top)])
        plot.xlim(-0.5, len(self._ticks) - 0.5)
        plot.frame(False)
        plot.xaxes(False, False)  # plotext drops labels by the hash of their text, others on each start
        plot.xfrequency(0)
        plot.yaxes(True, False)
        return Text.from_ansi(plot.build().rstrip("\n")).append("\n").append(axis(self._ticks, width - Y_LABEL))


def axis(names: tuple[str, ...], width: int) -> str:
    """The horizontal axis and its labels for equal steps over `width` cells; labels that would touch are left out."""
    ticks, labels = ["─"] * width, [" "] * width
    free = 0
    for number, name in enumerate(map(plain, names)):
        place = int((number + 0.5) / len(names) * (width - 1) + 0.5)
        start = min(max(0, place - (len(name) - 1) // 2), width - len(name))
        if start >= free:
            ticks[place] = "┬"
            labels[start : start + len(name)] = name
            free = start + len(name) + 1
    edge = " " * (Y_LABEL - 1)
    return f"{edge}└{''.join(ticks)}\n{edge} {''.join(labels)}"


def _legend(lines: tuple[ChartLine, ...]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for number, one in enumerate(lines):
        red, green, blue = SERIES[number]
        text.append(f"{LETTERS[number]} ", style=f"bold rgb({red},{green},{blue})")
        text.append_text(line(one.label)).append("   ")
    return text
