"""Dialogs that read something while they are open: in threads, like the areas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from workbench.screens.dialog import Dialog, Result

if TYPE_CHECKING:
    from workbench.application import Workbench

View = TypeVar("View")


class ReadingDialog(Dialog[Result]):
    """Subclasses `read`, and say in `failed` what could not be."""

    @property
    def bench(self) -> Workbench:
        return cast("Workbench", self.app)

    def read(self, group: str, query: Callable[[], View], answer: Callable[[View], Message]) -> None:
        """Run `query` in a thread and post what `answer` makes of it; of several in one group the newest counts."""
        work = partial(_read, self, query, answer)
        self.run_worker(work, group=group, thread=True, exclusive=True, exit_on_error=False)

    def failed(self, error: BaseException) -> None:
        """A query ended with an error."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self.failed(event.worker.error)


def _read(dialog: ReadingDialog[Result], query: Callable[[], View], answer: Callable[[View], Message]) -> None:
    worker = get_current_worker()
    found = query()
    if not worker.is_cancelled and dialog.is_attached:
        dialog.post_message(answer(found))
