"""The tree of commands. Each is built when it is asked for: building all takes longer than most of them run."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from store.errors import unknown

# name: module beside this one, and the first line of the command's own help
COMMANDS = {
    "demo": (
        "demo",
        "Ingest embedded films and a synthetic shop, train and run the first models, and show what they find.",
    ),
    "ingest": ("ingest", "Read a source into the workspace."),
    "datasets": (
        "datasets",
        "List datasets, or show one in full: counts, split, drop log, fingerprint, audit of its texts.",
    ),
    "train": ("training", "Make a text model."),
    "recipes": ("recipes", "List recipes, or show one in full."),
    "baseline": ("evaluation", "Make a baseline and evaluate it."),
    "models": ("models", "List models, or show one in full."),
    "evaluate": ("evaluation", "Rank whole catalogues and store what was found."),
    "results": ("results", "Show models beside each other, by dataset, slice or metric; compare them."),
    "ranks": ("results", "Write one row per event with its exact ranks."),
    "rate": ("rating", "Predict the ratings of test events, and measure the error."),
    "project": ("projection", "Lay embeddings out as a map."),
    "experiment": ("experiment", "Make one of the thesis' tables or figures; run what it still needs."),
    "report": ("report", "Write all experiments as one document."),
    "recommend": ("recommendation", "Recommend for a user, a list of titles, or words."),
    "embeddings": ("recommendation", "Export vectors as .npz."),
    "jobs": ("jobs", "List jobs; show, follow, cancel, resume one."),
    "doctor": ("doctor", "Look at versions, devices, workspace, locks and terminal."),
}


class Commands(TyperGroup):
    """The commands by name, from the table above."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            raise unknown("command", cmd_name, COMMANDS, "`st5 --help` says what they do.")
        found = getattr(import_module(f"engine.commands.{COMMANDS[cmd_name][0]}"), cmd_name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


application = typer.Typer(
    name="st5",
    cls=Commands,
    rich_markup_mode=None,  # plain help: drawing it in colour would take three times as long
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
        from store.workspace import ENVIRONMENT

        os.environ[ENVIRONMENT] = str(workspace)
