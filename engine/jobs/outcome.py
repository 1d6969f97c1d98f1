"""How a job ended: its final state, one line for people, and the exit code."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from store.enums import JobState
from store.errors import Cancelled, Problem

INTERRUPTED = 130  # as shells say it of Ctrl-C


@dataclass(frozen=True)
class Outcome:
    """The end of a job."""

    state: JobState
    message: str
    exit_code: int


def outcome_of(error: BaseException) -> Outcome:
    """What an error makes of the job whose work raised it."""
    if isinstance(error, KeyboardInterrupt):
        return Outcome(JobState.CANCELLED, "interrupted", INTERRUPTED)
    if isinstance(error, Cancelled):
        return Outcome(JobState.CANCELLED, str(error) or "cancelled", error.exit_code)
    if isinstance(error, Problem):
        return Outcome(JobState.FAILED, str(error), error.exit_code)
    if isinstance(error, SystemExit):
        return outcome_of_code(error.code if isinstance(error.code, int) else int(error.code is not None))
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Outcome(JobState.FAILED, "the disk is full; free some space, then resume the job", 1)
    text = str(error).strip()
    return Outcome(JobState.FAILED, f"{type(error).__name__}: {text}" if text else type(error).__name__, 1)


def outcome_of_code(code: int, words: str = "") -> Outcome:
    """What an exit code says about a command; `words` are the last that it said."""
    if code == 0:
        return Outcome(JobState.SUCCEEDED, words, 0)
    if code in (Cancelled.exit_code, INTERRUPTED):
        return Outcome(JobState.CANCELLED, words or "cancelled", code)
    return Outcome(JobState.FAILED, words or f"exit code {code}", code)
