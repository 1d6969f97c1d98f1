"""The dialog that an error becomes: what happened, and what to do next."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from store.errors import Problem
from workbench.ui.dialog import Dialog
from workbench.ui.display import whole


class ProblemDialog(Dialog[None]):
    """The workbench lives on behind it."""

    TITLE = "Something could not be read"
    HINT = "Esc closes · Ctrl+R then reads the workspace again"

    def __init__(self, error: BaseException) -> None:
        super().__init__(self.TITLE)
        self.error = error

    def content(self) -> ComposeResult:
        yield Static(whole(in_words(self.error)), id="problem")


class RefusedDialog(ProblemDialog):
    """Something that was asked for could not be done."""

    TITLE = "It could not be done"
    HINT = "Esc closes"


class NotStartedDialog(RefusedDialog):
    """The command refused, or ended without a job."""

    TITLE = "The job could not be started"
    HINT = "Esc closes · n then opens the form again, filled in as it was"


def in_words(error: BaseException) -> str:
    """The message of a problem; of anything else its kind and what it means for the reader."""
    if isinstance(error, Problem):
        return str(error)
    return (
        f"{type(error).__name__}: {error}\n\n"
        "This is unexpected: a stored row may be damaged, or this is a bug in the workbench. Nothing was changed. "
        "Run `st5 doctor`; the other areas still work."
    )
