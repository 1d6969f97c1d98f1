"""The lines of a job's log: scrolled by the keys of tables, and found by their words."""

from __future__ import annotations

from typing import ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import MouseScrollUp
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Log


class _Found(Highlighter):
    """Marks the words that are looked for, whatever their case."""

    words = ""

    def highlight(self, text: Text) -> None:
        start = text.plain.lower().find(self.words) if self.words else -1
        while start >= 0:
            text.stylize("bold reverse", start, start + len(self.words))
            start = text.plain.lower().find(self.words, start + len(self.words))


class JobLog(Log, inherit_bindings=False):
    """The lines. Moving up pauses, reaching the end follows again."""

    HELP_TITLE: ClassVar[str] = "In the log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", id="log.down", show=False, tooltip="One line down"),
        Binding("k,up", "move(-1)", "Up", id="log.up", show=False, tooltip="One line up: the log pauses"),
        Binding("ctrl+d,pagedown", "page(1)", "Page down", id="log.page_down", show=False, tooltip="A page down"),
        Binding("ctrl+u,pageup", "page(-1)", "Page up", id="log.page_up", show=False,
                tooltip="A page up: the log pauses"),
        Binding("g,home", "top", "Top", id="log.top", show=False, tooltip="To the first line read: the log pauses"),
        Binding("G,end", "bottom", "Bottom", id="log.bottom", show=False, tooltip="To the end: the log follows"),
        Binding("slash", "find", "Find", id="log.find", priority=True, tooltip="Find lines of the log by their words"),
        Binding("n", "next(1)", "Next", id="log.next", tooltip="To the next line found"),
        Binding("N", "next(-1)", "Before", id="log.before", tooltip="To the line found before"),
        Binding("h,left", "aside(-8)", "Left", id="log.left", show=False, tooltip="To the left"),
        Binding("l,right", "aside(8)", "Right", id="log.right", show=False, tooltip="To the right"),
    ]  # fmt: skip

    class Find(Message):
        """Words to find are wanted."""

    class Moved(Message):
        """The log was scrolled; `at_end` says whether the last line is seen."""

        def __init__(self, *, at_end: bool) -> None:
            super().__init__()
            self.at_end = at_end

    def __init__(self) -> None:
        super().__init__(id="job-log", auto_scroll=False, highlight=True)
        self.highlighter = self._marks = _Found()
        self._current = -1  # the line found that the search is at

    @property
    def matches(self) -> list[int]:
        """The lines with the words looked for; none where none are."""
        words = self._marks.words
        return [number for number, line in enumerate(self.lines) if words in line.lower()] if words else []

    @property
    def matches_text(self) -> str:
        """`2 of 17 with “loss”`: where the search is; "" where nothing is looked for."""
        if not self._marks.words:
            return ""
        matches = self.matches
        if not matches:
            return f"no line with “{self._marks.words}”"
        place = f"{matches.index(self._current) + 1} of " if self._current in matches else ""
        return f"{place}{len(matches):,} with “{self._marks.words}”, n N"

    def find(self, words: str) -> None:
        """Mark these words (in lower case), and go to the first line with them from the top of what is seen."""
        self._marks.words, self._current = words, -1
        matches = self.matches
        if matches:
            top = int(self.scroll_offset.y)
            self._go_to(next((number for number in matches if number >= top), matches[0]))
        self.refresh()
        self._tell()

    def clear(self) -> JobLog:
        self._current = -1
        super().clear()
        return self

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        at = int(self.scroll_offset.y) + y == self._current and self._marks.words
        return strip.apply_style(Style(underline=True, bold=True)) if at else strip

    def action_find(self) -> None:
        self.post_message(self.Find())

    def action_next(self, step: int) -> None:
        matches = self.matches
        if not matches:
            self.post_message(self.Find())
            return
        if self._current in matches:
            place = (matches.index(self._current) + step) % len(matches)
        else:
            top = int(self.scroll_offset.y)
            place = next((place for place, number in enumerate(matches) if number >= top), 0) - (step < 0)
        self._go_to(matches[place])
        self._tell()

    def _go_to(self, line: int) -> None:
        """Into view, with a few lines before it."""
        self._current = line
        top, height = int(self.scroll_offset.y), self.size.height
        if not top <= line < top + height:
            self.scroll_to(y=max(0, line - height // 3), animate=False, immediate=True)
        self.refresh()

    def action_move(self, lines: int) -> None:
        self.scroll_relative(y=lines, animate=False, immediate=True)
        self._tell()

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_aside(self, cells: int) -> None:
        self.scroll_relative(x=cells, animate=False, immediate=True)

    def action_top(self) -> None:
        self.scroll_home(animate=False, immediate=True, x_axis=False)
        self._tell()

    def action_bottom(self) -> None:
        self.scroll_end(animate=False, immediate=True, x_axis=False)
        self._tell()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        if self.max_scroll_y:
            self.post_message(self.Moved(at_end=False))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value > old_value and new_value >= self.max_scroll_y:  # by the mouse too
            self.post_message(self.Moved(at_end=True))

    def _tell(self) -> None:
        self.post_message(self.Moved(at_end=self.scroll_offset.y >= self.max_scroll_y))
