"""Jobs: what runs, what ran, how it goes, and a form to start more."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable, Static

from store.enums import JobState
from store.plain_text import plain
from store.rows import Job, JobEvent
from workbench.jobs import job_formatting
from workbench.jobs.job_curve import letter
from workbench.jobs.job_events import JobEventsDialog
from workbench.jobs.job_facts import Watched, facts
from workbench.jobs.job_log import log_path, read_log
from workbench.jobs.job_panel import JobPanel
from workbench.jobs.job_rows import HEADINGS, how_many, job_row, nothing_yet, ordered
from workbench.jobs.job_view import JobsView, read_events, read_jobs
from workbench.jobs.log_lines import JobLog
from workbench.jobs.log_pane import LogPane
from workbench.jobs.marking import JobsMarkingScreen
from workbench.jobs.worker_load import LoadMeter, WorkerLoad
from workbench.ui.area import TABLE_ACTIONS
from workbench.ui.filter_line import FilterLine
from workbench.ui.section import Section
from workbench.ui.table import Table
from workbench.ui.ui_state import JOB_ORDERS, JOB_PANES

CURVE_REST = 20  # times as long as reading curves took until they are read again: a twentieth of the time at most
WHOLE_LOG = 8 * 2**20  # bytes of a log in the pager or the clipboard: its end where it is longer
LOAD_S = 2.0  # a look goes through the list of all processes of this machine
TICK_S = 1.0  # how often the silence of a worker is looked at
REST_S = 0.1  # on a job before it is read: what the cursor passes by is not, the next key would have to wait for it
ABOUT_JOBS = (
    "cancel", "resume", "pane", "follow", "events", "results", "copy_command", "sort", "filter", "curve", "mark",
    "by_time", *TABLE_ACTIONS,
)  # fmt: skip
MESSAGES_FROM = 110  # cells; below, the message stands in the lines about the job only


class JobsScreen(JobsMarkingScreen):
    """The list, and below it the job under the cursor: facts, curve, events, log."""

    AREA = "jobs"
    HELP_TITLE = "Jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "pane", "View", id="jobs.pane",
                tooltip="Curve, log, events in turn; to the next of them where all are shown"),
        Binding("f", "follow", "Follow", id="jobs.follow", show=False,
                tooltip="Follow the end of the log, or let it stand still"),
        Binding("enter", "events", "Events", id="jobs.events", show=False,
                tooltip="The command and everything the job told, in full"),
        Binding("o", "results", "Results", id="jobs.results", show=False,
                tooltip="Open the results of what the job evaluated"),
        Binding("C", "copy_command", "Copy command", id="jobs.copy_command", show=False,
                tooltip="Send the job's command line to the clipboard"),
        Binding("s", "sort", "Sort", id="jobs.sort", show=False,
                tooltip="Newest first, unfinished first, longest first in turn"),
        Binding("slash", "filter", "Filter", id="jobs.filter", priority=True, show=False,
                tooltip="Show only jobs that contain what you type"),
    ]  # fmt: skip

    class Loaded(Message):
        """Jobs were read, in so many seconds, with their curves or without."""

        def __init__(self, view: JobsView, seconds: float, *, curves: bool) -> None:
            super().__init__()
            self.view = view
            self.seconds = seconds
            self.curves = curves

    class EventsRead(Message):
        """All events of a job were read."""

        def __init__(self, job: Job, events: tuple[JobEvent, ...]) -> None:
            super().__init__()
            self.job = job
            self.events = events

    class LoadRead(Message):
        """What a job's worker takes of its machine was read."""

        def __init__(self, job: int, load: WorkerLoad | None) -> None:
            super().__init__()
            self.job = job
            self.load = load

    def __init__(self) -> None:
        super().__init__()
        self._watched: dict[int, Watched] = {}
        self._curves_again = 0.0
        self._resting = False  # the cursor is on a job that is not read yet, as it may only pass by
        self._meter = LoadMeter()
        self._load: tuple[int, WorkerLoad | None] = (0, None)  # of the job of this number

    def body(self) -> ComposeResult:
        yield FilterLine()
        yield Static(id="jobs-empty", classes="empty", markup=False)
        yield Section("Jobs", id="jobs-title")
        yield Table(id="jobs")
        yield JobPanel()

    def filled(self) -> None:
        self.query_one("#jobs-empty").display = False
        self.query_one("#job").display = False
        self.query_one("#jobs", Table).focus()
        self.set_interval(TICK_S, self._tick)
        self.set_interval(LOAD_S, self._measure)

    def reload(self) -> None:
        if self._resting:  # soon
            return
        wanted = self.wanted
        detail = self.detail
        # Curves of a long training take a tenth of a second to read: then not every second.
        rests = monotonic() < self._curves_again
        keep = detail if detail and detail.job.id == wanted and rests else None
        marked = tuple(self.marks)
        before = self.view.marked if self.view else ()
        known = {one.job.id: one.curves for one in before if rests or one.job.state in job_formatting.FINAL}

        def timed() -> tuple[JobsView, float]:
            start = monotonic()
            return read_jobs(self.workspace, wanted, keep, marked, known), monotonic() - start

        self.read("jobs", timed, lambda found: self.Loaded(*found, curves=keep is None))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        view = event.view
        if self.left():
            return
        if event.curves:
            self._curves_again = monotonic() + event.seconds * CURVE_REST
        self.bench.watch_jobs(view.unfinished)
        found = view.detail.job.id if view.detail else None
        if found != self.wanted and self.wanted in {job.id for job in view.jobs}:
            return  # the cursor has moved on since; what it is on now is being read
        self.wanted = found
        now = monotonic()
        for job in view.jobs:
            if job.state not in job_formatting.FINAL or job.id == found:
                self._watched.setdefault(job.id, Watched()).look(job, now)
        if view != self.view:
            self.view = view
            self.draw()
        if found != self._load[0]:
            self._load = (found or 0, None)
            self._measure()

    def on_resize(self) -> None:
        self.draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self.draw()

    @on(DataTable.RowHighlighted, "#jobs")
    def _moved(self) -> None:
        row = self.query_one("#jobs", Table).line_at_cursor()
        if row is None or self.view is None or int(row.key) == self.wanted:
            return
        self.wanted = int(row.key)
        self._resting = True
        self.rest("rest", REST_S, self._rested)

    def _rested(self) -> None:
        self._resting = False
        if not self.left():
            self.reload()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_events()

    def action_back(self) -> None:
        """Marks are the last layer."""
        if self.marks and self.maximized is None and not any(line.display for line in self.query(FilterLine)):
            self.marks.clear()
            self.draw()
        else:
            super().action_back()

    def action_pane(self) -> None:
        places = {"curve": None, "log": JobLog, "events": "#job-events"}
        if self.has_class("-short"):
            self.choice.pane = JOB_PANES[(JOB_PANES.index(self.pane()) + 1) % len(JOB_PANES)]
            self.bench.remember()
            self.draw_detail()
            wanted = places[self.choice.pane]
            self.set_focus(self.query_one(wanted) if wanted else self.query_one("#jobs"))
        else:
            around = [self.query_one("#jobs"), self.query_one("#job-events"), self.query_one(JobLog)]
            shown = [part for part in around if part.display]
            self.set_focus(shown[(shown.index(self.focused) + 1) % len(shown)] if self.focused in shown else shown[0])

    def action_follow(self) -> None:
        log = self.query_one(LogPane)
        log.follow(not log.following)

    def action_events(self) -> None:
        job = self.job()
        if job is not None:
            self.read("events", lambda: read_events(self.workspace, job.id), partial(self.EventsRead, job))

    @on(EventsRead)
    def _show_events(self, event: EventsRead) -> None:
        self.app.push_screen(JobEventsDialog(event.job, event.events))

    def action_results(self) -> None:
        job = self.job()
        if job is None:
            return
        if job.state is not JobState.SUCCEEDED:
            self.say_no(f"Job {job.id} is {job.state}: only what succeeded has results.")
            return
        names = job_formatting.option(job, "--datasets", "-d").split(",")
        self.ui_state.results.dataset = names[0].strip() if len(names) == 1 else ""
        self.bench.remember()
        self.bench.action_area("results")

    def action_copy_command(self) -> None:
        job = self.job()
        if job is not None:
            self.bench.copy(plain(job.command))

    def action_copy_cell(self) -> None:
        if isinstance(self.focused, JobLog):
            self.bench.copy("\n".join(self.focused.lines))
        else:
            super().action_copy_cell()

    def action_maximise(self) -> None:
        if self.maximized is None and isinstance(self.focused, JobLog):
            self.maximize(self.focused)
        else:
            super().action_maximise()

    def action_sort(self) -> None:
        self.choice.order = JOB_ORDERS[(JOB_ORDERS.index(self.choice.order) + 1) % len(JOB_ORDERS)]
        self.bench.remember()
        self.draw()

    def action_filter(self) -> None:
        self.query_one(FilterLine).open()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`/` finds lines while one reads the log."""
        if action == "filter" and isinstance(self.focused, JobLog):
            return False
        return super().check_action(action, parameters)

    def view_text(self) -> str:
        """The log where that is read: all of it that is not too long, not only the lines shown."""
        if not isinstance(self.focused, JobLog) or self.detail is None:
            return super().view_text()
        piece = read_log(log_path(self.workspace, self.detail.job.id), 0, whole=True, limit=WHOLE_LOG)
        return "\n".join(piece.lines) if piece else ""

    def starting_changed(self) -> None:
        self.draw()

    def _tick(self) -> None:
        if self.detail is not None and self.detail.job.state not in job_formatting.FINAL and self.is_current:
            self._draw_facts()

    def _measure(self) -> None:
        """What the worker takes, while it is shown; by the kernel's own account, not the job's."""
        job = self.detail.job if self.detail else None
        if job is not None and job.state is JobState.RUNNING and self.is_current:
            self.read("load", lambda: self._meter.look(job), partial(self.LoadRead, job.id))

    @on(LoadRead)
    def _show_load(self, event: LoadRead) -> None:
        self._load = (event.job, event.load)
        if self.detail is not None and self.detail.job.id == event.job:
            self._draw_facts()

    def pane(self) -> str:
        """Which part is shown where there is room for one."""
        if self.choice.pane == "curve" and not self.beside() and self.detail is not None and not self.detail.curves:
            return "log"
        return self.choice.pane

    def draw(self) -> None:
        view = self.view
        if view is None:
            return
        wanted = self.query_one(FilterLine).wanted
        wide = self.size.width >= MESSAGES_FROM
        marks = {id: letter(place) for place, id in enumerate(self.marks)}
        rows = [job_row(job, marks.get(job.id, Text()), wide) for job in ordered(view.jobs, self.choice.order)]
        shown = [row for row in rows if not wanted or any(wanted in cell.plain.lower() for cell in row.cells)]
        self.withhold(*(() if view.jobs else ABOUT_JOBS))
        empty = self.query_one("#jobs-empty", Static)
        empty.display = not view.jobs
        if not view.jobs:
            empty.update(nothing_yet(self.bench.starting, self.bench.workspace_option))
        self.query_one("#jobs-title", Section).say(how_many(view, len(shown)), self._remark(view))
        self.query_one("#jobs-title").display = bool(view.jobs)
        table = self.query_one("#jobs", Table)
        table.display = bool(shown)
        first = 0 if self.marks else 1  # no column for letters if there are none
        table.put(HEADINGS[first : 7 if wide else 6], [replace(row, cells=row.cells[first:]) for row in shown])
        keys = [row.key for row in shown]
        if str(self.wanted) in keys and table.cursor_row != keys.index(str(self.wanted)):
            table.move_cursor(row=keys.index(str(self.wanted)))
        self.draw_detail()

    def draw_detail(self) -> None:
        detail = self.detail
        panel = self.query_one(JobPanel)
        panel.display = detail is not None
        if detail is None:
            panel.clear()
            return
        panel.put(detail, log_path(self.workspace, detail.job.id), self.choice.series, self.pane(),
                  self.beside(), by_time=self.choice.by_time)  # fmt: skip
        self._draw_facts()

    def _draw_facts(self) -> None:
        detail = self.detail
        assert detail is not None
        watched = self._watched.setdefault(detail.job.id, Watched())
        load = self._load[1] if self._load[0] == detail.job.id else None
        self.query_one(JobPanel).say(*facts(detail, watched, watched.quiet(monotonic()), load))

    def _remark(self, view: JobsView) -> str:
        if self.bench.starting:
            return f"starting: {self.bench.starting}"
        order = {"newest": "newest first", "unfinished": "unfinished first", "longest": "longest first"}
        parts = [part for part in (job_formatting.by_state(view.jobs),) if part]
        return "; ".join([*parts, order[self.choice.order]])
