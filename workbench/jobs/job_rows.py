"""The rows of the lists in Jobs: jobs in an order, and what one of them told."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from store.rows import Job, JobEvent
from workbench.jobs import job_formatting
from workbench.jobs.job_view import LISTED, JobsView
from workbench.ui import numbers
from workbench.ui.display import line
from workbench.ui.shell import command
from workbench.ui.table import Heading, TableLine


def ordered(jobs: tuple[Job, ...], order: str) -> list[Job]:
    """Jobs in the chosen order; newest first unless said otherwise."""
    if order == "unfinished":
        return sorted(jobs, key=lambda job: job.state in job_formatting.FINAL)
    if order == "longest":
        return sorted(jobs, key=lambda job: -job.seconds)
    return list(jobs)


def how_many(view: JobsView, shown: int) -> str:
    """How many jobs are listed, of how many, in words."""
    total = f"the newest {LISTED}" if len(view.jobs) == LISTED else numbers.count(len(view.jobs))
    return total if shown == len(view.jobs) else f"{numbers.count(shown)} of {total}"


def nothing_yet(starting: str, option: Path | None) -> Text:
    """What stands in place of an empty list of jobs."""
    if starting:
        return line(f"Starting: {starting}")
    text = Text("No job yet: press n to start one, or type in a shell\n")
    return text.append(command(["train", "nopre", "--datasets", "NAME", "--detach"], option), style="bold")


def _heading(text: str, *, right: bool = False, width: int = 0, flexible: bool = False) -> Heading:
    return Heading(Text(text, justify="right" if right else "left", style="dim"), width=width, flexible=flexible)


HEADINGS = (
    _heading("", width=1),
    _heading("id", right=True),
    _heading("state", width=11),
    _heading("job", flexible=True),
    _heading("progress", width=job_formatting.BAR + 6),
    _heading("time", right=True, width=8),
    _heading("message", flexible=True),
)
EVENT_HEADINGS = (_heading("at"), _heading("kind"), _heading("message", flexible=True))


def job_row(job: Job, mark: Text, wide: bool) -> TableLine:
    """One line of the list; `mark` is the letter of its curve among those compared."""
    cells = (
        mark,
        Text(str(job.id), justify="right", style="dim"),
        job_formatting.state(job),
        line(job_formatting.what(job)),
        job_formatting.progress(job),
        Text(job_formatting.duration(job.seconds) if job.seconds else "", justify="right"),
    )
    return TableLine(str(job.id), (*cells, job_formatting.remark(job)) if wide else cells)


def event_row(event: JobEvent) -> TableLine:
    """An event of a job's log as a row."""
    return TableLine(
        str(event.number),
        (Text(numbers.moment(event.at), style="dim"), line(event.kind[:24], "bold"), line(event.message)),
    )
