"""A table whose numbers are tested against the best beside them, after it is there: that takes its time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual import on
from textual.message import Message
from textual.worker import get_current_worker

from engine.tables.results_table import ResultsTable
from engine.tables.significance import Group, GroupCells, P, Verdicts, group_p_values, groups_to_test, verdicts
from workbench.ui.measured import MeasuredScreen
from workbench.ui.ui_state import ResultsChoice


class SignificanceScreen(MeasuredScreen):
    """Subclasses have a `grid`, call `test` when it changes, and show new results in `tested`."""

    __test__ = False  # a name that pytest would take for its own

    class Tested(Message):
        """How sure it is that cells differ from the best beside them is known."""

        def __init__(self, group: Group, p: P) -> None:
            super().__init__()
            self.group = group
            self.p = p

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[Group, P] = {}
        self._asking: set[Group] = set()
        self._groups: tuple[ResultsTable, ResultsChoice, dict[Group, GroupCells]] | None = None

    @property
    def grid(self) -> ResultsTable | None:
        """The table whose numbers are tested."""
        raise NotImplementedError

    def tested(self) -> None:
        """One more group is tested."""

    def test(self) -> None:
        """Test what is not known yet."""
        cells_by_group = {group: own for group, own in self._cells_by_group().items() if group not in self._answers}
        if cells_by_group.keys() - self._asking:  # a cursor that moves does not start the same tests again
            self._asking = set(cells_by_group)
            work = partial(_answer, self, cells_by_group)
            self.run_worker(work, group="alike", thread=True, exclusive=True, exit_on_error=False)

    def progress(self) -> tuple[int, int]:
        """How many groups are tested, of how many."""
        cells_by_group = self._cells_by_group()
        return len(cells_by_group.keys() & self._answers.keys()), len(cells_by_group)

    def verdicts(self) -> Verdicts:
        """Which cells differ from the best."""
        return {} if self.grid is None else verdicts(self._cells_by_group(), self._answers, self.grid)

    def action_reload(self) -> None:
        self._asking.clear()  # what failed is asked again
        super().action_reload()

    @on(Tested)
    def _answered(self, event: Tested) -> None:
        self._answers[event.group] = event.p
        self.tested()

    def _cells_by_group(self) -> dict[Group, GroupCells]:
        grid, choice = self.grid, self.choice
        if grid is None:
            return {}
        if self._groups is None or self._groups[0] is not grid or self._groups[1] != choice:
            # kept, since it is needed often and takes long with many rows
            self._groups = (grid, replace(choice), groups_to_test(grid, choice.measured))
        return self._groups[2]


def _answer(screen: SignificanceScreen, cells_by_group: dict[Group, GroupCells]) -> None:
    """Test one group after another, until the screen is left."""
    worker = get_current_worker()
    for group, cells in cells_by_group.items():
        if worker.is_cancelled or not screen.is_attached:
            return
        with screen.workspace.read() as db:
            p = group_p_values(db, group, cells)
        screen.post_message(screen.Tested(group, p))
