"""Areas from which work is started: the form, the command that it makes, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from store.errors import Problem
from store.plain_text import plain
from workbench.jobs.job_actions import job_number, run_command
from workbench.launch.job_form import JobForm
from workbench.ui.area import AreaScreen
from workbench.ui.problem import NotStartedDialog
from workbench.ui.shell import command

if TYPE_CHECKING:
    from workbench.launch.recent_forms import RecentForms

READ_ONLY = "This workbench is read-only (--readonly): it starts, cancels and resumes nothing."


class LaunchingScreen(AreaScreen):
    """`launch` opens the form. Subclasses say in `started` and `starting_changed` what they show of it."""

    class Started(Message):
        """Something was started, or done: words about it, and the job's number where it has one."""

        def __init__(self, words: str, job: int | None) -> None:
            super().__init__()
            self.words = words
            self.job = job

    def launch(self, job_form: JobForm | None = None) -> None:
        """Open the form with this form, or as it was left."""
        from workbench.launch.dialog import LaunchDialog

        if not self.refused():
            recent_forms = self._recent_forms()
            self.app.push_screen(LaunchDialog(job_form or recent_forms.last, recent_forms), self._start)

    def launch_ingest(self) -> None:
        """Open the form for data, as it was left."""
        from workbench.launch.ingest import MovielensForm

        if not self.refused():
            self.launch(self._recent_forms().newest("ingest") or MovielensForm())

    def refused(self) -> bool:
        """Whether nothing may be started here; says so."""
        if self.bench.readonly:
            self.notify(READ_ONLY, severity="warning", markup=False)
        return self.bench.readonly

    def started(self, job: int | None) -> None:
        """A job was started, or work without one was done."""
        self.reload()

    def starting_changed(self) -> None:
        """`bench.starting` changed."""

    def _recent_forms(self) -> RecentForms:
        from workbench.launch.recent_forms import RecentForms

        if self.bench.recent_forms is None:
            self.bench.recent_forms = RecentForms()
        return self.bench.recent_forms

    def _start(self, job_form: JobForm | None) -> None:
        if job_form is not None:
            self.run_worker(self._launch(job_form), group="launch", exit_on_error=False)

    async def _launch(self, job_form: JobForm) -> None:
        """Run the command itself, so that it checks and records what it would from a shell."""
        self.bench.starting = command(job_form.words(), None)
        self.starting_changed()
        try:
            said = await run_command(job_form.words(), str(self.workspace.folder.absolute()))
            job = job_number(said) if job_form.is_job else None
        except Problem as problem:
            self.app.push_screen(NotStartedDialog(problem))
        else:
            self._recent_forms().keep(job_form, started=True)
            words = (
                job_form.done_message
                if job is None
                else f"Job {job} is started; it goes on when the workbench is left."
            )
            self.post_message(self.Started(words, job))
        finally:
            self.bench.starting = ""
            if self.is_attached:
                self.starting_changed()

    @on(Started)
    def _started(self, event: Started) -> None:
        self.notify(plain(event.words), markup=False)
        self.started(event.job)
