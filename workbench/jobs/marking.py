"""Which curves Jobs shows: one series of the job under the cursor, or of all that are marked."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from workbench.jobs.acting import JobsActingScreen
from workbench.jobs.curves_beside import MOST, series_of
from workbench.jobs.job_view import Traced, families
from workbench.ui.ui_state import JobsChoice


class JobsMarkingScreen(JobsActingScreen):
    """Subclasses draw all in `draw`, and the job under the cursor in `draw_detail`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "curve", "Curve", id="jobs.curve", show=False,
                tooltip="The next series: loss, validation, speed …"),
        Binding("space", "mark", "Mark", id="jobs.mark", show=False,
                tooltip="Mark the job to see its curve beside those of other marked ones, or unmark it"),
        Binding("t", "by_time", "Time", id="jobs.by_time", show=False,
                tooltip="Compare marked jobs over their run time, or over steps"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []

    @property
    def choice(self) -> JobsChoice:
        return self.ui_state.jobs

    def draw(self) -> None:
        """Show the list and the job under the cursor."""
        raise NotImplementedError

    def draw_detail(self) -> None:
        """Show the job under the cursor."""
        raise NotImplementedError

    def pane(self) -> str:
        """Which part of the job is shown where there is room for one."""
        raise NotImplementedError

    def beside(self) -> tuple[Traced, ...]:
        """The marked jobs, and the one under the cursor where it has curves; none if none is marked."""
        view, detail = self.view, self.detail
        if view is None or detail is None or not self.marks:
            return ()
        marked = tuple(one for one in view.marked if one.job.id in self.marks)
        under = () if detail.job.id in self.marks or not detail.curves else (Traced(detail.job, detail.curves),)
        return (*marked, *under)[:MOST]

    def action_curve(self) -> None:
        beside = self.beside()
        names = series_of(beside) if beside else families(self.detail.curves) if self.detail else []
        if not names:
            self.say_no("This job has measured no series (yet).")
            return
        place = names.index(self.choice.series) if self.choice.series in names else 0
        if self.pane() == "curve" or not self.has_class("-short"):
            self.choice.series = names[(place + 1) % len(names)]
        self.choice.pane = "curve"
        self.bench.remember()
        self.draw_detail()

    def action_mark(self) -> None:
        job = self.job()
        if job is None:
            return
        if job.id in self.marks:
            self.marks.remove(job.id)
        elif self.detail and self.detail.job.id == job.id and not self.detail.curves:
            self.say_no(f"Job {job.id} has measured no series (yet): there is no curve to compare.")
            return
        elif len(self.marks) == MOST:
            self.say_no(f"More than {MOST} curves cannot be told apart: Space on a marked job unmarks it.")
            return
        else:
            self.marks.append(job.id)
            self.choice.pane = "curve"
        self.reload()
        self.draw()

    def action_by_time(self) -> None:
        if not self.marks:
            self.say_no("Steps or run time is asked of marked jobs: Space marks the one under the cursor.")
            return
        self.choice.by_time = not self.choice.by_time
        self.bench.remember()
        self.draw_detail()
