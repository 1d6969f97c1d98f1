"""The dialog before the workbench is left while work goes on: what goes on without it, and what would not."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from store.rows import Job
from workbench.jobs import job_formatting
from workbench.ui.dialog import Dialog
from workbench.ui.display import line
from workbench.ui.numbers import counted

SHOWN = 8  # jobs


class QuitDialog(Dialog[bool]):
    """Dismisses with True where q or Enter was pressed."""

    HINT = "q leaves · Esc stays"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "leave", "Leave", id="quit.leave", tooltip="Leave the workbench; jobs go on"),
        Binding("escape", "close", "Stay", id="quit.stay", tooltip="Stay in the workbench"),
    ]

    def __init__(self, jobs: tuple[Job, ...], starting: str) -> None:
        super().__init__("Leave the workbench?")
        self.jobs = jobs
        self.starting = starting

    def content(self) -> ComposeResult:
        yield Static(_text(self.jobs, self.starting), id="quit")

    def action_leave(self) -> None:
        self.dismiss(True)


def _text(jobs: tuple[Job, ...], starting: str) -> Text:
    text = Text()
    if jobs:
        verb = "goes" if len(jobs) == 1 else "go"
        text.append(f"{counted(len(jobs), 'job')} {verb} on without it; `st5 jobs` and the next workbench show them:\n")
    for job in jobs[:SHOWN]:
        part = job_formatting.share(job)
        text.append("\n  ").append_text(job_formatting.state(job)).append(f"  {job.id}  ")
        text.append_text(line(job_formatting.what(job))).append(
            f"  {job_formatting.percent(part)}" if part is not None else ""
        )
    if len(jobs) > SHOWN:
        text.append(f"\n  … and {len(jobs) - SHOWN} more")
    if starting:
        text.append("\n\n" if jobs else "").append_text(
            line(f"This has not started yet, and would be stopped: {starting}")
        )
    return text
