"""`st5 jobs`: what runs, what ran, and how to stop it or let it go on."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table, say
from store.errors import BadInput
from store.plain_text import plain
from store.workspace import ENVIRONMENT

if TYPE_CHECKING:
    from store.rows import Job, Series
    from store.workspace import Workspace

jobs = typer.Typer(rich_markup_mode=None, add_completion=False)

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the job; `st5 jobs list` shows them.")]
LimitOption = Annotated[int, typer.Option(help="At most so many, the newest.", min=1)]

LOG_SHOWN = 4 * 1024  # bytes of the log's end that `show` prints


@jobs.callback(invoke_without_command=True)
def every(context: typer.Context, as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List jobs; show, follow, cancel, resume one.

    Example: st5 jobs
    """
    if workspace is not None:
        os.environ[ENVIRONMENT] = str(workspace)
    if context.invoked_subcommand is None:
        list_jobs(as_json=as_json)


@jobs.command("list")
def list_jobs(limit: LimitOption = 200, as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """List jobs, newest first.

    Example: st5 jobs list --json
    """
    from store import jobs as stored

    space = _looked_after(workspace)
    with space.read() as db:
        found = stored.jobs(db, limit)
    if as_json:
        print_json([_document(job) for job in found])
    elif not found:
        say("No job yet. `st5 evaluate …` and `st5 train …` are jobs; with --detach they outlive the terminal.")
    else:
        print_table(
            ["id", "state", "done", "time", "command", "message"],
            [(job.id, job.state, _share(job), _time(job.seconds), job.command, job.message) for job in found],
            right="id,done,time",
            cut="command,message",
        )


@jobs.command("show")
def show(id: IdArgument, as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Show one job in full: what it is, what it told, the newest of its series, the end of its log.

    Example: st5 jobs show 7
    """
    from engine.jobs import control
    from store import jobs as stored

    space = _looked_after(workspace)
    with space.read() as db:
        job = stored.job(db, id)
        told = stored.events(db, id)
        series = stored.series(db, id)
    log = control.log_tail(space, id, LOG_SHOWN)
    if as_json:
        events = [{"number": event.number, "at": event.at, "kind": event.kind, "message": event.message}
                  for event in told]  # fmt: skip
        print_json(_document(job) | {"events": events, "series": [_newest(curve) for curve in series]})
        return
    rows: list[tuple[str, object]] = [
        (key, _time(value) if key == "seconds" else value)
        for key, value in _document(job).items()
        if value not in ("", None) and key not in ("beats", "arguments", "done", "total")
    ]
    rows += [("progress", _progress(job))] if _progress(job) else []
    rows += [(f"event: {event.kind}", f"{event.at}  {event.message}") for event in told]
    rows += [(f"series: {curve.name}", _summary(curve)) for curve in series if len(curve.steps)]
    print_table(["field", "value"], rows)
    if log:
        say(f"The end of its log ({space.jobs / str(id) / 'run.log'}):")
        print(plain(log, keep_lines=True), end="")


@jobs.command("logs")
def logs(
    id: IdArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows, until the job ends.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Print what a job wrote.

    Example: st5 jobs logs 7 -f
    """
    from engine.jobs import attach
    from store import jobs as stored

    space = _looked_after(workspace)
    with space.read() as db:
        job = stored.job(db, id)
    try:
        if not attach.print_log(space, id, follow=follow):
            say(f"Job {id} ({job.state}) has written nothing{'' if job.state in stored.FINAL else ' yet'}.")
    except KeyboardInterrupt:  # of the watching only: nothing was interrupted
        say(f"\nJob {id} was left as it is.")


@jobs.command("cancel")
def cancel(
    id: IdArgument,
    terminate: Annotated[bool, typer.Option("--terminate", help="Do not wait for its next step: SIGTERM.")] = False,
    kill: Annotated[bool, typer.Option("--kill", help="Kill its processes: SIGKILL.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Kill without asking.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask a job to stop at its next step, having kept what it has.

    Example: st5 jobs cancel 7
    """
    from engine.jobs import control
    from store import jobs as stored

    if terminate and kill:
        raise BadInput("--terminate and --kill exclude each other. Start with neither, then --terminate, then --kill.")
    space = _looked_after(workspace)
    with space.read() as db:
        job = stored.job(db, id)
    if kill and not yes and job.state not in stored.FINAL:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise BadInput("--kill loses what the job has not stored yet. Confirm it with --yes.")
        typer.confirm(f"Kill job {id}? What it has not stored yet is lost.", abort=True, err=True)
    say(control.cancel(space, id, "kill" if kill else "terminate" if terminate else "ask"))


@jobs.command("resume")
def resume(id: IdArgument, workspace: WorkspaceOption = None) -> None:
    """Go on with a job that failed, was cancelled or lost, as a new job; prints its number.

    Example: st5 jobs resume 7
    """
    from engine.jobs import control

    space = _looked_after(workspace)
    new = control.resume(space, id)
    print(new)
    say(f"job {new} goes on with job {id}; follow it with `st5 jobs logs {new} -f`")


def _looked_after(option: Any) -> Workspace:
    """The workspace, its dead jobs marked as such."""
    from engine.jobs import control

    space = open_workspace(option)
    control.reap(space)
    return space


def _document(job: Job) -> dict[str, Any]:
    """A job as JSON shows it; the first seven fields are a contract."""
    first = {"id": job.id, "command": job.command, "state": job.state, "pid": job.pid, "done": job.done,
             "total": job.total, "message": job.message}  # fmt: skip
    return first | asdict(job)


def _progress(job: Job) -> str:
    if not job.total:
        return f"{job.done:,}" if job.done else ""
    return f"{job.done:,} of {job.total:,} ({100 * job.done // job.total} %)"


def _share(job: Job) -> str:
    """How much is done, short enough for a list: `42 %`."""
    return f"{100 * job.done // job.total} %" if job.total else ""


def _time(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _newest(curve: Series) -> dict[str, Any]:
    last = len(curve.steps) - 1
    value = float(curve.values[last]) if last >= 0 else None
    return {
        "phase": curve.phase,
        "name": curve.name,
        "points": last + 1,
        "step": int(curve.steps[last]) if last >= 0 else None,
        "value": value if value is not None and abs(value) < float("inf") else None,  # JSON has no word for the others
    }


def _summary(curve: Series) -> str:
    return f"{curve.values[-1]:.6g} at step {curve.steps[-1]:,} ({len(curve.steps):,} points, {curve.phase})"
