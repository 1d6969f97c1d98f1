"""The terminal is lent to other programs: pager and editor that the environment names, and the shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

PAGER = "less"
EDITOR = "vi"


def in_pager(app: App[Any], text: str) -> None:
    """Show text in `$PAGER` until it is left."""
    _run(app, "PAGER", PAGER, [], text)


def in_editor(app: App[Any], path: Path) -> bool:
    """Open a file in `$VISUAL` or `$EDITOR`; False where that could not be."""
    name = "VISUAL" if os.environ.get("VISUAL") else "EDITOR"
    return _run(app, name, EDITOR, [str(path)], None)


def to_shell(app: App[Any], suspend: Callable[[], None]) -> None:
    """Stop the process as Ctrl+Z does, if a shell can continue it; else say why not."""
    if app.is_web:
        app.notify("A page in a browser has no shell to go back to.", severity="warning")
    elif os.getpgrp() == os.getsid(0):  # a shell with job control gives each job a process group of its own
        app.notify("No shell with job control started st5, so nothing could bring it back.", severity="warning")
    else:
        suspend()


def _run(app: App[Any], name: str, otherwise: str, arguments: list[str], text: str | None) -> bool:
    command = os.environ.get(name) or otherwise
    try:
        words = [*shlex.split(command), *arguments]
        with app.suspend():
            ended = subprocess.run(words, input=text, text=True, encoding="utf-8", errors="replace", check=False)
    except SuspendNotSupported:
        app.notify("Only a terminal can be lent to another program; this is none.", severity="warning")
        return False
    except (OSError, ValueError) as error:
        app.notify(f"${name} = {command}: {error}. Set ${name} to a program that is there.", severity="error",
                   markup=False)  # fmt: skip
        return False
    if ended.returncode:
        app.notify(f"{command} ended with exit code {ended.returncode}.", severity="warning", markup=False)
    return ended.returncode == 0
