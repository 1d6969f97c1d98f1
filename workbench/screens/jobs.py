"""Jobs: what runs, what ran, how it goes, and a form to start more."""

from __future__ import annotations

from collections.abc import Callable
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
from textual.worker import Worker, WorkerState

from store.plain_text import plain
from store.records import Job, JobEvent
from store.words import JobState
from store.workspace import Workspace
from workbench import job_words
from workbench.curves_beside import MOST, series_of
from workbench.job_actions import LADDER, cancel, resume
from workbench.job_facts import Watched, facts
from workbench.job_log import log_path, read_log
from workbench.job_rows import HEADINGS, how_many, job_row, nothing_yet, ordered
from workbench.job_view import JobDetail, JobsView, Traced, families, read_events, read_jobs
from workbench.launch.demo import DemoDraft
from workbench.remembered import JOB_ORDERS, JOB_PANES, JobsChoice
from workbench.screens.confirm import ConfirmDialog
from workbench.screens.job_events import JobEventsDialog
from workbench.screens.launching import LaunchingScreen
from workbench.screens.problem import RefusedDialog
from workbench.widgets.filter_line import FilterLine
from workbench.widgets.job_curve import letter
from workbench.widgets.job_panel import JobPanel
from workbench.widgets.log_pane import JobLog, LogPane
from workbench.widgets.section import Section
from workbench.widgets.table import Table
from workbench.worker_load import LoadMeter, WorkerLoad

CURVE_REST = 20  # times as long as reading curves took until they are read again: a twentieth of the time at most
WHOLE_LOG = 8 * 2**20  # bytes of a log in the pager or the clipboard: its end where it is longer
LOAD_S = 2.0  # a look goes through the list of all processes of this machine
TICK_S = 1.0  # how often the silence of a worker is looked at
MESSAGES_FROM = 110  # cells; below, the message stands in the lines about the job only


class JobsScreen(LaunchingScreen):
    """The list, and below it the job under the cursor: facts, curve, events, log."""

    AREA = "jobs"
    HELP_TITLE = "Jobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", id="jobs.new", tooltip="Start a job: train, evaluate, ingest, draw a map …"),
        Binding("x", "cancel", "Cancel", id="jobs.cancel",
                tooltip="Ask the job to stop; again offers to terminate it, and then to kill it"),
        Binding("r", "resume", "Resume", id="jobs.resume",
                tooltip="Go on from the last checkpoint, as a new job"),
        Binding("c", "curve", "Curve", id="jobs.curve", show=False,
                tooltip="The next series: loss, validation, speed …"),
        Binding("space", "mark", "Mark", id="jobs.mark", show=False,
                tooltip="Mark the job to see its curve beside those of other marked ones, or unmark it"),
        Binding("t", "by_time", "Time", id="jobs.by_time", show=False,
                tooltip="Compare marked jobs over their run time, or over steps"),
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

    class Done(Message):
        """Something was done to a job: words about it, and the job to show next."""

        def __init__(self, words: str, show: int | None = None) -> None:
            super().__init__()
            self.words = words
            self.show = show

    def __init__(self) -> None:
        super().__init__()
        self.view: JobsView | None = None
        self._wanted: int | None = None
        self._watched: dict[int, Watched] = {}
        self._terminated: set[int] = set()
        self._curves_again = 0.0
        self._marks: list[int] = []
        self._meter = LoadMeter()
        self._load: tuple[int, WorkerLoad | None] = (0, None)  # of the job of this number

    @property
    def choice(self) -> JobsChoice:
        return self.remembered.jobs

    @property
    def detail(self) -> JobDetail | None:
        return self.view.detail if self.view else None

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
        wanted = self._wanted
        detail = self.detail
        # Curves of a long training take a tenth of a second to read: then not every second.
        keep = detail if detail and detail.job.id == wanted and monotonic() < self._curves_again else None

        marked = tuple(self._marks)
        rests = monotonic() < self._curves_again
        before = self.view.marked if self.view else ()
        known = {one.job.id: one.curves for one in before if rests or one.job.state in job_words.FINAL}

        def timed() -> tuple[JobsView, float]:
            start = monotonic()
            return read_jobs(self.workspace, wanted, keep, marked, known), monotonic() - start

        self.read("jobs", timed, lambda found: self.Loaded(*found, curves=keep is None))

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        view = event.view
        if event.curves:
            self._curves_again = monotonic() + event.seconds * CURVE_REST
        self.bench.watch_jobs(view.unfinished)
        found = view.detail.job.id if view.detail else None
        if found != self._wanted and self._wanted in {job.id for job in view.jobs}:
            return  # the cursor has moved on since; what it is on now is being read
        self._wanted = found
        now = monotonic()
        for job in view.jobs:
            if job.state not in job_words.FINAL or job.id == found:
                self._watched.setdefault(job.id, Watched()).look(job, now)
        if view != self.view:
            self.view = view
            self._draw()
        if found != self._load[0]:
            self._load = (found or 0, None)
            self._measure()

    def on_resize(self) -> None:
        self._draw()

    @on(FilterLine.Applied)
    def _narrow(self) -> None:
        self._draw()

    @on(DataTable.RowHighlighted, "#jobs")
    def _moved(self) -> None:
        row = self.query_one("#jobs", Table).line_at_cursor()
        if row is not None and self.view is not None and int(row.key) != self._wanted:
            self._wanted = int(row.key)
            self.reload()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_events()

    def action_new(self) -> None:
        first = self.bench.drafts is None and not self.workspace.exists()
        self.launch(DemoDraft() if first else None)  # nothing else could start where nothing is

    def action_cancel(self) -> None:
        job = self._job()
        if job is None or self.refused():
            return
        if job.state in job_words.FINAL:
            self._say_no(f"Job {job.id} is {job.state} already: there is nothing to cancel.")
            return
        step = "ask" if not job.cancel else "kill" if job.id in self._terminated else "terminate"
        title, words = LADDER[step]

        def chosen(yes: bool | None) -> None:
            if yes:
                if step == "terminate":
                    self._terminated.add(job.id)
                self._act(lambda: self.Done(cancel(self.workspace, job.id, step)))

        words = f"{job_words.what(job)}\n\n{words}"
        self.app.push_screen(ConfirmDialog(title.format(id=job.id), words), chosen)

    def action_resume(self) -> None:
        job = self._job()
        if job is None or self.refused():
            return
        if job.state not in job_words.FINAL:
            self._say_no(f"Job {job.id} is {job.state}: there is nothing to resume. Cancel it first with x.")
        elif job.state is JobState.SUCCEEDED:
            self._say_no(f"Job {job.id} succeeded: there is nothing left to do. n starts another.")
        else:
            self._act(lambda: _resumed(self.workspace, job.id))

    def action_curve(self) -> None:
        beside = self._beside()
        names = series_of(beside) if beside else families(self.detail.curves) if self.detail else []
        if not names:
            self._say_no("This job has measured no series (yet).")
            return
        place = names.index(self.choice.series) if self.choice.series in names else 0
        if self._pane() == "curve" or not self.has_class("-short"):
            self.choice.series = names[(place + 1) % len(names)]
        self.choice.pane = "curve"
        self.bench.remember()
        self._draw_detail()

    def action_mark(self) -> None:
        job = self._job()
        if job is None:
            return
        if job.id in self._marks:
            self._marks.remove(job.id)
        elif not self.detail or not self.detail.curves:
            self._say_no(f"Job {job.id} has measured no series (yet): there is no curve to compare.")
            return
        elif len(self._marks) == MOST:
            self._say_no(f"More than {MOST} curves cannot be told apart: Space on a marked job unmarks it.")
            return
        else:
            self._marks.append(job.id)
            self.choice.pane = "curve"
        self.reload()
        self._draw()

    def action_by_time(self) -> None:
        if not self._marks:
            self._say_no("Steps or run time is asked of marked jobs: Space marks the one under the cursor.")
            return
        self.choice.by_time = not self.choice.by_time
        self.bench.remember()
        self._draw_detail()

    def action_back(self) -> None:
        """Marks are the last layer."""
        if self._marks and self.maximized is None and not any(line.display for line in self.query(FilterLine)):
            self._marks.clear()
            self._draw()
        else:
            super().action_back()

    def action_pane(self) -> None:
        places = {"curve": None, "log": JobLog, "events": "#job-events"}
        if self.has_class("-short"):
            self.choice.pane = JOB_PANES[(JOB_PANES.index(self._pane()) + 1) % len(JOB_PANES)]
            self.bench.remember()
            self._draw_detail()
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
        job = self._job()
        if job is not None:
            self.read("events", lambda: read_events(self.workspace, job.id), partial(self.EventsRead, job))

    @on(EventsRead)
    def _show_events(self, event: EventsRead) -> None:
        self.app.push_screen(JobEventsDialog(event.job, event.events))

    def action_results(self) -> None:
        job = self._job()
        if job is None:
            return
        if job.state is not JobState.SUCCEEDED:
            self._say_no(f"Job {job.id} is {job.state}: only what succeeded has results.")
            return
        names = job_words.option(job, "--datasets", "-d").split(",")
        self.remembered.results.dataset = names[0].strip() if len(names) == 1 else ""
        self.bench.remember()
        self.bench.action_area("results")

    def action_copy_command(self) -> None:
        job = self._job()
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
        self._draw()

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

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group == "act" and event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self.app.push_screen(RefusedDialog(event.worker.error))
        else:
            super().on_worker_state_changed(event)

    @on(Done)
    def _done(self, event: Done) -> None:
        self.notify(plain(event.words), markup=False)
        if event.show is not None:
            self._wanted = event.show
        self.reload()

    def started(self, job: int | None) -> None:
        self._wanted = self._wanted if job is None else job
        self.reload()

    def starting_changed(self) -> None:
        self._draw()

    def _say_no(self, words: str) -> None:
        self.notify(words, severity="warning", markup=False)

    def _job(self) -> Job | None:
        if self.detail is None:
            if self.view is not None:  # else it is still being read
                self._say_no("There is no job yet: n starts one.")
            return None
        return self.detail.job

    def _act(self, work: Callable[[], Done]) -> None:
        self.run_worker(lambda: self.post_message(work()), group="act", thread=True, exit_on_error=False)

    def _tick(self) -> None:
        if self.detail is not None and self.detail.job.state not in job_words.FINAL:
            self._draw_facts()

    def _measure(self) -> None:
        """What the worker takes, while somebody looks; by the kernel's own account, not the job's."""
        job = self.detail.job if self.detail else None
        if job is not None and job.state is JobState.RUNNING and self.is_current:
            self.read("load", lambda: self._meter.look(job), partial(self.LoadRead, job.id))

    @on(LoadRead)
    def _show_load(self, event: LoadRead) -> None:
        self._load = (event.job, event.load)
        if self.detail is not None and self.detail.job.id == event.job:
            self._draw_facts()

    def _pane(self) -> str:
        """Which part is shown where there is room for one."""
        if self.choice.pane == "curve" and not self._beside() and self.detail is not None and not self.detail.curves:
            return "log"
        return self.choice.pane

    def _beside(self) -> tuple[Traced, ...]:
        """The marked jobs, and the one under the cursor where it has curves; none where none is marked."""
        view, detail = self.view, self.detail
        if view is None or detail is None or not self._marks:
            return ()
        marked = tuple(one for one in view.marked if one.job.id in self._marks)
        under = () if detail.job.id in self._marks or not detail.curves else (Traced(detail.job, detail.curves),)
        return (*marked, *under)[:MOST]

    def _draw(self) -> None:
        view = self.view
        if view is None:
            return
        wanted = self.query_one(FilterLine).wanted
        wide = self.size.width >= MESSAGES_FROM
        marks = {id: letter(place) for place, id in enumerate(self._marks)}
        rows = [job_row(job, marks.get(job.id, Text()), wide) for job in ordered(view.jobs, self.choice.order)]
        shown = [row for row in rows if not wanted or any(wanted in cell.plain.lower() for cell in row.cells)]
        empty = self.query_one("#jobs-empty", Static)
        empty.display = not view.jobs
        empty.update(nothing_yet(self.bench.starting, self.bench.workspace_option))
        self.query_one("#jobs-title", Section).say(how_many(view, len(shown)), self._remark(view))
        self.query_one("#jobs-title").display = bool(view.jobs)
        table = self.query_one("#jobs", Table)
        table.display = bool(shown)
        first = 0 if self._marks else 1  # no column for letters where there are none
        table.put(HEADINGS[first : 7 if wide else 6], [replace(row, cells=row.cells[first:]) for row in shown])
        keys = [row.key for row in shown]
        if str(self._wanted) in keys and table.cursor_row != keys.index(str(self._wanted)):
            table.move_cursor(row=keys.index(str(self._wanted)))
        self._draw_detail()

    def _draw_detail(self) -> None:
        detail = self.detail
        panel = self.query_one(JobPanel)
        panel.display = detail is not None
        if detail is None:
            panel.clear()
            return
        panel.put(detail, log_path(self.workspace, detail.job.id), self.choice.series, self._pane(),
                  self._beside(), by_time=self.choice.by_time)  # fmt: skip
        self._draw_facts()

    def _draw_facts(self) -> None:
        detail = self.detail
        assert detail is not None
        watched = self._watched.setdefault(detail.job.id, Watched())
        load = self._load[1] if self._load[0] == detail.job.id else None
        self.query_one(JobPanel).say(facts(detail, watched, watched.quiet(monotonic()), load))

    def _remark(self, view: JobsView) -> str:
        if self.bench.starting:
            return f"starting: {self.bench.starting}"
        order = {"newest": "newest first", "unfinished": "unfinished first", "longest": "longest first"}
        parts = [part for part in (job_words.by_state(view.jobs),) if part]
        return "; ".join([*parts, order[self.choice.order]])


def _resumed(workspace: Workspace, job: int) -> JobsScreen.Done:
    new = resume(workspace, job)
    return JobsScreen.Done(f"Job {new} goes on with job {job}.", new)
