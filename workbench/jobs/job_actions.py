"""What is done to jobs: started by their own command line, cancelled step by step, resumed."""

from __future__ import annotations

import asyncio
import re

from store.errors import Failed
from store.python_command import python_command, python_environment
from store.workspace import Workspace

# title and words of the question before each step
LADDER = {
    "ask": ("Ask job {id} to stop?", "It keeps a checkpoint and ends at its next step. Resume goes on from there."),
    "terminate": (
        "Terminate job {id}?",
        "It was asked to stop and has not ended yet. This sends SIGTERM to its processes: they end at once, and what "
        "they did since the last checkpoint is lost.",
    ),
    "kill": (
        "Kill job {id}?",
        "It was asked to stop and was terminated, but it still runs. This sends SIGKILL, which cannot be refused. What "
        "is stored stays whole; what was done since the last checkpoint is lost.",
    ),
}


def cancel(workspace: Workspace, job: int, step: str) -> str:
    """Take one step of the ladder; returns words about what it did."""
    from engine.jobs import control

    words = control.cancel(workspace, job, step)
    words = re.sub(r"\s*(Next|If it does not)\b[^.]*--.*$", "", words)  # its advice is for the command line
    return words if step == "kill" else f"{words} x offers the next step."


def resume(workspace: Workspace, job: int) -> int:
    """Go on with a job as a new one; returns its number."""
    from engine.jobs import control

    return control.resume(workspace, job)


async def run_command(words: list[str], workspace: str) -> str:
    """Run `st5 …` to its end; returns what it printed as data. `Failed` with what it said where it did not succeed."""
    process = await asyncio.create_subprocess_exec(
        *python_command("engine", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=python_environment(ST5_WORKSPACE=workspace, PYTHONIOENCODING="utf-8"),
        start_new_session=True,  # neither Ctrl-C nor a hang-up of this terminal is meant for it
    )
    out, said = (part.decode("utf-8", errors="replace") for part in await process.communicate())
    if process.returncode:
        raise Failed(said.strip()[-4000:].removeprefix("st5: ") or f"It ended with exit code {process.returncode}.")
    return out


def job_number(out: str) -> int:
    """The number of the job that a command with `--detach` printed."""
    words = out.split()
    if not words or not words[-1].isdigit():
        raise Failed(f"The command ended without the number of a job. It printed:\n\n{out[-2000:]}")
    return int(words[-1])
