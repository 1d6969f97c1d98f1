"""`st5 slow`: a command that goes through the door as every long command does, and works as slowly as it is told."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer

from engine.commands import application, main
from engine.commands.options import WorkspaceOption, open_workspace
from engine.jobs import submit
from engine.progress import Observer
from store.errors import BadInput, Cancelled, Failed

LIMIT_S = 300  # what a test left behind ends at last


def slow(
    steps: int = 10,
    hold_at: Annotated[int, typer.Option(help="Hold at this step until the gate opens; -1 holds nowhere.")] = -1,
    gate: Annotated[str, typer.Option(help="A file that opens the gate; without, nothing does.")] = "",
    records: int = 1,
    device: str = "",
    fail: str = "",
    careful: Annotated[bool, typer.Option(help="Ask whether to stop, and keep what there is.")] = False,
    deaf: Annotated[bool, typer.Option(help="Neither ask nor report while held: one step that takes long.")] = False,
    stubborn: Annotated[bool, typer.Option(help="Go on holding whatever is raised.")] = False,
    fork: Annotated[bool, typer.Option(help="Have a child, as loaders of data do.")] = False,
    refuse: Annotated[bool, typer.Option(help="Bad input, before the door.")] = False,
    detach: Annotated[bool, typer.Option("--detach")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Count steps."""
    if refuse:
        raise BadInput("--refuse is not allowed.")

    def work(observer: Observer) -> int:
        if fork and os.fork() == 0:
            time.sleep(LIMIT_S)  # killed with the group of its parent
            os._exit(0)
        for step in range(steps):
            if careful:
                _stop_if_asked(observer, step)
            print(f"step {step}", flush=True)
            for number in range(records):
                observer.record("phase", step * records + number, {"loss": 1 / (step + 1)})
            observer.progress("counting", step + 1, steps)
            if step == hold_at:
                hold(observer, step)
        if fail == "problem":
            raise Failed("the last step failed")
        if fail:
            raise RuntimeError(fail)
        observer.tell("result", f"{steps} steps")
        return steps

    def hold(observer: Observer, step: int) -> None:
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                print(f"held at step {step}", flush=True)
                while not (gate and os.path.exists(gate)):
                    if time.monotonic() > deadline:
                        raise Failed("held until the test was over")
                    time.sleep(0.01)  # a test opens the gate, cancels or kills
                    if careful:
                        _stop_if_asked(observer, step)
                    if not deaf:
                        observer.progress("counting", step + 1, steps)
                return
            except Cancelled:
                if not stubborn:
                    raise

    made = submit.submit_job(open_workspace(workspace), "slow", work, detach=detach, device=device)
    if made is not None:
        print(f"made {made}", flush=True)


def _stop_if_asked(observer: Observer, step: int) -> None:
    if observer.stop():
        observer.tell("checkpoint", f"kept step {step}")
        raise Cancelled(f"stopped at step {step}")


def enter() -> None:
    """Put the command into the table."""
    application.COMMANDS["slow"] = ("slow_command", "Count steps.")
    sys.modules["engine.commands.slow_command"] = sys.modules[__name__]


if __name__ == "__main__":
    sys.modules["slow_command"] = sys.modules[__name__]
    enter()
    main()
