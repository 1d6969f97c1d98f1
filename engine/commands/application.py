"""The tree of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from store.workspace import ENVIRONMENT

application = typer.Typer(
    name="st5",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Text-based sequential recommendation: ingest, encode, rank, evaluate, look. "
    "Without a command, st5 opens the workbench.",
    epilog="Start here: st5 demo",
)


@application.callback()
def choose_workspace(
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Folder of the workspace [env: ST5_WORKSPACE; default: ./workspace]."),
    ] = None,
) -> None:
    if workspace is not None:
        os.environ[ENVIRONMENT] = str(workspace)
