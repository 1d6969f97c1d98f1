"""The log of a job: follows its end while one watches that, and stands still while one reads further up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.worker import Worker, WorkerState

from store.plain_text import plain
from workbench.jobs.job_log import Piece, log_size, read_log
from workbench.jobs.log_lines import JobLog
from workbench.ui.filter_line import FilterLine
from workbench.ui.reading import read
from workbench.ui.section import Section

LOOK_S = 0.5  # one question for the size of a file
KEPT = 2_000  # lines; the whole file stays where it is


class LogSearch(FilterLine):
    """The line that `/` opens while one reads the log."""

    def __init__(self) -> None:
        super().__init__(id="log-search", placeholder="find in the log")


class LogPane(Vertical):
    """The log of one job at a time, with a badge that says whether it follows."""

    class Came(Message):
        """A piece of `path` was read from byte `start` on; None where there is no log."""

        def __init__(self, path: Path, start: int, piece: Piece | None) -> None:
            super().__init__()
            self.path = path
            self.start = start
            self.piece = piece

    def __init__(self) -> None:
        super().__init__(id="job-log-pane")
        self._path: Path | None = None
        self._live = False
        self._end = 0
        self._requested: tuple[int | None, bool] = (0, True)
        self._following = True
        self._trouble = ""

    def compose(self) -> ComposeResult:
        yield Section("Log", id="job-log-title")
        yield LogSearch()
        yield JobLog()

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._look_again)

    @property
    def following(self) -> bool:
        return self._following

    def put(self, path: Path | None, *, live: bool) -> None:
        """Show this job's log; `live` says that more may come."""
        if path != self._path:
            self._path, self._end, self._following, self._trouble = path, 0, True, ""
            self._requested = (0, True)
            if path is None or not log_size(path):  # else its lines take the place of the others at once
                self.query_one(JobLog).clear()
        self._live = live
        self._look()

    def follow(self, wanted: bool) -> None:
        """Follow the end, or stand still."""
        self._following = wanted
        if wanted:
            self._to_end()
        self._look()

    def on_job_log_find(self, event: JobLog.Find) -> None:
        event.stop()
        self.query_one(LogSearch).open()
        self.call_after_refresh(self._to_end)  # a line less is seen now

    def on_filter_line_applied(self, event: FilterLine.Applied) -> None:
        event.stop()
        self.query_one(JobLog).find(event.text)

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        event.stop()
        self.query_one(JobLog).focus()

    def on_job_log_moved(self, event: JobLog.Moved) -> None:
        event.stop()
        self._following = event.at_end
        self._look()

    def _look_again(self) -> None:
        if self.screen in self.app.screen_stack:
            self._look()

    def _look(self) -> None:
        """Read new lines if the log follows its end; else only show how many there are."""
        if self._path is None:
            self.query_one(Section).say()
            return
        size = log_size(self._path)
        requested = (size, self._live)  # a line that has no end yet is not asked for again before something changes
        if size is not None and size != self._end and self._following and requested != self._requested:
            self._requested = requested
            path, start = self._path, self._end
            query = partial(read_log, path, start, whole=not self._live)
            read(self, "log", query, partial(self.Came, path, start))
        self._to_end()  # lines that came while the pane was hidden had no place to scroll to
        self._say(size)

    def on_log_pane_came(self, event: Came) -> None:
        event.stop()
        piece, log = event.piece, self.query_one(JobLog)
        if event.path != self._path or event.start != self._end:
            return
        if piece is None:
            if not self._end:
                log.clear()
            return
        self._trouble = ""
        lines = list(piece.lines)
        full = log.line_count + len(lines) > KEPT
        if piece.anew or full or not event.start:
            log.clear()
        if piece.skipped or full:
            skipped = f"{piece.skipped:,} bytes" if piece.skipped else "the lines"
            lines = [f"… {skipped} before this are in {plain(str(self._path))}", *lines[-KEPT // 2 :]]
        self._end = piece.end
        if lines:
            log.write("\n".join(lines) + "\n")
            self.call_after_refresh(self._to_end)
        self._say(log_size(event.path))

    def on_resize(self) -> None:
        """Shown again, or of another height: the end is elsewhere."""
        if self._following:
            self.call_after_refresh(self._to_end)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        event.stop()
        if event.state is WorkerState.ERROR and event.worker.group == "log":
            self._trouble = f"cannot be read: {event.worker.error}"
            if not self._end:
                self.query_one(JobLog).clear()
            self._say(None)

    def _to_end(self) -> None:
        log = self.query_one(JobLog)
        if self._following and log.scroll_offset.y < log.max_scroll_y:
            log.scroll_end(animate=False, immediate=True, x_axis=False)

    def _say(self, size: int | None) -> None:
        if self._trouble:
            words = self._trouble
        elif size is None:
            words = "nothing written yet" if self._live else "no log was kept"
        elif not self._following:
            more = max(0, size - self._end)
            words = f"‖ paused{f', {more:,} bytes more' if more else ''}; f follows"
        else:
            words = "▶ following" if self._live else "complete"
        self.query_one(Section).say("", "; ".join(filter(None, (self.query_one(JobLog).matches_text, words))))
