"""`st5 slow`: a command that goes through the door as every long command does, and works as slowly as it is told."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated

import typer

from engine.commands import application, main
from engine.commands.options import WorkspaceOption, open_workspace
from engine.jobs import door
from engine.progress import Observer
from store.errors import BadInput, Cancelled, Failed


def slow(
    steps: int = 10,
    pause: float = 0.1,
    records: int = 1,
    device: str = "",
    fail: str = "",
    careful: bool = False,
    stubborn: bool = False,
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
            time.sleep(60)
            os._exit(0)
        for step in range(steps):
            if careful and observer.stop():
                observer.tell("checkpoint", f"kept step {step}")
                raise Cancelled(f"stopped at step {step}")
            print(f"step {step}", flush=True)
            for number in range(records):
                observer.record("phase", step * records + number, {"loss": 1 / (step + 1)})
            end = time.monotonic() + pause
            while True:
                try:
                    observer.progress("counting", step + 1, steps)
                    time.sleep(max(0.0, end - time.monotonic()))
                    break
                except Cancelled:
                    if not stubborn:
                        raise
                    if time.monotonic() > end:
                        break
        if fail == "problem":
            raise Failed("the last step failed")
        if fail:
            raise RuntimeError(fail)
        observer.tell("result", f"{steps} steps")
        return steps

    made = door.run(open_workspace(workspace), "slow", work, detach=detach, device=device)
    if made is not None:
        print(f"made {made}", flush=True)


def enter() -> None:
    """Put the command into the table."""
    application.COMMANDS["slow"] = ("slow_command", "Count steps.")
    sys.modules["engine.commands.slow_command"] = sys.modules[__name__]


if __name__ == "__main__":
    sys.modules["slow_command"] = sys.modules[__name__]
    enter()
    main()
