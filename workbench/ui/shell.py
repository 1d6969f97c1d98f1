"""Command lines of st5 to copy into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path

from store.plain_text import plain


def command(words: list[str], workspace_option: Path | None) -> str:
    """A command line for a shell, with the workspace where one was chosen by option."""
    place = ["--workspace", str(workspace_option)] if workspace_option is not None else []
    return plain(shlex.join(["st5", *words, *place]))
