"""The dialog with all events of a job, and its full command line."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from store.rows import Job, JobEvent
from workbench.ui import numbers
from workbench.ui.dialog import Dialog
from workbench.ui.display import line, whole

SHOWN = 1_000  # events; each is a line or more
EVENT_LIMIT = 4_000  # characters of one event


class JobEventsDialog(Dialog[None]):
    """Events with their moments, oldest first, none cut but by number."""

    HINT = "Esc closes · j k g G scroll"

    def __init__(self, job: Job, events: tuple[JobEvent, ...]) -> None:
        super().__init__(f"Job {job.id}")
        self.job = job
        self.events = events

    def content(self) -> ComposeResult:
        yield Static(_text(self.job, self.events), id="job-events-full")


def _text(job: Job, events: tuple[JobEvent, ...]) -> Text:
    text = whole(job.command)
    text.stylize("bold")
    if job.folder:
        text.append("\n").append_text(line(f"in {job.folder}", "dim"))
    if job.message:
        text.append("\n\n").append_text(whole(job.message))
    text.append("\n")
    if len(events) > SHOWN:
        text.append(f"\nthe newest {numbers.count(SHOWN)} of {numbers.count(len(events))} events", style="italic dim")
    for event in events[-SHOWN:]:
        text.append(f"\n{numbers.moment(event.at)}  ", style="dim")
        text.append_text(line(event.kind, "bold")).append("  ").append_text(whole(event.message, EVENT_LIMIT))
    if not events:
        text.append("\nNo output yet.", style="dim")
    return text
