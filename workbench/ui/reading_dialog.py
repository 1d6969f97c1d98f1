"""Dialogs that read something while they are open: in threads, like the areas."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.message import Message
from textual.worker import Worker, WorkerState

from workbench.ui.dialog import Dialog, Result
from workbench.ui.reading import View, read

if TYPE_CHECKING:
    from workbench.application import Workbench


class ReadingDialog(Dialog[Result]):
    """Subclasses `read`, and say in `failed` what could not be."""

    @property
    def bench(self) -> Workbench:
        return cast("Workbench", self.app)

    def read(self, group: str, query: Callable[[], View], answer: Callable[[View], Message]) -> None:
        """Run `query` in a thread and post what `answer` makes of it; of several in one group the newest counts."""
        read(self, group, query, answer)

    def failed(self, error: BaseException) -> None:
        """A query ended with an error."""

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self.failed(event.worker.error)
