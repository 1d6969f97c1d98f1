"""One job in full: what is known of it, its curve, what it told, its log."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from workbench.jobs import job_formatting
from workbench.jobs.job_curve import JobCurve
from workbench.jobs.job_rows import EVENT_HEADINGS, event_row
from workbench.jobs.job_view import JobDetail, Traced
from workbench.jobs.log_pane import LogPane
from workbench.ui import numbers
from workbench.ui.section import Section
from workbench.ui.table import Table


class JobPanel(Vertical):
    """All parts beside each other, or where there is room for one only, that one."""

    def __init__(self) -> None:
        super().__init__(id="job")
        self._facts = {"#job-moving": Text(), "#job-standing": Text()}

    def compose(self) -> ComposeResult:
        yield Section("Job", id="job-title")
        yield Static(id="job-moving", classes="job-facts", markup=False)
        yield Static(id="job-standing", classes="job-facts", markup=False)
        with Horizontal(id="job-panes"):
            with Vertical(id="job-left"):
                yield JobCurve()
                with Vertical(id="job-events-pane"):
                    yield Section("Events", id="job-events-title")
                    yield Table(id="job-events")
            yield LogPane()

    def put(
        self, detail: JobDetail, log: Path, series: str, pane: str, beside: tuple[Traced, ...], *, by_time: bool
    ) -> None:
        """Show this job: its log file, the series of this name, and `pane` where only one has room.

        Where there are jobs `beside` each other, the series of these; a job without any curve leaves its room to what
        it told.
        """
        job = detail.job
        self.query_one("#job-title", Section).say("", title=f"Job {job.id}  {job_formatting.what(job)}")
        self.query_one("#job-panes").set_classes([f"-{pane}"])
        curve = self.query_one(JobCurve)
        curve.display = bool(beside or detail.curves)
        if beside:
            curve.put_beside(beside, series, by_time=by_time)
        else:
            curve.put(detail.curves, series)
        self.query_one(LogPane).put(log, live=job.state not in job_formatting.FINAL)
        self._put_events(detail)

    def say(self, moving: Text, standing: Text) -> None:
        """What is known of the job. Only changed lines are drawn, since every line is sent to the terminal."""
        for name, new in (("#job-moving", moving), ("#job-standing", standing)):
            before, self._facts[name] = self._facts[name], new
            if new != before:
                taller = new.plain.count("\n") != before.plain.count("\n") or not before
                self.query_one(name, Static).update(new, layout=taller)

    def clear(self) -> None:
        """There is no job: nothing is read any more."""
        self.query_one(LogPane).put(None, live=False)

    def _put_events(self, detail: JobDetail) -> None:
        event_count, shown = detail.event_count, len(detail.events)
        remark = f"the newest {shown}" if event_count > shown else "Enter shows them in full"
        self.query_one("#job-events-title", Section).say(
            numbers.count(event_count) if event_count else "none yet", remark
        )
        table = self.query_one("#job-events", Table)
        last = table.cursor_row >= table.row_count - 1
        table.display = bool(detail.events)
        table.put(EVENT_HEADINGS, [event_row(event) for event in detail.events])
        if last:  # as a log does: who reads further up stays there
            table.action_last_row()
