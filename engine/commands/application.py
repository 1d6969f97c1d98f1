"""The tree of commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from engine.commands.datasets import datasets
from engine.commands.demo import demo
from engine.commands.doctor import doctor
from engine.commands.evaluation import baseline, evaluate, train
from engine.commands.ingest import ingest
from engine.commands.models import models
from engine.commands.recommendation import embeddings, recommend
from engine.commands.results import ranks, results
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
        typer.Option("--workspace", "-w", help="Folder of the workspace; else $ST5_WORKSPACE, else ./workspace."),
    ] = None,
) -> None:
    if workspace is not None:
        os.environ[ENVIRONMENT] = str(workspace)


application.command()(demo)
application.add_typer(ingest, name="ingest")
for command in (datasets, train, baseline, models, evaluate, results, ranks, recommend, embeddings, doctor):
    application.command()(command)
