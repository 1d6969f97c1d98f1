"""What is known of one job, in a few lines: where it is, how fast, how long still, why it waits or failed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from store.enums import JobState
from store.plain_text import plain
from store.rows import Job
from workbench.jobs import job_formatting
from workbench.jobs.job_view import JobDetail, pace, pairs_per_second
from workbench.jobs.worker_load import WorkerLoad, load_words
from workbench.ui import numbers
from workbench.ui.display import line

QUIET_S = 30  # six missed heartbeats of 5 s
WATCHED_S = 3.0  # run time that two looks must be apart to tell a speed
WIDE_BAR = 16  # cells
NEXT = {
    JobState.LOST: "r goes on {where}, as a new job; Enter shows its events",
    JobState.FAILED: "Enter shows its events; r tries again {where}, as a new job",
    JobState.CANCELLED: "r goes on {where}, as a new job",
}
FROM_CHECKPOINT, FROM_STORED = "from its last checkpoint", "with what is not stored yet"
_JOINED = ("on ", "for ", "after ")  # go on with the sentence: `running on cpu for 12:30`


@dataclass
class Watched:
    """What this workbench saw of a job, by the worker's clock and by its own."""

    stage: str = ""
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    beats: int = -1
    changed: float = 0.0  # by our monotonic clock: two clocks of two machines never compare
    rate: float | None = None

    def look(self, job: Job, now: float) -> None:
        """Take in what the store says at the moment `now`."""
        if (job.beats, job.done, job.seconds) != (self.beats, self.done, self.seconds):
            self.changed = now
        goes_on = job.stage == self.stage or (job.total > 0 and job.total == self.total)  # stages on one scale
        if not goes_on or job.done < self.done or self.beats < 0:
            self.done, self.total, self.seconds, self.rate = job.done, job.total, job.seconds, None
        elif job.seconds - self.seconds >= WATCHED_S:
            if job.done > self.done:
                self.rate = (job.done - self.done) / (job.seconds - self.seconds)
            self.done, self.seconds = job.done, job.seconds
        self.stage = job.stage
        self.beats = job.beats

    def quiet(self, now: float) -> float:
        """Seconds since the worker was last heard of."""
        return max(0.0, now - self.changed)


def facts(detail: JobDetail, watched: Watched, quiet: float, load: WorkerLoad | None) -> tuple[Text, Text]:
    """What changes every second while it runs, and what stands: lines, each cut by its place; data in them is plain."""
    job = detail.job
    moving = [_state(job)]
    if job.state not in job_formatting.FINAL and (job.stage or job.total):
        moving.append(_progress(detail, watched))
    if load is not None and job.state is JobState.RUNNING:
        moving.append(load_words(load))
    if job.state is JobState.RUNNING and quiet > QUIET_S:
        moving.append(Text(f"! no sign of life for {job_formatting.duration(quiet)}; it may be stuck", style="bold"))
    standing = []
    if job.message:
        bad = job.state in (JobState.FAILED, JobState.LOST)
        standing.append(line(job.message, job_formatting.SIGNS[job.state].style if bad else ""))
    if job.state in NEXT:
        where = FROM_CHECKPOINT if job.kind == "train" else FROM_STORED
        standing.append(Text(NEXT[job.state].format(where=where), style="bold"))
    standing.append(line(job.command, "dim"))
    return _lines(moving), _lines(standing)


def _lines(lines: list[Text]) -> Text:
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def _state(job: Job) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis").append_text(job_formatting.state(job))
    parts = []
    if job.device:
        parts.append(f"on {plain(job.device[:40])}")
    if job.seconds > 0 or job.state is JobState.RUNNING:
        parts.append(f"{'for' if job.state is JobState.RUNNING else 'after'} {job_formatting.duration(job.seconds)}")
    if job.exit_code is not None and job.state is not JobState.SUCCEEDED:
        parts.append(f"exit code {job.exit_code}")
    if job.cancel and job.state not in job_formatting.FINAL:
        parts.append("asked to stop")
    if job.resumes is not None:
        parts.append(f"goes on with job {job.resumes}")
    text.append("".join(f"{' ' if part.startswith(_JOINED) else '; '}{part}" for part in parts))
    moments = (("finished", job.finished), ("started", job.started), ("created", job.created))
    name, moment = next((pair for pair in moments if pair[1]), ("", ""))
    text.append(f"; {name} {numbers.moment(moment)}" if moment else "", style="dim")
    if job.pid is not None and job.state not in job_formatting.FINAL:
        text.append_text(line(f"; pid {job.pid} on {job.host}" if job.host else f"; pid {job.pid}", "dim"))
    return text


def _progress(detail: JobDetail, watched: Watched) -> Text:
    job = detail.job
    text = line(job.stage)
    part = job_formatting.share(job)
    rate = watched.rate or pace(detail)
    if part is not None:
        text.append(f"  {job_formatting.bar(part, WIDE_BAR)} {job_formatting.percent(part)}", style="bold")
        if part < 1 and rate and job.state is JobState.RUNNING:
            text.append(f"  {job_formatting.duration((job.total - job.done) / rate)} left", style="bold")
        text.append(f"  {numbers.count(job.done)} of {numbers.count(job.total)}")
    elif job.done:
        text.append(f"  {numbers.count(job.done)}")
    if pairs := pairs_per_second(detail):
        text.append(f"  {pairs:,.0f} pairs/s")
    elif rate:
        text.append(f"  {rate:,.0f}/s" if rate >= 10 else f"  {rate:.2g}/s")
    return text
