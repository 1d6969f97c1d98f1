"""A table whose numbers are tested against the best beside them, after it is there: that takes its time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual import on
from textual.message import Message
from textual.worker import get_current_worker

from workbench.grid import Grid
from workbench.remembered import ResultsChoice
from workbench.screens.measured import MeasuredScreen
from workbench.significance import Alike, Asked, P, Question, alike, answers, questions


class TestedScreen(MeasuredScreen):
    """Subclasses have a `grid`, call `test` when it is another, and in `tested` say what has become known."""

    __test__ = False  # a name that pytest would take for its own

    class Tested(Message):
        """How sure it is that cells differ from the best beside them is known."""

        def __init__(self, question: Question, p: P) -> None:
            super().__init__()
            self.question = question
            self.p = p

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[Question, P] = {}
        self._asking: set[Question] = set()
        self._questions: tuple[Grid, ResultsChoice, dict[Question, Asked]] | None = None

    @property
    def grid(self) -> Grid | None:
        """The table whose numbers are tested."""
        raise NotImplementedError

    def tested(self) -> None:
        """One more question is answered."""

    def test(self) -> None:
        """Ask what is not known yet."""
        asked = {question: own for question, own in self._asked().items() if question not in self._answers}
        if asked.keys() - self._asking:  # a cursor that moves does not start the same tests again
            self._asking = set(asked)
            work = partial(_answer, self, asked)
            self.run_worker(work, group="alike", thread=True, exclusive=True, exit_on_error=False)

    def progress(self) -> tuple[int, int]:
        """How many questions are answered, of how many."""
        asked = self._asked()
        return len(asked.keys() & self._answers.keys()), len(asked)

    def alike(self) -> Alike:
        """The cells that do not differ from the best."""
        return alike(self._asked(), self._answers)

    def action_reload(self) -> None:
        self._asking.clear()  # what failed is asked again
        super().action_reload()

    @on(Tested)
    def _answered(self, event: Tested) -> None:
        self._answers[event.question] = event.p
        self.tested()

    def _asked(self) -> dict[Question, Asked]:
        grid, choice = self.grid, self.choice
        if grid is None:
            return {}
        if self._questions is None or self._questions[0] is not grid or self._questions[1] != choice:
            self._questions = (grid, replace(choice), questions(grid, choice))  # often asked, and long with many rows
        return self._questions[2]


def _answer(screen: TestedScreen, asked: dict[Question, Asked]) -> None:
    worker = get_current_worker()
    for question, p in answers(screen.workspace, asked, lambda: worker.is_cancelled or not screen.is_attached):
        screen.post_message(screen.Tested(question, p))
