"""The tree of commands. Each is built when it is asked for: building all takes longer than most of them run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperGroup

from store.errors import BadInput, unknown

PORT = 8000  # of --web
LARGEST_PORT = 2**16 - 1

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
    "tune": (
        "tuning",
        "Search a model's settings on the valid events; every trial is stored.",
    ),
    "models": ("models", "List models, or show one in full."),
    "evaluate": ("evaluation", "Rank whole catalogues and store what was found."),
    "results": ("results", "Show models beside each other, by dataset, slice or metric; compare them."),
    "ranks": ("results", "Write one row per event with its exact ranks."),
    "events": ("events", "List the events that meet a filter, with each model's rank of the target."),
    "rate": ("rating", "Predict the ratings of test events, and measure the error."),
    "project": ("projection", "Lay embeddings out as a map."),
    "experiment": ("experiment", "Make one of the thesis' tables or figures; run what it still needs."),
    "report": ("report", "Write all experiments as one document."),
    "recommend": ("recommendation", "Recommend for a user, a list of titles, or words."),
    "why": ("recommendation", "Say why a model scores an item as it does for a history."),
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


def _print_version(wanted: bool) -> None:
    if wanted:
        from engine import __version__

        print(f"st5 {__version__}")
        raise typer.Exit


@application.callback(invoke_without_command=True)
def start(  # noqa: D103 – Typer would show a docstring as the help of st5
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            metavar="FOLDER",
            help="Folder of the workspace; else $ST5_WORKSPACE, else ./workspace.",
        ),
    ] = None,
    readonly: Annotated[
        bool,
        typer.Option("--readonly", help="Workbench: write nothing, not even what was last looked at; start no job."),
    ] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse", help="Workbench: leave the mouse to the terminal.")] = False,
    web: Annotated[
        bool, typer.Option("--web", help="Workbench: serve it to a browser on this machine; the address holds a key.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=LARGEST_PORT,
            metavar="N",
            help=f"Where --web listens; 0 is any free port. Default: {PORT}.",
        ),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--files",
            metavar="FOLDER",
            help="Workbench: read and write files only in this folder and the workspace; repeat it for more folders. "
            "Without it: in the workspace with --web, everywhere in a terminal.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        open_workbench(workspace, readonly=readonly, no_mouse=no_mouse, web=web, port=port, files=files)
        return
    asked = {"--readonly": readonly, "--no-mouse": no_mouse, "--web": web, "--port": port is not None, "--files": files}
    for name, given in asked.items():
        if given:
            raise BadInput(f"{name} is for the workbench: leave it away, or leave away {context.invoked_subcommand}.")
    if workspace is not None:
        from store.workspace import ENVIRONMENT

        os.environ[ENVIRONMENT] = str(workspace)


def open_workbench(
    workspace: Path | None = None,
    *,
    readonly: bool = False,
    no_mouse: bool = False,
    web: bool = False,
    port: int | None = None,
    files: list[Path] | None = None,
) -> None:
    """What `start` does without a command, with the values of its options."""
    if port is not None and not web:
        raise BadInput(f"--port {port} goes with --web. Give both, or leave --port away.")
    served = (PORT if port is None else port) if web else None
    # The one step upwards, by name: the engine does not depend on the workbench.
    entry = import_module("workbench.entry")
    entry.open_workbench(workspace, readonly=readonly, mouse=not no_mouse, port=served, files=files or ())


def options_alone(arguments: Sequence[str]) -> dict[str, Any] | None:
    """The values of `start`'s options if the arguments hold nothing else; None if typer has to look at them.

    typer imports pydantic when it converts the first value: 60 ms of processor time before the workbench is painted.
    So plain values are read here, by what `start` declares; help, errors, completion and commands stay typer's.
    """
    if "_ST5_COMPLETE" in os.environ:
        return None
    declared: dict[str, tuple[str, Any]] = {}
    for name, hint in get_type_hints(start, include_extras=True).items():
        for option in getattr(hint, "__metadata__", ()):
            if option.is_eager:  # typer acts on it at once
                continue
            flags = (option.default, *option.param_decls)  # `typer.Option` calls its first argument the default
            declared |= {flag: (name, get_args(hint)[0]) for flag in flags}
    values: dict[str, Any] = {}
    words = list(arguments)
    while words:
        flag, joined, value = words.pop(0).partition("=")
        if flag not in declared or (joined and not flag.startswith("--")):
            return None
        name, kind = declared[flag]
        if kind is bool:
            if joined:
                return None
            values[name] = True
            continue
        if not joined:
            value = words.pop(0) if words else ""
        if not value or value.startswith("-"):
            return None
        if kind == (int | None):
            if not (value.isascii() and value.isdigit() and int(value) <= LARGEST_PORT):
                return None
            values[name] = int(value)
        else:
            values[name] = [*values.get(name, []), Path(value)] if kind == (list[Path] | None) else Path(value)
    return values
