"""Opens the workbench: what `st5` does without a command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from store.errors import BadInput
from store.workspace import Workspace, workspace_folder

DRIVER = "TEXTUAL_DRIVER"  # set by textual-serve for the process behind a page, which draws through a pipe
STREAMS = ("input", "output", "error")  # by file descriptor
DUMB = ("dumb", "unknown")  # values of TERM for terminals that cannot move their cursor


def open_workbench(
    workspace: Path | None = None,
    *,
    readonly: bool = False,
    mouse: bool = True,
    port: int | None = None,
    files: Sequence[Path] = (),
) -> None:
    """Open the workbench and stay until the user quits; with a `port`, serve it to a browser there (0: any free port).

    Nothing is written to a workspace that does not exist yet, and nothing at all if `readonly`. `files` are the folders
    in which the user may read and write files besides the workspace; without any: everywhere in a terminal, nowhere
    else in a browser. `BadInput` if there is neither a port nor a terminal to draw on.
    """
    for folder in files:
        if not folder.is_dir():
            raise BadInput(f"--files {folder}: no such folder. Name one that exists.")
    behind_a_page = bool(os.environ.get(DRIVER))
    if port is None and not behind_a_page:
        _need_terminal()
        for name in ("COLUMNS", "LINES"):  # exported ones would hide the terminal's real size, and each change of it
            os.environ.pop(name, None)
    from workbench.ui.settings import read_settings, settings_path

    found, settings = Workspace(workspace_folder(workspace)), read_settings(settings_path())
    if port is not None:
        from workbench.web import serve

        arguments = ["--workspace", str(found.folder.absolute()), *(["--readonly"] if readonly else [])]
        serve([*arguments, *(word for folder in files for word in ("--files", str(folder.absolute())))], port)
        return
    from workbench.application import Workbench  # only now: a wrong option should not wait for the interface
    from workbench.ui.file_access import EVERYWHERE, FileAccess

    access = FileAccess.of(found.folder, *files) if files or behind_a_page else EVERYWHERE
    app = Workbench(found, readonly=readonly, option=workspace, settings=settings, access=access)
    app.run(mouse=mouse)
    sys.exit(app.return_code or 0)


def _need_terminal() -> None:
    """`BadInput` unless input, output and error are a terminal: Textual reads the first and draws on the last."""
    missing = [name for number, name in enumerate(STREAMS) if not os.isatty(number)]
    if missing:
        *most, last = missing
        words = f"{', '.join(most)} and {last} are" if most else f"{last} is"
        reason = f"standard {words} not connected to one"
    elif os.environ.get("TERM", "").lower() in DUMB:
        reason = f"with TERM={os.environ['TERM']} this one cannot move its cursor"
    else:
        return
    raise BadInput(
        f"The workbench needs a terminal; {reason}. Over SSH: `ssh -t HOST st5`. In a browser: `st5 --web`. "
        "Commands need no terminal, for example `st5 results`; `st5 --help` lists them."
    )
