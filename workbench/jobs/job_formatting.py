"""How jobs are said in words: states with a sign each, what a job does, how long it took and still takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from store.enums import JobState, Phase
from store.plain_text import plain
from store.rows import Job
from workbench.ui.display import line
from workbench.ui.numbers import counted
from workbench.ui.themes import SERIES

FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.LOST})
BAR = 8  # cells: an eighth is as much as a glance tells apart
DONE, OPEN = "█", "·"


def _colour(number: int) -> str:
    red, green, blue = SERIES[number]
    return f"rgb({red},{green},{blue})"


@dataclass(frozen=True)
class Sign:
    """What stands before a state's name: never colour alone."""

    glyph: str
    style: str


SIGNS = {
    JobState.QUEUED: Sign("○", _colour(5)),
    JobState.STARTING: Sign("◐", _colour(0)),
    JobState.RUNNING: Sign("●", f"bold {_colour(0)}"),
    JobState.SUCCEEDED: Sign("✓", _colour(2)),
    JobState.FAILED: Sign("✗", f"bold {_colour(3)}"),
    JobState.CANCELLED: Sign("■", _colour(5)),
    JobState.LOST: Sign("?", f"bold {_colour(4)}"),
}


def state(job: Job) -> Text:
    """`● running`; `● stopping` for one that was asked to stop and has not yet."""
    sign = SIGNS[job.state]
    name = "stopping" if job.cancel and job.state not in FINAL else job.state.value
    return Text(f"{sign.glyph} {name}", style=sign.style)


def short(job: Job) -> str:
    """The command without its options: `train nopre`."""
    own: list[str] = []
    for word in job.arguments:
        if word.startswith("-"):
            break
        own.append(word)
    return plain(" ".join(own) or job.kind)


def what(job: Job) -> str:
    """What a job does, in short: `train nopre on ml-100k as small`."""
    where, name = option(job, "--datasets", "-d"), option(job, "--name")
    return plain(short(job) + (f" on {where}" if where else "") + (f" as {name}" if name else ""))


def option(job: Job, *names: str) -> str:
    """The value of an option in a job's command line; "" where it is not given."""
    for place, word in enumerate(job.arguments):
        if word in names and place + 1 < len(job.arguments):
            return job.arguments[place + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return ""


def share(job: Job) -> float | None:
    """How much of its stage is done, 0 to 1; None if unknown."""
    return min(1.0, max(0.0, job.done / job.total)) if job.total > 0 else None


def bar(part: float, width: int = BAR) -> str:
    """A bar of so many cells, full where `part` is 1."""
    full = int(part * width + 1e-9)  # full only when it is done
    return DONE * full + OPEN * (width - full)


def percent(part: float) -> str:
    """`43 %`; 100 only when everything is done."""
    return f"{int(part * 100 + 1e-9)} %"


def progress(job: Job) -> Text:
    """The bar and the per cent of a running job; of a final one how far it came, unless it came to the end."""
    part = share(job)
    if part is None:
        return Text(f"{job.done:,}" if job.done > 0 and job.state not in FINAL else "")
    if job.state is JobState.SUCCEEDED or (job.state in FINAL and part >= 1):  # of a stage; others were to come
        return Text()
    return Text(f"{bar(part)} {percent(part):>5}", style="dim" if job.state in FINAL else "")


def duration(seconds: float) -> str:
    """`42 s`, `12:30`, `3:05:00`, `2 d 3:05`; never negative, whatever a clock said."""
    whole = max(0, int(seconds)) if seconds == seconds and seconds != float("inf") else 0
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 86_400} d {whole // 3600 % 24}:{whole // 60 % 60:02}"


def remark(job: Job) -> Text:
    """The last column: the message, or the stage of a job that has none."""
    failed = job.state in (JobState.FAILED, JobState.LOST)
    return line(job.message or job.stage, SIGNS[job.state].style if failed else "dim")


def phase_names(keys: Sequence[str]) -> dict[str, str]:
    """A name per phase key, in order: the thesis' own where the key holds it, else `phase 2`; none twice."""
    names: dict[str, str] = {}
    for number, key in enumerate(keys, 1):
        name = next((phase.value for phase in Phase if phase.value in key), f"phase {number}")
        names[key] = f"{name} ({number})" if name in names.values() else name
    return names


def running_now(jobs: tuple[Job, ...]) -> str:
    """`1 job running: train nopre 43 %; 2 wait`; "" if none is unfinished."""
    running = [job for job in jobs if job.state is JobState.RUNNING]
    waiting = sum(job.state in (JobState.QUEUED, JobState.STARTING) for job in jobs)
    parts = []
    if running:
        parts.append(f"{counted(len(running), 'job')} running: {', '.join(map(_with_share, running))}")
    if waiting:
        verb = "waits" if waiting == 1 else "wait"
        parts.append(f"{waiting if parts else counted(waiting, 'job')} {verb}")
    return "; ".join(parts)


def by_state(jobs: tuple[Job, ...]) -> str:
    """`1 running, 2 queued`; "" if none is unfinished."""
    counts = Counter(job.state for job in jobs if job.state not in FINAL)
    return ", ".join(f"{counts[state]} {state}" for state in reversed(JobState) if counts[state])


def _with_share(job: Job) -> str:
    part = share(job)
    return short(job) if part is None else f"{short(job)} {percent(part)}"
