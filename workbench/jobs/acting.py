"""What is done to jobs from their list: started, cancelled step by step, resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import Worker, WorkerState

from store.enums import JobState
from store.plain_text import plain
from store.rows import Job
from store.workspace import Workspace
from workbench.jobs import job_formatting
from workbench.jobs.job_actions import LADDER, cancel, resume
from workbench.jobs.job_view import JobDetail, JobsView
from workbench.launch.demo import DemoForm
from workbench.launch.launching import LaunchingScreen
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.problem import RefusedDialog


class JobsActingScreen(LaunchingScreen):
    """Subclasses show `view`, first of all the job `wanted`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New", id="jobs.new", tooltip="Start a job: train, evaluate, ingest, draw a map …"),
        Binding("x", "cancel", "Cancel", id="jobs.cancel",
                tooltip="Ask the job to stop; again offers to terminate it, and then to kill it"),
        Binding("r", "resume", "Resume", id="jobs.resume",
                tooltip="Go on from the last checkpoint, as a new job"),
    ]  # fmt: skip

    class Done(Message):
        """Something was done to a job: words about it, and the job to show next."""

        def __init__(self, words: str, show: int | None = None) -> None:
            super().__init__()
            self.words = words
            self.show = show

    def __init__(self) -> None:
        super().__init__()
        self.view: JobsView | None = None
        self.wanted: int | None = None
        self._terminated: set[int] = set()

    @property
    def detail(self) -> JobDetail | None:
        return self.view.detail if self.view else None

    def job(self) -> Job | None:
        """The job under the cursor, also while what it told is still being read; None where there is no job."""
        if self.view is None or self.detail is None:
            return None
        return next((job for job in self.view.jobs if job.id == self.wanted), self.detail.job)

    def say_no(self, words: str) -> None:
        """Why something is not done."""
        self.notify(words, severity="warning", markup=False)

    def action_new(self) -> None:
        first = self.bench.recent_forms is None and not self.workspace.exists()
        self.launch(DemoForm() if first else None)  # nothing else could start where nothing is

    def action_cancel(self) -> None:
        job = self.job()
        if job is None or self.refused():
            return
        if job.state in job_formatting.FINAL:
            self.say_no(f"Job {job.id} is {job.state} already: there is nothing to cancel.")
            return
        step = "ask" if not job.cancel else "kill" if job.id in self._terminated else "terminate"
        title, words = LADDER[step]

        def chosen(yes: bool | None) -> None:
            if yes:
                if step == "terminate":
                    self._terminated.add(job.id)
                self._act(lambda: self.Done(cancel(self.workspace, job.id, step)))

        words = f"{job_formatting.what(job)}\n\n{words}"
        self.app.push_screen(ConfirmDialog(title.format(id=job.id), words), chosen)

    def action_resume(self) -> None:
        job = self.job()
        if job is None or self.refused():
            return
        if job.state not in job_formatting.FINAL:
            self.say_no(f"Job {job.id} is {job.state}: there is nothing to resume. Cancel it first with x.")
        elif job.state is JobState.SUCCEEDED:
            self.say_no(f"Job {job.id} succeeded: there is nothing left to do. n starts another.")
        else:
            self._act(lambda: _resumed(self.workspace, job.id))

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
            self.wanted = event.show
        self.reload()

    def started(self, job: int | None) -> None:
        self.wanted = self.wanted if job is None else job
        self.reload()

    def _act(self, work: Callable[[], Done]) -> None:
        self.run_worker(lambda: self.post_message(work()), group="act", thread=True, exit_on_error=False)


def _resumed(workspace: Workspace, job: int) -> JobsActingScreen.Done:
    new = resume(workspace, job)
    return JobsActingScreen.Done(f"Job {new} goes on with job {job}.", new)
