"""Areas from which work is started: the form, the command that it makes, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from store.errors import Problem
from store.plain_text import plain
from workbench.job_actions import job_number, run_command
from workbench.launch.draft import Draft
from workbench.next_step import command
from workbench.screens.area import AreaScreen
from workbench.screens.problem import NotStartedDialog

if TYPE_CHECKING:
    from workbench.launch.drafts import Drafts

READ_ONLY = "This workbench is read-only (--readonly): it starts, cancels and resumes nothing."


class LaunchingScreen(AreaScreen):
    """`launch` opens the form. Subclasses say in `started` and `starting_changed` what they show of it."""

    class Started(Message):
        """Something was started, or done: words about it, and the job's number where it has one."""

        def __init__(self, words: str, job: int | None) -> None:
            super().__init__()
            self.words = words
            self.job = job

    def launch(self, draft: Draft | None = None) -> None:
        """Open the form with this draft, or as it was left."""
        from workbench.screens.launch import LaunchDialog

        if not self.refused():
            drafts = self._drafts()
            self.app.push_screen(LaunchDialog(draft or drafts.last, drafts), self._start)

    def launch_ingest(self) -> None:
        """Open the form for data, as it was left."""
        from workbench.launch.ingest import MovielensDraft

        if not self.refused():
            self.launch(self._drafts().newest("ingest") or MovielensDraft())

    def refused(self) -> bool:
        """Whether nothing may be started here; says so."""
        if self.bench.readonly:
            self.notify(READ_ONLY, severity="warning", markup=False)
        return self.bench.readonly

    def started(self, job: int | None) -> None:
        """A job was started, or work without one was done."""
        self.reload()

    def starting_changed(self) -> None:
        """`bench.starting` is another."""

    def _drafts(self) -> Drafts:
        from workbench.launch.drafts import Drafts

        if self.bench.drafts is None:
            self.bench.drafts = Drafts()
        return self.bench.drafts

    def _start(self, draft: Draft | None) -> None:
        if draft is not None:
            self.run_worker(self._launch(draft), group="launch", exit_on_error=False)

    async def _launch(self, draft: Draft) -> None:
        """Run the command itself, so that it checks and records what it would from a shell."""
        self.bench.starting = command(draft.words(), None)
        self.starting_changed()
        try:
            said = await run_command(draft.words(), str(self.workspace.folder.absolute()))
            job = job_number(said) if draft.is_job else None
        except Problem as problem:
            self.app.push_screen(NotStartedDialog(problem))
        else:
            self._drafts().keep(draft, started=True)
            words = draft.made if job is None else f"Job {job} is started; it goes on when the workbench is left."
            self.post_message(self.Started(words, job))
        finally:
            self.bench.starting = ""
            if self.is_attached:
                self.starting_changed()

    @on(Started)
    def _started(self, event: Started) -> None:
        self.notify(plain(event.words), markup=False)
        self.started(event.job)
