"""Errors that a person reads: what was wrong, what was found, what is allowed, what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class Problem(Exception):
    """A message for a person, printed without a traceback; `exit_code` ends the command."""

    exit_code = 1


class Failed(Problem):
    """The work could not be done although the request was fine (exit code 1)."""


class BadInput(Problem):
    """The request, a file or a name is wrong (exit code 2)."""

    exit_code = 2


class Cancelled(Problem):
    """The work was cancelled on request (exit code 3)."""

    exit_code = 3


def unknown(kind: str, got: str, known: Iterable[str], hint: str = "", *, label: str = "Available") -> BadInput:
    """A name that is not there, with the nearest names that are.

    `unknown("model", "onyl", ["only", "pop"])` says: `No model "onyl". Did you mean only? Available: only, pop.`
    label: what the list of names is called.
    """
    import difflib

    names = sorted(set(known))
    near = difflib.get_close_matches(got, names, n=3, cutoff=0.5)
    parts = [f'No {kind} "{got}".']
    if near:
        parts.append(f"Did you mean {' or '.join(near)}?")
    if names:
        shown = ", ".join(names[:20])
        parts.append(f"{label}: {shown}{f' and {len(names) - 20} more' if len(names) > 20 else ''}.")
    else:
        parts.append(f"There is no {kind} yet.")
    if hint:
        parts.append(hint)
    return BadInput(" ".join(parts))


def explain(error: sqlite3.Error, where: object) -> Problem:
    """Turn SQLite's words into a message that says what happened to the workspace and what to do.

    `where` is the database file. Nothing is lost in any of these: a transaction that failed left no trace.
    """
    text = str(error).lower()
    if "locked" in text or "busy" in text:
        return Failed(f"{where}: another program is writing to this workspace. Nothing was changed; try again.")
    if "readonly" in text or "read-only" in text or "attempt to write" in text:
        return BadInput(
            f"{where}: the workspace is read-only. Nothing was changed. "
            "Make it writable or choose another with --workspace."
        )
    if "full" in text:
        return Failed(f"{where}: the disk is full. What was finished before is safe; free some space and run it again.")
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return BadInput(
            f"{where}: the file is damaged or is no SQLite database ({error}). It was left as it is. "
            f'Try `sqlite3 "{where}" .recover` on a copy, or choose another workspace with --workspace.'
        )
    if "unable to open" in text:
        return BadInput(f"{where}: cannot be opened ({error}). Check the folder and its permissions, or --workspace.")
    if "disk i/o" in text:
        return Failed(f"{where}: the disk failed to read or write ({error}). Check the disk, then run it again.")
    return Failed(f"{where}: SQLite says: {error}.")
