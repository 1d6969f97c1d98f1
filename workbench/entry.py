"""Opens the workbench; what `st5` does without a command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from store.workspace import Workspace, workspace_folder


def main(argv: Sequence[str]) -> None:
    """Parse the options, open the workbench and stay until it is quit.

    Nothing is written to a workspace that is not there yet, and nothing at all with `--readonly`.
    """
    options = _parser().parse_args(list(argv))
    from workbench.application import Workbench  # after parsing: a wrong option should not wait for the interface
    from workbench.settings import read_settings, settings_path

    workspace = Workspace(workspace_folder(options.workspace))
    app = Workbench(
        workspace, readonly=options.readonly, option=options.workspace, settings=read_settings(settings_path())
    )
    app.run(mouse=not options.no_mouse)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="st5", description="Open the workbench.", allow_abbrev=False)
    parser.add_argument("-w", "--workspace", type=Path, metavar="FOLDER", help="folder of the workspace")
    parser.add_argument("--readonly", action="store_true", help="write nothing, not even what was last looked at")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    return parser
