"""The log of a job, read from its end in bounded pieces, as lines that a terminal may show."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from store.plain_text import plain
from store.workspace import Workspace

PIECE = 64 * 1024  # bytes at once: some 600 lines, far less than a frame's worth of work
LINE_LIMIT = 2_000  # characters of one line
# Colours and titles say nothing here; what is left of broken ones becomes `�`.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass(frozen=True)
class Piece:
    """Lines of a log: they end before byte `end`; `skipped` bytes lie between them and what was read before."""

    lines: tuple[str, ...]
    end: int
    skipped: int = 0
    anew: bool = False


def log_path(workspace: Workspace, job: int) -> Path:
    """The log file of a job."""
    return workspace.folder / "jobs" / str(job) / "run.log"


def log_size(path: Path) -> int | None:
    """Bytes of the log so far; None if missing."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def read_log(path: Path, start: int, *, whole: bool, limit: int = PIECE) -> Piece | None:
    """What came after byte `start`, at most the last `limit` bytes of it; None where there is no log.

    A last line without an end is left for the next time, unless `whole` says that nothing will follow. A file shorter
    than `start` has been replaced: it is read from its own end. Raises `OSError` where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            anew = size < start
            begin = max(0 if anew else start, size - limit)
            file.seek(begin)
            data = file.read(size - begin)
    except FileNotFoundError:
        return None
    skipped = begin - (0 if anew else start)
    if skipped and b"\n" in data:  # the rest of a line whose start was skipped
        cut = data.index(b"\n") + 1
        data, begin, skipped = data[cut:], begin + cut, skipped + cut
    if not whole and len(data) < limit:
        data = data[: data.rfind(b"\n") + 1]
    text = data.decode("utf-8", errors="replace")
    return Piece(tuple(_clean(line) for line in _lines(text)), begin + len(data), skipped, anew)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _clean(text: str) -> str:
    """One line as a terminal would leave it standing: what a carriage return wrote over is gone."""
    shown = text.rstrip("\r").rsplit("\r", 1)[-1]
    shown = plain(_ESCAPES.sub("", shown).expandtabs(4))
    return shown if len(shown) <= LINE_LIMIT else f"{shown[:LINE_LIMIT]}… {len(shown) - LINE_LIMIT:,} more characters"
