"""Opens the workbench; what `st5` does without a command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from store.errors import BadInput
from store.workspace import Workspace, workspace_folder

PORT = 8000


def main(argv: Sequence[str]) -> None:
    """Parse the options, open the workbench and stay until it is quit.

    Nothing is written to a workspace that is not there yet, and nothing at all with `--readonly`.
    """
    options = _parser().parse_args(list(argv))
    if options.port is not None and not (options.web and 0 <= options.port < 2**16):
        raise BadInput(f"--port {options.port}: goes with --web, and is a number from 0 (any free one) to 65,535.")
    from workbench.settings import read_settings, settings_path

    workspace, settings = Workspace(workspace_folder(options.workspace)), read_settings(settings_path())
    if options.web:
        from workbench.web import serve

        arguments = ["--workspace", str(workspace.folder.absolute()), *(["--readonly"] if options.readonly else [])]
        serve(arguments, PORT if options.port is None else options.port)
        return
    from workbench.application import Workbench  # after parsing: a wrong option should not wait for the interface

    app = Workbench(workspace, readonly=options.readonly, option=options.workspace, settings=settings)
    app.run(mouse=not options.no_mouse)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="st5", description="Open the workbench.", allow_abbrev=False)
    parser.add_argument("-w", "--workspace", type=Path, metavar="FOLDER", help="folder of the workspace")
    parser.add_argument("--readonly", action="store_true", help="write nothing, not even what was last looked at")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--web", action="store_true", help="serve it to a browser of this machine")
    parser.add_argument("--port", type=int, metavar="N", help=f"where --web listens (default: {PORT})")
    return parser
